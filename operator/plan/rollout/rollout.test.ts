import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isStalled, rolloutStep, type Member, type RegionRollout } from './rollout.ts';

const NOW = 1_000_000;

/** `new` or `old`, then flags: `r` Ready, `!` retiring, `m` must move, and sessions as a number. */
function member(text: string, index: number): Member {
  const [side = '', flags = ''] = text.split(':');
  const sessions = /\d+/.exec(flags)?.[0];
  return {
    uid: `u${index}`,
    name: `m${index}`,
    isNew: side === 'new',
    isRetiring: flags.includes('!'),
    isReady: flags.includes('r'),
    readySinceMs: flags.includes('r') ? NOW - (flags.includes('b') ? 10_000 : 100_000) : undefined,
    creationMs: NOW - 200_000 + index,
    wafers: flags.includes('0') && flags.includes('!') ? 0 : 21,
    sessions: sessions === undefined ? 0 : Number(sessions),
    ...(flags.includes('m') ? { moves: 'NodeDrain' as const } : {}),
  };
}

function region(members: readonly string[], overrides: Partial<RegionRollout> = {}): RegionRollout {
  return {
    nowMs: NOW,
    members: members.map(member),
    target: 2,
    wafers: 21,
    maxSurgeWafers: 21,
    maxUnavailable: 0,
    bakeSeconds: 60,
    progressDeadlineSeconds: 1_800,
    isHeld: false,
    ...overrides,
  };
}

function said(given: RegionRollout): string {
  const step = rolloutStep(given);
  if (step.kind === 'retire') return `retire ${step.member.name} ${step.reason}`;
  if (step.kind === 'create') return `create ${step.because}`;
  return step.kind === 'done' ? 'done' : `${step.kind} ${step.reason}`;
}

describe('rollout step', () => {
  test.each<{ name: string; members: string[]; overrides?: Partial<RegionRollout>; want: string }>([
    { name: 'nothing there', members: [], want: 'create ScalingUp' },
    { name: 'one of two', members: ['new:r'], want: 'create ScalingUp' },
    { name: 'all there', members: ['new:r', 'new:r'], want: 'done' },
    { name: 'a chain that is not ready is waited for', members: ['new', 'new:r'], want: 'done' },
    { name: 'one too many: the sick one', members: ['new:r', 'new', 'new:r'], want: 'retire m1 ScaledDown' },
    {
      name: 'one too many: the one with fewest sessions',
      members: ['new:r5', 'new:r3', 'new:r9'],
      want: 'retire m1 ScaledDown',
    },
    { name: 'one too many: the newest of equals', members: ['new:r', 'new:r', 'new:r'], want: 'retire m2 ScaledDown' },
    {
      name: 'one too many beside an old one, and it waits for wafers that others have',
      members: ['old:r', 'old:r', 'new:r', 'new', 'new'],
      want: 'retire m4 ScaledDown',
    },
    {
      name: 'old ones that are too many, while a new one waits for the wafers of one of them',
      members: ['old:r', 'old:r', 'old:r', 'new'],
      want: 'retire m2 ScaledDown',
    },
    {
      name: 'old ones that are too many and not all well: the sick one first',
      members: ['old:r', 'old', 'old:r', 'new'],
      want: 'retire m1 RolloutSuperseded',
    },
    { name: 'a surge of one chain', members: ['old:r', 'old:r'], want: 'create RollingOut' },
    { name: 'the surge is spent', members: ['old:r', 'old:r', 'new'], want: 'wait RollingOut' },
    { name: 'not baked yet', members: ['old:r', 'old:r', 'new:rb'], want: 'wait RollingOut' },
    { name: 'baked', members: ['old:r7', 'old:r2', 'new:r'], want: 'retire m1 RolloutSuperseded' },
    { name: 'a retiring chain still holds its wafers', members: ['old:r', 'old:r!', 'new:r'], want: 'wait RollingOut' },
    { name: 'its wafers are back', members: ['old:r', 'old:!0', 'new:r'], want: 'create RollingOut' },
    { name: 'the last old one', members: ['old:r', 'new:r', 'new:r'], want: 'retire m0 RolloutSuperseded' },
    { name: 'a sick old one does not block', members: ['old', 'old:r', 'new'], want: 'retire m0 RolloutSuperseded' },
    {
      name: 'no surge: break before make',
      members: ['old:r', 'old:r'],
      overrides: { maxSurgeWafers: 0, maxUnavailable: 1 },
      want: 'retire m1 RolloutSuperseded',
    },
    {
      name: 'no surge: then make',
      members: ['old:r'],
      overrides: { maxSurgeWafers: 0, maxUnavailable: 1 },
      want: 'create RollingOut',
    },
    {
      name: 'no surge: availability bounds it',
      members: ['old:r', 'new'],
      overrides: { maxSurgeWafers: 0, maxUnavailable: 1 },
      want: 'wait RollingOut',
    },
    {
      name: 'a longer new chain has the longer budget',
      members: ['old:r', 'old:r'],
      overrides: { wafers: 30, maxSurgeWafers: 12 },
      want: 'create RollingOut',
    },
    {
      name: 'a longer new chain beyond the budget',
      members: ['new:r'],
      overrides: { wafers: 30, maxSurgeWafers: 0, target: 1 },
      want: 'done',
    },
    {
      name: 'held: no new revision',
      members: ['old:r', 'old:r'],
      overrides: { isHeld: true },
      want: 'done',
    },
    {
      name: 'held: what must move still moves',
      members: ['old:rm', 'new:r', 'new:r'],
      overrides: { isHeld: true },
      want: 'retire m0 NodeDrain',
    },
    {
      name: 'stalled',
      members: ['old:r', 'old:r', 'new'],
      overrides: { progressDeadlineSeconds: 60 },
      want: 'wait RolloutStalled',
    },
    {
      name: 'what must leave waits for no replacement that finds no wafers, within the budget',
      members: ['old:rm', 'old:rm', 'new'],
      overrides: { maxUnavailable: 2 },
      want: 'retire m1 NodeDrain',
    },
    { name: 'and beyond it stays', members: ['old:rm', 'old:rm', 'new'], want: 'wait RollingOut' },
    { name: 'a move is a rollout of one', members: ['old:rm', 'new:r'], want: 'create RollingOut' },
    { name: 'nothing is wanted', members: ['new:r'], overrides: { target: 0 }, want: 'retire m0 ScaledDown' },
  ])('$name', ({ members, overrides, want }) => {
    expect(said(region(members, overrides))).toBe(want);
  });

  test('stalled only while old chains wait for a new one', () => {
    expect(isStalled(region(['new'], { progressDeadlineSeconds: 60 }))).toBe(false);
    expect(isStalled(region(['old:r', 'new'], { progressDeadlineSeconds: 60 }))).toBe(true);
    expect(isStalled(region(['old:r', 'new'], { progressDeadlineSeconds: 600 }))).toBe(false);
  });

  test('a rollout ends in T new chains, never over its budget, never below T − maxUnavailable', () => {
    const given = fc.record({
      target: fc.integer({ min: 1, max: 5 }),
      surge: fc.integer({ min: 0, max: 2 }),
      maxUnavailable: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(given, ({ target, surge, maxUnavailable }) => {
        if (surge === 0 && maxUnavailable === 0) return;
        let members = Array.from({ length: target }, (_, index) => member('old:r', index));
        for (let pass = 0; pass < 60; pass += 1) {
          const step = rolloutStep(region([], { members, target, maxUnavailable, maxSurgeWafers: surge * 21 }));
          if (step.kind === 'create') members = [...members, member('new:r', 10 + pass)];
          if (step.kind === 'retire') members = members.filter(({ uid }) => uid !== step.member.uid);
          expect(members.length).toBeLessThanOrEqual(target + surge);
          expect(members.length).toBeGreaterThanOrEqual(target - maxUnavailable);
        }
        expect(members).toHaveLength(target);
        expect(members.every(({ isNew }) => isNew)).toBe(true);
      }),
    );
  });
});
