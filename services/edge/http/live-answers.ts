/** Answers that are under way: one whose credential no longer holds ends within 5 s (PROTOCOL §0). */
import type { ServerResponse } from 'node:http';
import { isReticleError, type ReticleError } from '@reticle/core/domain';
import { errorFields, type Logger } from '@reticle/core/process';
import type { Caller } from '@reticle/services/stream';
import { watchCredentials, type WatchOptions } from '../auth/index.ts';

/** Whether the credential of an answer still holds. */
export class Revocation {
  readonly #listeners = new Set<(error: ReticleError) => void>();
  #error: ReticleError | undefined;

  /** What ended the credential. */
  get error(): ReticleError | undefined {
    return this.#error;
  }

  /** Told once, at once when it has happened already. */
  listen(listener: (error: ReticleError) => void): void {
    if (this.#error === undefined) this.#listeners.add(listener);
    else listener(this.#error);
  }

  /** The first call decides. */
  happen(error: ReticleError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    for (const listener of this.#listeners) listener(error);
    this.#listeners.clear();
  }
}

type Live = {
  readonly caller: Caller;
  readonly response: ServerResponse;
  readonly refuse: (error: ReticleError) => void;
  readonly revocation: Revocation;
};

export type LiveAnswersOptions = WatchOptions & { readonly log: Logger };

export class LiveAnswers {
  readonly #options: LiveAnswersOptions;
  readonly #live = new Set<Live>();
  readonly #stop: () => void;

  constructor(options: LiveAnswersOptions) {
    this.#options = options;
    this.#stop = watchCredentials(options, () => this.#look());
  }

  /** @param refuse answers while nothing is sent; whoever has sent something listens to the revocation */
  enter(caller: Caller, response: ServerResponse, refuse: (error: ReticleError) => void): Revocation {
    const live: Live = { caller, response, refuse, revocation: new Revocation() };
    this.#live.add(live);
    response.once('close', () => this.#live.delete(live));
    return live.revocation;
  }

  close(): void {
    this.#stop();
  }

  #look(): void {
    const { auth, log } = this.#options;
    for (const live of this.#live) {
      try {
        auth.check(live.caller);
      } catch (error) {
        if (!isReticleError(error)) throw error;
        this.#live.delete(live);
        log.info('answer ended: its credential no longer holds', errorFields(error));
        if (!live.response.headersSent) live.refuse(error);
        live.revocation.happen(error);
      }
    }
  }
}
