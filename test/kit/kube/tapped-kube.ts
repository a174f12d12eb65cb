/**
 * One process's connection to a fake API server, with a hand on it: writes are counted in the order in which they are
 * sent, an answer can be lost, the process can die with what it has sent still under way, and its watches can be late,
 * lose events or merge them.
 */
import {
  failed,
  noAnswer,
  type Kube,
  type KubeResult,
  type ListOptions,
  type WatchEvent,
  type WatchListener,
} from '@reticle/operator/cluster';
import type { FakeApiServer } from './fake-api-server.ts';

/** What becomes of one write: `die` carries it out as the last thing that its process did. */
export type WriteFate = 'lost' | 'lostAnswer' | 'die';

export type TapOptions = {
  readonly server: FakeApiServer;
  /** Decides on each write by its number, from 1. */
  readonly fate?: (write: number) => WriteFate | undefined;
  /** Called when a write's fate is to die. */
  readonly died?: () => void;
  /** Whether this event of a watch, by its number from 1, is never heard. */
  readonly drops?: (event: number) => boolean;
  /** Whole lists are answered as of this revision. */
  readonly listsAt?: () => number | undefined;
  /** Waits before a request is sent and before its answer is heard. */
  readonly delay?: () => Promise<void>;
};

/** An event that waits to be heard, with what would hear it. */
type Held = { readonly listener: WatchListener; readonly words: () => void; readonly key: string | undefined };

export class TappedKube implements Kube {
  readonly #options: TapOptions;
  readonly #watches = new Set<() => void>();
  #held: Held[] | undefined;
  #writes = 0;
  #events = 0;
  #dead = false;

  constructor(options: TapOptions) {
    this.#options = options;
  }

  /** Writes that were sent so far. */
  get writes(): number {
    return this.#writes;
  }

  /** Events of watches that came so far, dropped ones among them. */
  get events(): number {
    return this.#events;
  }

  /** The process is gone: it sends nothing more and hears nothing more. */
  die(): void {
    this.#dead = true;
    for (const stop of this.#watches) stop();
    this.#watches.clear();
  }

  /** Watches say nothing until {@link resume}. */
  pause(): void {
    this.#held ??= [];
  }

  /** What was held is said; with `merged`, only the last event of each object. */
  resume({ merged = false }: { readonly merged?: boolean } = {}): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    const isLast = (each: Held, at: number): boolean =>
      each.key === undefined ||
      !held.slice(at + 1).some(({ key, listener }) => key === each.key && listener === each.listener);
    for (const [at, each] of held.entries()) if (!merged || isLast(each, at)) each.words();
  }

  list: Kube['list'] = (resource, options) =>
    this.#call(() => this.#options.server.list(resource, this.#listOptions(options)));

  get: Kube['get'] = (...args) => this.#call(() => this.#options.server.get(...args));

  create: Kube['create'] = (...args) => this.#write(() => this.#options.server.create(...args));

  patch: Kube['patch'] = (...args) => this.#write(() => this.#options.server.patch(...args));

  delete: Kube['delete'] = (...args) => this.#write(() => this.#options.server.delete(...args));

  watch: Kube['watch'] = (resource, options, listener) => {
    const stop = this.#options.server.watch(resource, options, {
      event: (event) => this.#event(listener, event),
      end: (failure) => this.#say({ listener, words: () => listener.end(failure), key: undefined }),
    });
    const forget = (): void => {
      this.#watches.delete(forget);
      stop();
    };
    this.#watches.add(forget);
    return forget;
  };

  #event(listener: WatchListener, event: WatchEvent): void {
    const words = (): void => listener.event(event);
    if (event.kind === 'bookmark') return this.#say({ listener, words, key: undefined });
    this.#events += 1;
    if (this.#options.drops?.(this.#events) === true) return;
    const { kind, metadata } = event.object;
    this.#say({ listener, words, key: `${kind}/${metadata.namespace ?? ''}/${metadata.name}` });
  }

  #say(held: Held): void {
    if (this.#dead) return;
    if (this.#held === undefined) held.words();
    else this.#held.push(held);
  }

  /** A whole list, as reflectors ask for it; a live look at some objects is always of the present. */
  #listOptions(options: ListOptions = {}): ListOptions {
    const revision = this.#options.listsAt?.();
    const isWhole = options.labelSelector === undefined && options.continueToken === undefined;
    return revision === undefined || !isWhole ? options : { ...options, continueToken: `${revision} ` };
  }

  async #write<T>(send: () => Promise<KubeResult<T>>): Promise<KubeResult<T>> {
    if (this.#dead) return never();
    this.#writes += 1;
    const fate = this.#options.fate?.(this.#writes);
    if (fate === 'lost') return failed(noAnswer('unreachable', 'connection reset'));
    const answer = this.#call(send);
    if (fate === 'die') {
      this.die();
      this.#options.died?.();
    }
    return fate === 'lostAnswer' ? answer.then(() => failed(noAnswer('unreachable', 'connection reset'))) : answer;
  }

  async #call<T>(send: () => Promise<KubeResult<T>>): Promise<KubeResult<T>> {
    const { delay } = this.#options;
    if (this.#dead) return never();
    await delay?.();
    const answer = await send();
    await delay?.();
    return this.#dead ? never() : answer;
  }
}

/** What a process that is gone waits for. */
function never<T>(): Promise<T> {
  return new Promise(() => {});
}
