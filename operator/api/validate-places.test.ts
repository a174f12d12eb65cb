import { describe, expect, test } from '@jest/globals';
import { decodeObject, kinds, type ReticleObject } from './kinds.ts';
import { validateScene } from './validate-scene.ts';
import { baseOf, type JsonObject } from './vectors/rule-vectors.ts';

type Name = 'WaferClass' | 'CapacityPhase' | 'WaferPool' | 'Wafer';

/** The base object of a kind, with another name and these fields. */
function object(kind: Name, spec: JsonObject = {}, name?: string): ReticleObject {
  const { metadata, spec: own, ...header } = baseOf(kind) as { metadata: JsonObject; spec: JsonObject };
  const renamed = name === undefined ? metadata : { ...metadata, name };
  const decoded = decodeObject(kinds, { ...header, metadata: renamed, spec: { ...own, ...spec } });
  if (decoded.problems !== undefined) throw new Error(JSON.stringify(decoded.problems));
  return decoded.ok;
}
const found = (...objects: readonly ReticleObject[]) =>
  validateScene(objects).map(({ subject, path, code, message }) => `${subject} ${path} ${code}: ${message}`);

const site = [object('WaferClass'), object('CapacityPhase'), object('WaferPool')];

describe('validateScene of places', () => {
  test('accepts a class, a phase, a pool and its wafers', () => {
    const wafers = [object('Wafer'), object('Wafer', { slot: 63 }, 'cs-2'), object('Wafer', { slot: 0 }, 'cs-3')];
    expect(found(...site, ...wafers)).toEqual([]);
  });

  test('names what phases, pools and wafers refer to in vain', () => {
    const lost = [
      object('CapacityPhase', { classRef: 'wse4' }, 'p2'),
      object('WaferPool', { phaseRef: 'us-east-2026h1' }, 'us-east-p08'),
      object('Wafer', { poolRef: 'p9', classRef: 'x', phaseRef: 'q' }),
    ];
    expect(found(...site, ...lost)).toEqual([
      'CapacityPhase/p2 spec.classRef reference: no WaferClass is named "wse4" (did you mean "wse3"?)',
      'WaferPool/us-east-p08 spec.phaseRef reference: no CapacityPhase is named "us-east-2026h1" (did you mean "us-east-2026h2"?)',
      'Wafer/cs-00a31b spec.classRef reference: no WaferClass is named "x" (there are: wse3)',
      'Wafer/cs-00a31b spec.phaseRef reference: no CapacityPhase is named "q" (there are: us-east-2026h2, p2)',
      'Wafer/cs-00a31b spec.poolRef reference: no WaferPool is named "p9" (there are: us-east-p07, us-east-p08)',
    ]);
  });

  test('refuses slots that a pool has not, and slots taken twice', () => {
    const small = object('WaferPool', { source: { simulated: { wafers: 8 } }, fabric: { slots: 8 } }, 'small');
    const wafers = [
      object('Wafer', { poolRef: 'small', slot: 8 }, 'a'),
      object('Wafer', { poolRef: 'small', slot: 3 }, 'b'),
      object('Wafer', { poolRef: 'small', slot: 3 }, 'c'),
      object('Wafer', { slot: 3 }, 'd'),
    ];
    expect(found(...site, small, ...wafers)).toEqual([
      'Wafer/a spec.slot range: 8 is not a slot of pool small, which has 8 (use 0 to 7)',
      'Wafer/c spec.slot conflict: 3 of pool small is taken by Wafer/b (correct one of them)',
    ]);
  });

  test('counts the megawatts of one contract, and refuses the phase that crosses its ceiling', () => {
    const phase = (name: string, megawatts: number, ref = 'msa-1') =>
      object(
        'CapacityPhase',
        { power: { megawatts }, contract: { party: 'example', ref, ceilingMegawatts: 750 } },
        name,
      );
    // The first takes 250 of 750 MW.
    expect(found(...site, phase('b', 500), phase('c', 750, 'msa-2'))).toEqual([]);
    expect(found(...site, phase('b', 300), phase('c', 201), phase('d', 200))).toEqual([
      'CapacityPhase/c spec.power.megawatts range: 201 MW on 550 MW of contract msa-1 make 751 MW of 750 MW ' +
        '(lower it, or raise the ceiling in a new contract)',
    ]);
  });
});
