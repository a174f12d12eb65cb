import type { RetireReason } from '../facts.ts';
import { compareText } from '../pool-state.ts';

/*
 * Rollout, scale and planned moves of one region, from what is observed alone (OPERATOR §13). T target, `claimed`
 * counts retiring chains and those that still wait for wafers.
 *
 *   create  iff new < T and claimed + S_new ≤ T·max(S_old, S_new) + maxSurgeWafers
 *   retire  one old iff it is not available, or available − 1 ≥ T − maxUnavailable and the last new one has been
 *           Ready for bakeSeconds
 *
 * New is the latest revision on wafers that may stay; everything else is old. A chain that must move (its node drains,
 * its pool or phase empties) is old too, so a move is a rollout of one: make before break. One pass either creates or
 * retires.
 */

/** A replica as the rollout sees it. */
export type Member = {
  readonly uid: string;
  readonly name: string;
  readonly isNew: boolean;
  /** Told to retire; it only still holds wafers. */
  readonly isRetiring: boolean;
  readonly isReady: boolean;
  readonly readySinceMs: number | undefined;
  readonly creationMs: number;
  /** It holds them, or will. */
  readonly wafers: number;
  /** Undefined: nobody knows, which is more than any number. */
  readonly sessions: number | undefined;
  /** Why an old one goes, when it is not for its revision. */
  readonly moves?: RetireReason;
};

export type RegionRollout = {
  readonly nowMs: number;
  readonly members: readonly Member[];
  /** T. */
  readonly target: number;
  /** S_new. */
  readonly wafers: number;
  readonly maxSurgeWafers: number;
  readonly maxUnavailable: number;
  readonly bakeSeconds: number;
  readonly progressDeadlineSeconds: number;
  /** While chains of another revision stand, none is made and only those that must move are retired. */
  readonly isHeld: boolean;
};

export type RolloutStep =
  | { readonly kind: 'create'; readonly because: 'RollingOut' | 'ScalingUp' }
  | { readonly kind: 'retire'; readonly member: Member; readonly reason: RetireReason }
  | { readonly kind: 'wait'; readonly reason: 'RollingOut' | 'RolloutStalled'; readonly wakeAtMs?: number }
  | { readonly kind: 'blocked'; readonly reason: 'NoSurgeCapacity'; readonly need: number; readonly have: number }
  | { readonly kind: 'done' };

/** The next step of a region; nothing is remembered between two of them. */
export function rolloutStep(region: RegionRollout): RolloutStep {
  const live = region.members.filter(({ isRetiring }) => !isRetiring);
  const fresh = live.filter(({ isNew }) => isNew);
  const old = live.filter(({ isNew }) => !isNew);
  return (
    surplus(region, { live, fresh, old }) ??
    creation(region, { live, fresh, old }) ??
    replacement(region, { live, fresh, old }) ?? { kind: 'done' }
  );
}

type Sides = { readonly live: readonly Member[]; readonly fresh: readonly Member[]; readonly old: readonly Member[] };

/**
 * More chains than wanted: scale down. Beside old ones, new ones that serve nobody go at once, as they may wait for the
 * wafers of the others; and old ones that are more than the target by themselves need no new one in their place.
 */
function surplus({ target }: RegionRollout, { fresh, old }: Sides): RolloutStep | undefined {
  const [last] = fresh.toSorted(byVictimOrder);
  if (fresh.length > target && last !== undefined && (old.length === 0 || !last.isReady)) return scaledDown(last);
  const [spare] = old.toSorted(byVictimOrder);
  return spare?.isReady === true && old.length > target ? scaledDown(spare) : undefined;
}

function scaledDown(member: Member): RolloutStep {
  return { kind: 'retire', member, reason: member.moves ?? 'ScaledDown' };
}

function creation(region: RegionRollout, { live, fresh, old }: Sides): RolloutStep | undefined {
  const { target, wafers, maxSurgeWafers, members, isHeld } = region;
  const isHolding = isHeld && old.length > 0;
  if (fresh.length >= target || isHolding) return undefined;
  const claimed = members.reduce((sum, member) => sum + member.wafers, 0);
  const largest = old.reduce((most, member) => Math.max(most, member.wafers), wafers);
  const have = target * largest + maxSurgeWafers - claimed;
  if (have >= wafers) return { kind: 'create', because: old.length > 0 ? 'RollingOut' : 'ScalingUp' };
  // Room comes with the next retirement, unless nothing is left that could be retired.
  const isWaiting = members.some(({ isRetiring }) => isRetiring) || live.length > target;
  return old.length > 0 || isWaiting ? undefined : { kind: 'blocked', reason: 'NoSurgeCapacity', need: wafers, have };
}

function replacement(region: RegionRollout, sides: Sides): RolloutStep | undefined {
  const { isHeld } = region;
  const { live, fresh, old } = sides;
  const going = (isHeld ? old.filter(({ moves }) => moves !== undefined) : old).toSorted(byVictimOrder);
  const [next] = going;
  if (next === undefined) return undefined;
  const hasRoom = fresh.length > 0 || region.maxUnavailable > 0 || live.length > region.target;
  if (!next.isReady && hasRoom) return retirement(next);
  const victim = going.find(({ isReady }) => isReady) ?? next;
  if (mayRetire(region, sides, victim)) return retirement(victim);
  return waiting(region, fresh);
}

/**
 * Enough stay available, and the last new chain has shown that it does. What must leave its wafers waits for no proof of
 * a revision, and for no replacement that finds no wafers: the budget alone holds it (OPERATOR §11).
 */
function mayRetire(region: RegionRollout, { live, fresh }: Sides, { moves }: Member): boolean {
  const available = live.filter(({ isReady }) => isReady).length;
  const isProven = moves !== undefined || region.nowMs >= bakedAt(region, fresh);
  return isProven && available - 1 >= region.target - region.maxUnavailable;
}

function waiting(region: RegionRollout, fresh: readonly Member[]): RolloutStep {
  const { nowMs } = region;
  const stalledMs = stalledAt(region, fresh) ?? Infinity;
  if (nowMs >= stalledMs) return { kind: 'wait', reason: 'RolloutStalled' };
  const wakes = [bakedAt(region, fresh), stalledMs].filter((atMs) => atMs > nowMs && atMs < Infinity);
  return { kind: 'wait', reason: 'RollingOut', ...(wakes.length === 0 ? {} : { wakeAtMs: Math.min(...wakes) }) };
}

/** When the last new chain has been Ready for long enough; never while one is not. */
function bakedAt({ bakeSeconds }: RegionRollout, fresh: readonly Member[]): number {
  const readyMs = fresh.reduce((latest, { readySinceMs = Infinity }) => Math.max(latest, readySinceMs), 0);
  return readyMs + bakeSeconds * 1_000;
}

function retirement(member: Member): RolloutStep {
  return { kind: 'retire', member, reason: member.moves ?? 'RolloutSuperseded' };
}

/** When the oldest new chain that is not Ready passes its deadline. */
function stalledAt({ progressDeadlineSeconds }: RegionRollout, fresh: readonly Member[]): number | undefined {
  const waiting = fresh.filter(({ isReady }) => !isReady).map(({ creationMs }) => creationMs);
  if (waiting.length === 0) return undefined;
  return waiting.reduce((least, atMs) => Math.min(least, atMs)) + progressDeadlineSeconds * 1_000;
}

/** Whether the rollout made no progress within its deadline. */
export function isStalled(region: RegionRollout): boolean {
  const live = region.members.filter(({ isRetiring }) => !isRetiring);
  const atMs = stalledAt(
    region,
    live.filter(({ isNew }) => isNew),
  );
  return atMs !== undefined && region.nowMs >= atMs && live.some(({ isNew }) => !isNew);
}

/** Unhealthy, then must move, then fewest sessions, then newest (OPERATOR §14); sessions that nobody knows count most. */
function byVictimOrder(a: Member, b: Member): number {
  return (
    Number(a.isReady) - Number(b.isReady) ||
    Number(b.moves !== undefined) - Number(a.moves !== undefined) ||
    (a.sessions ?? SESSIONS_UNKNOWN) - (b.sessions ?? SESSIONS_UNKNOWN) ||
    b.creationMs - a.creationMs ||
    compareText(a.uid, b.uid)
  );
}

const SESSIONS_UNKNOWN = Number.MAX_SAFE_INTEGER;
