import type { ReadStream, WriteStream } from 'node:tty';
import { exitCodes, usageError } from '../cli-error.ts';
import type { Signal, Signals, Terminal } from './terminal.ts';

const COLUMNS = 80;

/** This process's own streams. */
export const systemTerminal: Terminal = {
  get outputIsTty() {
    return process.stdout.isTTY;
  },
  get inputIsTty() {
    return process.stdin.isTTY;
  },
  get columns() {
    // 0 is what a terminal without a size says.
    return (process.stdout as Partial<WriteStream>).columns || COLUMNS;
  },
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  readAll,
  onKeys,
};

async function readAll(bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw usageError(`standard input is larger than ${bytesMax} bytes`, 'Send less of it.');
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function onKeys(listener: (data: string) => void): () => void {
  const input: ReadStream = process.stdin;
  const hear = (data: Buffer): void => listener(data.toString('utf8'));
  input.setRawMode(true);
  input.on('data', hear);
  input.resume();
  return () => {
    input.off('data', hear);
    input.setRawMode(false);
    // A paused stdin no longer holds the process.
    input.pause();
    input.unref();
  };
}

/** A closed pipe is the reader's way to say "enough": the command ends clean, without a message. */
export function systemSignals(): Signals {
  const listeners: ((signal: Signal) => void)[] = [];
  const raise = (signal: Signal): void => {
    const listener = listeners.at(-1);
    if (listener !== undefined) listener(signal);
    else process.exit(signal === 'EPIPE' ? exitCodes.ok : exitCodes.interrupted);
  };
  process.on('SIGINT', () => raise('SIGINT'));
  process.on('SIGTERM', () => raise('SIGTERM'));
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') raise('EPIPE');
      else throw error;
    });
  }
  return {
    on(listener) {
      listeners.push(listener);
      return () => {
        const at = listeners.indexOf(listener);
        if (at >= 0) listeners.splice(at, 1);
      };
    },
  };
}
