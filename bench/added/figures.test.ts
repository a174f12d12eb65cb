import { describe, expect, test } from '@jest/globals';
import type { DoorBlock } from '../door/block.ts';
import { Histogram } from '../statistics.ts';
import { addedCells, addedGoals, type AddedRounds } from './figures.ts';

function block(newestMicros: number, given: Partial<DoorBlock> = {}): DoorBlock {
  const newest = new Histogram();
  newest.record(newestMicros);
  const counts = { seconds: 1, tokens: 8_000, frames: 8_000, lost: 0, doubled: 0, stalls: 0, writesPerTurn: 0.5 };
  return {
    ...counts,
    usPerFrame: 10,
    usPerToken: 10,
    core: 0.1,
    waited: 0.01,
    rssMiB: 100,
    rigCore: 0.3,
    newest,
    ...given,
  };
}

function rounds(given: Partial<AddedRounds> = {}): AddedRounds {
  return {
    id: '8x1000',
    streams: { link: [block(100)], sse: [block(120)], websocket: [block(120)] },
    turns: { link: [[300]], sse: [[400]], websocket: [[400]] },
    ...given,
  };
}

const met = (given: AddedRounds): Record<string, boolean | null> =>
  Object.fromEntries(addedGoals(given).map(({ id, met: each }) => [id.replace('8x1000 ', ''), each]));

describe('addedGoals', () => {
  test('judge what the gateway adds, not what there is', () => {
    expect(Object.values(met(rounds())).every((each) => each === true)).toBe(true);
  });

  test.each([
    { name: 'sse newest p50', streams: { ...rounds().streams, sse: [block(160)] } },
    { name: 'websocket newest p99', streams: { ...rounds().streams, websocket: [block(1_200)] } },
    { name: 'sse stalls out', streams: { ...rounds().streams, sse: [block(100, { stalls: 1 })] } },
    { name: 'lost or doubled', streams: { ...rounds().streams, sse: [block(100, { lost: 1 })] } },
  ])('miss $name', ({ name, streams }) => {
    expect(met(rounds({ streams }))[name]).toBe(false);
  });

  test.each([
    { name: 'sse first token p50', turns: { ...rounds().turns, sse: [[501, 501, 501]] } },
    { name: 'websocket stalls in', turns: { ...rounds().turns, websocket: [[400, 400, 40_000]] } },
  ])('miss $name', ({ name, turns }) => {
    expect(met(rounds({ turns }))[name]).toBe(false);
  });

  test('compare within a round', () => {
    const streams = {
      link: [block(100), block(5_000)],
      sse: [block(120), block(5_040)],
      websocket: [block(100), block(5_000)],
    };
    const turns = { link: [[300], [300]], sse: [[300], [300]], websocket: [[300], [300]] };
    expect(met(rounds({ streams, turns }))['sse newest p50']).toBe(true);
  });

  test('stay undecided when the rig binds, but for lost tokens', () => {
    const streams = { ...rounds().streams, link: [block(100, { rigCore: 0.95 })] };
    const { 'lost or doubled': lost, ...others } = met(rounds({ streams }));
    expect([...new Set(Object.values(others))]).toEqual([null]);
    expect(lost).toBe(true);
  });
});

describe('addedCells', () => {
  test('say for each way what it adds', () => {
    const [link, sse] = addedCells(rounds());
    expect([link?.sut, link?.figures['addedNewestUsP50']]).toEqual(['engine-link', undefined]);
    expect([sse?.referent, sse?.figures['addedFirstTokenUsP50']]).toEqual(['engine-link', 100]);
  });
});
