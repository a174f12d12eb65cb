import { assert } from '@reticle/core/domain';
import { PRESENCE_FRESH_MS } from '../replica-view.ts';
import type { LoadFact, PresenceFact, StoredDeployment, StoredReplica } from '../facts.ts';

/*
 * Autoscaling of OPERATOR §14, one reducer per (deployment, region), fed every 5 s.
 *
 *   want = ⌈max( tok/s ÷ (tokenPercent·tps_plan), streams ÷ (slotPercent·streams_plan),
 *                kvResident ÷ (kvPercent·kv_plan), (ρ + β√ρ) ÷ streams_plan )⌉
 *
 * Up: the highest want over the up window, at most +2 chains per 30 s. Down: the highest want over the down window, −1
 * chain per 60 s, and only when the whole window has been seen. Unknown or stale input never scales down.
 */

/** β: how many standard deviations of the offered load are covered. */
const BETA = 1;
const UP_CHAINS = 2;
const UP_EVERY_MS = 30_000;
const DOWN_EVERY_MS = 60_000;

type Region = StoredDeployment['spec']['regions'][number];
type Scaling = NonNullable<Region['scaling']>;

/** What the reducer keeps. A new one has an empty window, so it may go up at once and not down for a whole window. */
export type ScaleState = {
  readonly desired: number;
  readonly samples: readonly { readonly atMs: number; readonly want: number }[];
  /** Since when samples have come without a gap. */
  readonly sinceMs: number | undefined;
  readonly lastUpMs: number;
  readonly lastDownMs: number;
};

/** What one chain of the deployment was planned for. */
export type ChainCapacity = {
  readonly tokensPerSecond: number;
  readonly streams: number;
  readonly kvTokens: number;
};

/** One look at a region. */
export type ScaleSample = {
  readonly nowMs: number;
  readonly scaling: Scaling;
  /** Of one chain, by its plan; undefined before any plan. */
  readonly planned: ChainCapacity | undefined;
  /** Of the serving replicas. */
  readonly presence: readonly PresenceFact[];
  /** Replicas that should be in `presence`. */
  readonly ready: number;
  readonly load: LoadFact | undefined;
  /** Chains that the phases of the region allot; undefined: no phase limits it. */
  readonly allotted?: number;
};

export type Scaled = {
  readonly state: ScaleState;
  readonly reason: 'AsExpected' | 'ScalingUp' | 'ScalingDown' | 'TelemetryStale';
};

/** State of a region that has so many replicas. */
export function scaleState(replicas: number): ScaleState {
  return { desired: replicas, samples: [], sinceMs: undefined, lastUpMs: -Infinity, lastDownMs: -Infinity };
}

/** The next state, with the number of replicas wanted. */
export function scale(state: ScaleState, sample: ScaleSample): Scaled {
  const { nowMs } = sample;
  const bounds = boundsOf(sample);
  const within = { ...state, desired: clamp(state.desired, bounds) };
  const want = wantOf(sample);
  if (want === undefined) {
    const held = { ...within, samples: [], sinceMs: undefined };
    return { state: held, reason: 'TelemetryStale' };
  }
  const samples = [...within.samples, { atMs: nowMs, want: clamp(want, bounds) }].filter(
    ({ atMs }) => nowMs - atMs <= longestWindowMs(sample.scaling),
  );
  return decide({ ...within, samples, sinceMs: within.sinceMs ?? nowMs }, sample);
}

function decide(state: ScaleState, { nowMs, scaling }: ScaleSample): Scaled {
  const highest = (windowMs: number): number =>
    state.samples.reduce((most, { atMs, want }) => (nowMs - atMs <= windowMs ? Math.max(most, want) : most), 0);
  const up = highest(scaling.upStabilizationSeconds * 1_000);
  if (up > state.desired && nowMs - state.lastUpMs >= UP_EVERY_MS) {
    const desired = Math.min(up, state.desired + UP_CHAINS);
    return { state: { ...state, desired, lastUpMs: nowMs }, reason: 'ScalingUp' };
  }
  const windowMs = scaling.downStabilizationSeconds * 1_000;
  const isWhole = state.sinceMs !== undefined && nowMs - state.sinceMs >= windowMs;
  if (isWhole && highest(windowMs) < state.desired && nowMs - state.lastDownMs >= DOWN_EVERY_MS) {
    return { state: { ...state, desired: state.desired - 1, lastDownMs: nowMs }, reason: 'ScalingDown' };
  }
  return { state, reason: 'AsExpected' };
}

function longestWindowMs({ upStabilizationSeconds, downStabilizationSeconds }: Scaling): number {
  return Math.max(upStabilizationSeconds, downStabilizationSeconds) * 1_000;
}

/** Chains that the load asks for; undefined when something that it rests on is unknown or stale. */
export function wantOf({ nowMs, scaling, planned, presence, ready, load }: ScaleSample): number | undefined {
  const isFresh = (atMs: number): boolean => nowMs - atMs <= PRESENCE_FRESH_MS;
  if (load === undefined || !isFresh(load.atMs)) return undefined;
  if (ready === 0) return load.queuedTurns > 0 || load.offeredStreams > 0 ? 1 : 0;
  const seen = presence.filter(({ atMs }) => isFresh(atMs));
  if (planned === undefined || seen.length < ready) return undefined;
  const total = (of: (fact: PresenceFact) => number): number => seen.reduce((sum, fact) => sum + of(fact), 0);
  const rho = load.offeredStreams;
  const wants = [
    total((fact) => fact.tokensPerSecond) / ((scaling.tokenPercent / 100) * planned.tokensPerSecond),
    total((fact) => fact.streams) / ((scaling.slotPercent / 100) * planned.streams),
    total((fact) => fact.kvTokens) / ((scaling.kvPercent / 100) * planned.kvTokens),
    (rho + BETA * Math.sqrt(rho)) / planned.streams,
  ];
  return Math.ceil(wants.reduce((most, want) => Math.max(most, want), 0));
}

type Bounds = { readonly least: number; readonly most: number };

function boundsOf({ scaling, nowMs, allotted }: ScaleSample): Bounds {
  const scheduled = scaling.schedules.filter((window) => isOpen(window, nowMs)).map(({ min }) => min);
  const most = Math.min(scaling.max, allotted ?? scaling.max);
  return { least: Math.min(most, Math.max(scaling.min, ...scheduled)), most };
}

function clamp(value: number, { least, most }: Bounds): number {
  return Math.min(most, Math.max(least, value));
}

const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday. */
const weekdays = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'] as const;

/** Whether a schedule window is open; one that ends before it begins ends on the next day. Times are UTC. */
export function isOpen({ days, from, to }: Scaling['schedules'][number], nowMs: number): boolean {
  const day = Math.floor(nowMs / DAY_MS);
  const minute = Math.floor((nowMs - day * DAY_MS) / 60_000);
  const today = weekdays[day % 7];
  const yesterday = weekdays[(day + 6) % 7];
  assert(today !== undefined && yesterday !== undefined, 'a week has seven days');
  const begins = minutesOf(from);
  const ends = minutesOf(to);
  if (begins <= ends) return days.includes(today) && minute >= begins && minute < ends;
  return (days.includes(today) && minute >= begins) || (days.includes(yesterday) && minute < ends);
}

function minutesOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}

/** What a chain of the deployment was planned for; the least of its replicas, so that no chain is overrated. */
export function chainCapacity(replicas: readonly StoredReplica[]): ChainCapacity | undefined {
  const planned = replicas.flatMap(({ spec }) => (spec.plan === undefined ? [] : [spec.plan.predicted]));
  const least = (of: (each: (typeof planned)[number]) => number): number =>
    planned.reduce((lowest, each) => Math.min(lowest, of(each)), Infinity);
  if (planned.length === 0) return undefined;
  const streams = least((each) => each.streams);
  // `tokensPerSecond` of a plan is one stream's; a chain makes that many for each.
  const tokensPerSecond = least((each) => each.tokensPerSecond * each.streams);
  return { streams, tokensPerSecond, kvTokens: least((each) => each.kvTokens) };
}
