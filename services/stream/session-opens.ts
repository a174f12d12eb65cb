/** What opening a session takes and tells, for its seat (PROTOCOL E6, E7, §7). */
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Adopt__Input } from '@reticle/proto/gen/engine/v1/Adopt';
import type { Opened } from '@reticle/proto/gen/engine/v1/Opened';
import type { EngineLink } from './link/engine-link.ts';

export type OpenedAt = {
  readonly opened: Opened;
  readonly link: EngineLink;
  readonly asked: readonly Adopt__Input[];
  /** The run of the engine is the one that answered last: what is known of contexts and lanes is known of it. */
  readonly stays: boolean;
  /** The session's prefix went with the Open. */
  readonly rooted: boolean;
};

export type OpenOptions = {
  readonly holder: string;
  /** Engines that are not asked, by {@link entryKey}. */
  readonly except?: ReadonlySet<string>;
  /** How long to look for an engine; 0 takes the first answer. */
  readonly patienceMs: number;
  /** The first engine is dialled once, for this long at most (E7). */
  readonly boundMs?: number;
};

/** One engine of a search. */
export type SearchStep = {
  readonly holder: string;
  readonly tried: Set<string>;
  readonly boundMs: number | undefined;
  /** The search that asks; another one may have begun since. */
  readonly mine: number;
};

/** What a gateway that takes a session over knows of it. */
export type TakeOver = {
  readonly holder: string;
  readonly epoch: number;
  /** Epoch of the replica that had the session; undefined when it was found by asking for it. */
  readonly replicaEpoch: number | undefined;
  /** Turns that the client is still owed something of, and from where. */
  readonly wanted: ReadonlyMap<string, number>;
};

/** An engine that knows nothing of the session: its Open has made it. */
export function isEmpty({ kvTokens, turns }: Opened): boolean {
  return kvTokens === 0 && turns.length === 0;
}

/**
 * Another gateway has served the session since this one let it go: what is remembered here is out of date, and the
 * engine's records are the truth.
 */
export class OutdatedError extends ReticleError {
  readonly epoch: number;

  constructor(epoch: number) {
    super('epoch_stale', 'another gateway had this session since');
    this.epoch = epoch;
  }
}

export function lost(): ReticleError {
  return new ReticleError('engine_lost', 'no engine can go on with this session', { retryAfterMs: limits.linkDeadMs });
}
