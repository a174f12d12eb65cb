/** One message; undefined: one that is no text. */
export type Message = string | undefined;

export type InboxOptions = {
  /** Acts on a message: at once, or until the promise resolves, which never rejects. */
  readonly act: (message: Message) => Promise<void> | undefined;
  /** True while a message takes its time: what else the peer sends stays with the kernel, but for what came with it. */
  readonly onBusy: (isBusy: boolean) => void;
};

/** Messages of one socket: each is acted on when the one before it is done. */
export class Inbox {
  readonly #options: InboxOptions;
  #waiting: Message[] = [];
  #isBusy = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  take(message: Message): void {
    if (this.#isBusy) this.#waiting.push(message);
    else this.#act(message);
  }

  /** Forgets what waits. */
  close(): void {
    this.#waiting = [];
  }

  #act(message: Message): void {
    const done = this.#options.act(message);
    if (done === undefined) return;
    this.#isBusy = true;
    this.#options.onBusy(true);
    void done.then(() => this.#goOn());
  }

  #goOn(): void {
    this.#isBusy = false;
    this.#options.onBusy(false);
    while (!this.#isBusy && this.#waiting.length > 0) this.#act(this.#waiting.shift());
  }
}
