/** Whether a socket is read: it is while nothing speaks against it. */
export class ReadGate {
  readonly #read: (on: boolean) => void;
  readonly #reasons = new Set<string>();

  /** @param read told when it changes; a socket is read at first */
  constructor(read: (on: boolean) => void) {
    this.#read = read;
  }

  /** `backlog`: the peer does not read; `work`: a message of its takes its time. */
  hold(reason: 'backlog' | 'work', isHeld: boolean): void {
    const before = this.#reasons.size;
    if (isHeld) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    const after = this.#reasons.size;
    if ((before === 0) !== (after === 0)) this.#read(after === 0);
  }
}
