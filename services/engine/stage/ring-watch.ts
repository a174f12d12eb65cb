/*
 * The ring ping of a chain (WAFER §6.5): the leader pings every stage each 50 ms; a stage that leaves three pings in
 * a row without an answer, or answers as another one than was planned, breaks the chain.
 *
 * Invariants
 *  1. `broken` is told once, and nothing is sent after it.
 *  2. A ping counts as missed when the next one is due and no answer to it or a later one has come.
 *  3. Only an answer with the epoch, program and hardware that the leader was told counts.
 */
import { assert } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';

/** Interval of pings, and how many in a row may be missed (WAFER §6.5). */
export const ringPingMs = 50;
export const ringMissesMax = 3;
/** Time from a stage's death to the break, one interval of phase at most left out. */
export const ringBrokenAfterMs = ringPingMs * ringMissesMax;

/** What a stage holds: the leader's plan of it, and its own claim, must be equal. */
export type StageIdentity = {
  /** Index in the chain; 0 leads. */
  readonly stage: number;
  /** SHA-256 of the artefact it runs, in hex (WAFER §6.5). */
  readonly programId: string;
  readonly hardwareId: string;
  /** Epoch of the replica; a stage of another one is refused. */
  readonly epoch: number;
};

export type StagePing = { readonly sequence: number; readonly stage: number; readonly epoch: number };

export type StageState = 'serving' | 'failed';

export type StagePong = StageIdentity & { readonly sequence: number; readonly state: StageState };

/** How pings reach a stage; an answer comes back through {@link RingWatch.answered}. */
export type PingPort = (ping: StagePing) => void;

export type RingWatchOptions = {
  readonly clock: Clock;
  readonly stages: readonly StageIdentity[];
  readonly send: PingPort;
  readonly broken: (reason: string) => void;
  /** Default {@link ringPingMs}. */
  readonly pingMs?: number;
};

export class RingWatch {
  readonly #options: RingWatchOptions;
  readonly #pingMs: number;
  /** Last sequence that each stage answered. */
  readonly #answered = new Map<number, number>();
  #sequence = 0;
  #disarm: (() => void) | undefined;
  #ended = false;

  constructor(options: RingWatchOptions) {
    this.#options = options;
    this.#pingMs = options.pingMs ?? ringPingMs;
    for (const { stage } of options.stages) {
      assert(!this.#answered.has(stage), 'a stage is watched once');
      this.#answered.set(stage, 0);
    }
  }

  /** Sends the first ping; to be called once. */
  start(): void {
    assert(this.#sequence === 0 && !this.#ended, 'a watch is started once');
    this.#tick();
  }

  answered(pong: StagePong): void {
    if (this.#ended) return;
    const planned = this.#options.stages.find(({ stage }) => stage === pong.stage);
    const last = this.#answered.get(pong.stage);
    if (planned === undefined || last === undefined || pong.sequence > this.#sequence) return;
    const fault = faultIn(planned, pong);
    if (fault !== undefined) {
      this.#break(`stage ${pong.stage} ${fault}`);
      return;
    }
    this.#answered.set(pong.stage, Math.max(last, pong.sequence));
  }

  /** The stage said for certain that it does not serve this chain (a refused epoch, a foreign answer). */
  refused(stage: number, why: string): void {
    if (!this.#ended && this.#answered.has(stage)) this.#break(`stage ${stage} ${why}`);
  }

  close(): void {
    this.#ended = true;
    this.#disarm?.();
  }

  readonly #tick = (): void => {
    const silent = this.#options.stages.find(({ stage }) => this.#missed(stage) >= ringMissesMax);
    if (silent !== undefined) {
      this.#break(`stage ${silent.stage} does not answer`);
      return;
    }
    this.#sequence += 1;
    const sequence = this.#sequence;
    this.#disarm = this.#options.clock.after(this.#pingMs, this.#tick);
    for (const { stage, epoch } of this.#options.stages) {
      if (!this.#ended) this.#options.send({ sequence, stage, epoch });
    }
  };

  #missed(stage: number): number {
    return this.#sequence - (this.#answered.get(stage) ?? 0);
  }

  #break(reason: string): void {
    this.close();
    this.#options.broken(reason);
  }
}

function faultIn(planned: StageIdentity, pong: StagePong): string | undefined {
  if (pong.epoch !== planned.epoch) return `has epoch ${pong.epoch}, not ${planned.epoch}`;
  if (pong.programId !== planned.programId) return 'runs another program';
  if (pong.hardwareId !== planned.hardwareId) return 'is on other hardware';
  return pong.state === 'serving' ? undefined : 'failed';
}
