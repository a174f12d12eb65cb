import { describe, expect, test } from '@jest/globals';
import { Histogram } from '../statistics.ts';
import type { DoorBlock } from './block.ts';
import { cellsOf, goalsOf } from './figures.ts';

const group = { id: '40x1000', streams: 40 };

function block(given: Partial<DoorBlock> = {}, newestMicros = 1_000): DoorBlock {
  const newest = new Histogram();
  newest.record(newestMicros);
  return {
    seconds: 1,
    tokens: 40_000,
    frames: 20_000,
    usPerFrame: 10,
    usPerToken: 5,
    core: 0.2,
    waited: 0.01,
    rssMiB: 100,
    rigCore: 0.5,
    lost: 0,
    doubled: 0,
    newest,
    stalls: 0,
    writesPerTurn: 0.5,
    ...given,
  };
}

const met = (rounds: Parameters<typeof goalsOf>[1]): Record<string, boolean | null> =>
  Object.fromEntries(goalsOf(group, rounds).map(({ id, met: each }) => [id.replace('40x1000 ', ''), each]));

describe('goals of the group with referents', () => {
  const referents = {
    nginx: [block({ usPerFrame: 8 })],
    'node-http': [block({ usPerFrame: 20 })],
    'sse-untold': [block({ usPerFrame: 9.9 })],
  };

  test('are ratios of CPU per frame', () => {
    expect(met({ sse: [block()], ws: [block({ usPerFrame: 8.1 })], ...referents })).toEqual({
      'G1a nginx': true,
      'G1a naive relay': true,
      G1c: false,
      'H9 telemetry': true,
      'sse writes': true,
      'ws writes': true,
      'lost or doubled': true,
    });
  });

  test('stay undecided without nginx', () => {
    const { nginx: _, ...others } = referents;
    const goals = met({ sse: [block()], ws: [block()], ...others });
    expect([goals['G1a nginx'], goals['G1c'], goals['G1a naive relay']]).toEqual([null, null, true]);
  });

  test.each([
    { name: 'a bound rig', sse: block({ rigCore: 0.95 }) },
    { name: 'a core that others used', sse: block({ waited: 0.06 }) },
    { name: 'a rate that was not kept', sse: block({ tokens: 39_000 }) },
  ])('stay undecided with $name', ({ sse }) => {
    expect(met({ sse: [sse], ws: [block()], ...referents })['G1a nginx']).toBeNull();
  });

  test.each([
    { writesPerTurn: 1.01, want: false },
    { writesPerTurn: NaN, want: null },
  ])('of writes per turn at $writesPerTurn are met: $want', ({ writesPerTurn, want }) => {
    expect(met({ sse: [block({ writesPerTurn })], ws: [block()], ...referents })['sse writes']).toBe(want);
  });

  test('miss a lost token, whatever the machine', () => {
    const sse = [block({ lost: 1, rigCore: 1 })];
    expect(met({ sse, ws: [block()], ...referents })['lost or doubled']).toBe(false);
  });
});

describe('goals of the group without referents', () => {
  test.each([
    { name: 'in time', blocks: [block({}, 4_900)], want: [true, true] },
    { name: 'late', blocks: [block({}, 5_200)], want: [false, true] },
    { name: 'not all of them', blocks: [block({ tokens: 39_000 })], want: [true, false] },
    { name: 'with a bound rig', blocks: [block({ rigCore: 0.95 })], want: [null, null] },
    { name: 'where the kernel tells no waits', blocks: [block({ waited: NaN })], want: [true, true] },
    { name: 'late in one round of three', blocks: [block(), block({}, 90_000), block()], want: [true, true] },
  ])('newest tokens $name: $want', ({ blocks, want }) => {
    const goals = met({ sse: blocks });
    expect([goals['sse newest p99'], goals['sse shortfall']]).toEqual(want);
  });
});

describe('cellsOf', () => {
  test('names the ratio by what it divides by', () => {
    const cells = cellsOf(group, { sse: [block()], 'node-http': [block({ usPerFrame: 20 })] });
    expect(cells.map(({ id, referent, ratio }) => [id, referent, ratio?.median])).toEqual([
      ['40x1000-sse', 'node-http', 0.5],
      ['40x1000-node-http', null, undefined],
    ]);
  });
});
