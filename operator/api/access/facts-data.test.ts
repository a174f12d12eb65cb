import { describe, expect, test } from '@jest/globals';
import { factsData } from './facts-data.ts';

const pool = (region: string, ...residency: string[]) => ({ region, residency });
const phase = (ref: string, megawatts: number, ceilingMegawatts = 750) => ({
  ...pool('us-east', 'us'),
  contract: { ref, ceilingMegawatts },
  power: { megawatts },
});

describe('facts at the door', () => {
  test('a region carries what any of its pools and phases carries, in one order', () => {
    const pools = [pool('us-east', 'us', 'global'), pool('us-east', 'gov'), pool('eu-north', 'eu')];
    const wanted = { 'residency.eu-north': 'eu', 'residency.us-east': 'global,gov,us' };
    expect(factsData(pools, [])).toEqual(wanted);
    expect(JSON.stringify(factsData(pools.toReversed(), []))).toBe(JSON.stringify(wanted));
  });

  test.each([
    { name: 'some is left', phases: [phase('c', 250), phase('c', 300)], left: '200' },
    { name: 'nothing is left', phases: [phase('c', 750)], left: '0' },
    { name: 'it is overrun', phases: [phase('c', 700), phase('c', 100)], left: '-50' },
    { name: 'phases disagree on the ceiling', phases: [phase('c', 100, 300), phase('c', 100)], left: '100' },
  ])('of a contract, when $name', ({ phases, left }) => {
    expect(factsData([], phases)).toEqual({ 'megawatts-left.c': left, 'residency.us-east': 'us' });
  });

  test('nothing is known of nothing', () => expect(factsData([], [])).toEqual({}));
});
