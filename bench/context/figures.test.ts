import { describe, expect, test } from '@jest/globals';
import type { ContextWay } from './client-process.ts';
import {
  contextCells,
  contextGoals,
  nameOf,
  type ContextBlock,
  type ContextPoint,
  type ContextResult,
} from './figures.ts';

function block(ms: number, gatewayUs = 100, requestBytes = 200): ContextBlock {
  return { overheadMicros: [ms * 1_000], requestBytes, gatewayUs, engineUs: 50, rigCore: 0.2, rssMiB: 100 };
}

const at = (
  [wire, thousands, way]: readonly [ContextPoint['wire'], number, ContextWay],
  ...blocks: readonly ContextBlock[]
): ContextResult => ({ wire, thousands, way, blocks });

const results: readonly ContextResult[] = [
  at(['loopback', 1, 'session'], block(2)),
  at(['loopback', 128, 'session'], block(2.1, 105)),
  at(['loopback', 128, 'kept-full'], block(30, 3_000, 500_000)),
  at(['rtt20', 128, 'session'], block(22)),
  at(['rtt20', 128, 'kept-id'], block(22)),
  at(['rtt20', 128, 'fresh-full'], block(160)),
  at(['rtt20-open', 128, 'fresh-full'], block(100)),
];

const met = (given: readonly ContextResult[]): Record<string, boolean | null> =>
  Object.fromEntries(contextGoals(given).map(({ id, met: each }) => [id, each]));

/** The results with one point replaced. */
const withPoint = (point: ContextResult): readonly ContextResult[] => [
  ...results.filter((each) => nameOf(each) !== nameOf(point)),
  point,
];

describe('contextGoals', () => {
  test('compare a session with itself, and with what is sent in full', () => {
    expect(met(results)).toEqual({
      'G4 slope CPU': true,
      'G4 slope time': true,
      'G4 overhead': true,
      'G4 time': true,
      'G4 time without slow start': false,
      'C4 bytes': true,
    });
  });

  test.each([
    { name: 'G4 slope CPU', point: at(['loopback', 128, 'session'], block(2, 120)) },
    { name: 'G4 slope time', point: at(['loopback', 128, 'session'], block(2.3)) },
    { name: 'G4 overhead', point: at(['loopback', 128, 'kept-full'], block(30, 1_000)) },
    { name: 'G4 time', point: at(['rtt20', 128, 'session'], block(25)) },
    { name: 'C4 bytes', point: at(['loopback', 128, 'session'], block(2, 100, 201)) },
  ])('miss $name', ({ name, point }) => {
    expect(met(withPoint(point))[name]).toBe(false);
  });

  test('are undecided for points that did not run', () => {
    const loopback = results.filter(({ wire }) => wire === 'loopback');
    expect(met(loopback)['G4 time']).toBeNull();
    expect(met(loopback)['G4 slope CPU']).toBe(true);
  });

  test('compare within a round', () => {
    const near = [
      at(['loopback', 1, 'session'], block(2), block(20)),
      at(['loopback', 128, 'session'], block(2), block(20)),
    ];
    expect(met(near)['G4 slope time']).toBe(true);
  });
});

describe('contextCells', () => {
  test('say of a session what it saves against each other way', () => {
    const cell = contextCells(results).find(({ id }) => id === 'rtt20-128k-session');
    expect(Object.keys(cell?.figures ?? {}).filter((name) => name.startsWith('timeRatio'))).toEqual([
      'timeRatioTo-kept-id',
      'timeRatioTo-fresh-full',
    ]);
  });

  test('leave out what did not run', () => {
    expect(contextCells([at(['rtt20', 1, 'session'])])).toEqual([]);
  });
});
