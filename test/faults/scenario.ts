import type { Random } from '@reticle/core/flow';
import type { FailpointName } from '@reticle/core/process';
import type { Cluster } from './cluster.ts';
import type { Traffic } from './traffic.ts';
import type { WatchedTurn } from './watched-turn.ts';

/** What a scenario has to work with while it injects. */
export type Stage = {
  readonly cluster: Cluster;
  readonly traffic: Traffic;
  readonly random: Random;
  readonly nowMs: () => number;
  /** Marks running turns as faulted; default: all of them. */
  readonly mark: (what: string, which?: (turn: WatchedTurn, gateway: number) => boolean) => void;
  /** Lets real time pass. */
  readonly pause: (delayMs: number) => Promise<void>;
  /** The fault did not come, in words: the round proves nothing, and the run fails. */
  readonly missed: (text: string) => void;
  /** A line for the summary. */
  readonly remark: (text: string) => void;
};

/** One fault as a value: what is done to which part, and what holds afterwards beyond the oracle of every stream. */
export type Scenario = {
  /** `P3.kill`: promise, dot, fault. */
  readonly name: string;
  /** One line for people: what dies, or what the wire does. */
  readonly does: string;
  /** Silence after which clients give a stream up; default {@link SILENCE_MS}. */
  readonly silenceMs?: number;
  /** Bounds that this fault promises for its streams. */
  readonly stallP99Ms?: number;
  readonly reconnectP99Ms?: number;
  /** The fault takes client connections away: a stream that is lost meanwhile counts as faulted. */
  readonly losesStreams: boolean;
  /** Makes no sense without a real nats-server. */
  readonly needsNats?: boolean;
  /** The place in the code at which the fault comes, where it comes at one. */
  readonly failpoint?: FailpointName;
  readonly inject: (stage: Stage) => Promise<void>;
};

/** Above every promised stall, so that a client does not help where the platform must. */
export const SILENCE_MS = 5_000;
