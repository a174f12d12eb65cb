import { bounded, WAIT_MS } from './bounded.ts';
import { CallFailed, type Outcome } from './outcome.ts';
import type { ConverseResponse } from './wire.ts';

export type ResponseKind = Exclude<ConverseResponse['message'], undefined>;
export type ResponseOf<Kind extends ResponseKind> = NonNullable<ConverseResponse[Kind]>;

type Waiter = { readonly look: () => boolean; readonly fail: (error: Error) => void };

/**
 * Everything that one stream said, in order. A wait takes the first entry that fits and that no wait has taken
 * before, so tests of several turns need not know how their messages interleave.
 */
export class ResponseLog {
  readonly entries: ConverseResponse[] = [];
  readonly #taken = new Set<ConverseResponse>();
  readonly #waiters = new Set<Waiter>();
  readonly #ended = Promise.withResolvers<Outcome>();
  #outcome: Outcome | undefined;

  push(response: ConverseResponse): void {
    this.entries.push(response);
    this.#wake();
  }

  end(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#ended.resolve(outcome);
    this.#wake();
    for (const { fail } of this.#waiters) fail(new CallFailed('the stream that a test waits on', outcome));
    this.#waiters.clear();
  }

  /** The stream's status; waits for it. */
  ended(ms = WAIT_MS): Promise<Outcome> {
    return bounded(this.#ended.promise, () => `the end of the stream, after ${this.kinds().join(' ')}`, ms);
  }

  /** Undefined while the stream runs. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** The next message of this kind (and for which `where` holds) that no wait has taken. */
  until<Kind extends ResponseKind>(
    kind: Kind,
    where: (message: ResponseOf<Kind>) => boolean = () => true,
  ): Promise<ResponseOf<Kind>> {
    const find = (): ResponseOf<Kind> | undefined => {
      for (const entry of this.entries) {
        const message = entry[kind] as ResponseOf<Kind> | null | undefined;
        if (entry.message !== kind || !message || this.#taken.has(entry) || !where(message)) continue;
        this.#taken.add(entry);
        return message;
      }
      return undefined;
    };
    return this.#wait(find, () => `${kind}, after ${this.kinds().slice(-12).join(' ')}`);
  }

  /** Resolves once the condition over the log holds; it is looked at after every message. */
  async when(condition: () => boolean, what: string): Promise<void> {
    await this.#wait(
      () => (condition() ? true : undefined),
      () => what,
    );
  }

  #wait<T>(find: () => T | undefined, what: () => string): Promise<T> {
    const now = find();
    if (now !== undefined) return Promise.resolve(now);
    if (this.#outcome !== undefined) {
      return Promise.reject(new CallFailed(`the stream, asked for ${what()},`, this.#outcome));
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiter: Waiter = {
      look: () => {
        const found = find();
        if (found !== undefined) resolve(found);
        return found !== undefined;
      },
      fail: reject,
    };
    this.#waiters.add(waiter);
    return bounded(promise, what).finally(() => this.#waiters.delete(waiter));
  }

  #wake(): void {
    for (const waiter of this.#waiters) if (waiter.look()) this.#waiters.delete(waiter);
  }

  /** Messages of one kind, in order. */
  all<Kind extends ResponseKind>(kind: Kind): ResponseOf<Kind>[] {
    return this.entries.flatMap((entry) => (entry.message === kind ? [entry[kind] as ResponseOf<Kind>] : []));
  }

  /** Kinds in order, with runs of token frames told once. */
  kinds(): string[] {
    const words = this.entries.map(({ message }) => message ?? 'none');
    return words.filter((word, index) => word !== 'tokenFrame' || words[index - 1] !== word);
  }
}
