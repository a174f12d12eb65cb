/** The screen and keyboard as a port: commands write text and hear keys, and never touch the process. */
export interface Terminal {
  /** Standard output is a terminal. */
  readonly outputIsTty: boolean;
  /** Standard input is a terminal. */
  readonly inputIsTty: boolean;
  /** Width in columns; 80 where there is none. */
  readonly columns: number;
  out(text: string): void;
  err(text: string): void;
  /** All of standard input as UTF-8. Rejects with a usage error past `bytesMax`. */
  readAll(bytesMax: number): Promise<string>;
  /** Raw keys, as the terminal sends them, until the returned function is called. */
  onKeys(listener: (data: string) => void): () => void;
}

export type Signal = 'SIGINT' | 'SIGTERM' | 'EPIPE';

/** Signals go to the newest listener; without one they end the process. */
export interface Signals {
  on(listener: (signal: Signal) => void): () => void;
}
