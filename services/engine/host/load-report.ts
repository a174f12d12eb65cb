/**
 * The host's load, exact and the host's alone (PROTOCOL E10): every 250 ms and on change, at most 20 a second.
 * Counts are read at the moment of the report; rates are measured over the last 250 ms period.
 */
import type { Load } from '@reticle/proto/gen/engine/v1/Load';
import { EngineState } from '@reticle/proto/gen/engine/v1/EngineState';
import { limits } from '@reticle/proto/contract';
import type { HostState } from './host-state.ts';
import type { Session } from './session.ts';

const CHANGE_MS_MIN = 50;

const states = {
  ready: EngineState.ENGINE_STATE_READY,
  draining: EngineState.ENGINE_STATE_DRAINING,
  fenced: EngineState.ENGINE_STATE_FENCED,
  // Not ready for anything, and nothing to wait for either.
  failed: EngineState.ENGINE_STATE_STARTING,
} as const;

export class LoadReporter {
  readonly #host: HostState;
  readonly #listeners = new Set<(load: Load) => void>();
  #cancelPeriod: (() => void) | undefined;
  #cancelChange: (() => void) | undefined;
  #reportedMs = Number.NEGATIVE_INFINITY;
  #measuredMs = 0;
  #measuredTokens = 0;
  #rates = { tokensPerSecond: 0, streamTpsP50: 0, streamTpsP5: 0 };

  constructor(host: HostState) {
    this.#host = host;
  }

  /** Calls `listener` with every report from here on; timers run while there is one. */
  listen(listener: (load: Load) => void): () => void {
    this.#listeners.add(listener);
    if (this.#cancelPeriod === undefined) this.#startPeriod();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** Something that the report counts has changed. */
  changed(): void {
    if (this.#listeners.size === 0 || this.#cancelChange !== undefined) return;
    const waitMs = Math.max(0, this.#reportedMs + CHANGE_MS_MIN - this.#host.clock.nowMs());
    this.#cancelChange = this.#host.clock.after(waitMs, () => this.#report());
  }

  current(): Load {
    const { driver, sessions, condition } = this.#host;
    const { slotsTotal, slotsFree, kvTokensTotal, kvTokensFree, prefillBacklogTokens, stepMicros } = driver.load();
    return {
      state: states[condition],
      slotsTotal,
      slotsFree,
      kvTokensTotal,
      kvTokensFree,
      sessionsLive: sessions.size,
      sessionsParked: parkedOf(sessions.values()),
      prefillBacklogTokens,
      ...this.#rates,
      stepMicrosP50: Math.round(stepMicros),
      acceptedPerStepMilli: 0,
    };
  }

  close(): void {
    this.#cancelPeriod?.();
    this.#cancelChange?.();
    this.#cancelPeriod = undefined;
    this.#cancelChange = undefined;
  }

  #startPeriod(): void {
    this.#measuredMs = this.#host.clock.nowMs();
    this.#measuredTokens = this.#host.tokens;
    const tick = (): void => {
      this.#cancelPeriod = this.#host.clock.after(limits.presenceMs, tick);
      this.#measure();
      this.#report();
    };
    this.#cancelPeriod = this.#host.clock.after(limits.presenceMs, tick);
  }

  #report(): void {
    this.#cancelChange?.();
    this.#cancelChange = undefined;
    this.#reportedMs = this.#host.clock.nowMs();
    const load = this.current();
    for (const listener of this.#listeners) listener(load);
  }

  #measure(): void {
    const { clock, tokens } = this.#host;
    const seconds = (clock.nowMs() - this.#measuredMs) / 1_000;
    if (seconds <= 0) return;
    const perStream: number[] = [];
    for (const turn of this.#host.running()) {
      if (turn.phase !== 'decoding') continue;
      const { generated } = turn.ledger;
      perStream.push((generated - turn.measuredAt) / seconds);
      turn.measuredAt = generated;
    }
    perStream.sort((left, right) => left - right);
    const percentile = (share: number): number => Math.round(perStream[Math.floor(perStream.length * share)] ?? 0);
    this.#rates = {
      tokensPerSecond: Math.round((tokens - this.#measuredTokens) / seconds),
      streamTpsP50: percentile(0.5),
      streamTpsP5: percentile(0.05),
    };
    this.#measuredMs = clock.nowMs();
    this.#measuredTokens = tokens;
  }
}

function parkedOf(sessions: Iterable<Session>): number {
  let parked = 0;
  for (const session of sessions) if (session.parked) parked++;
  return parked;
}
