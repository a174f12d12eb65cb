import { describe, expect, test } from '@jest/globals';
import { faultOf, faultScript } from './fault-schema.ts';

const at = { afterMs: 5 };

describe('a fault script', () => {
  test('with every fault of the page, each trigger and each end is taken as it is', () => {
    const script = {
      seed: 7,
      faults: [
        { kind: 'stageCrash', stage: 11, at },
        { kind: 'stageSlow', stage: 0, factor: 2.5, forMs: 10, at: { afterSteps: 9 } },
        { kind: 'hopSlow', edge: 3, addMicros: 400, at: { atTokenOffset: 0 } },
        { kind: 'ioSlow', factor: 10, at },
        { kind: 'hang', forMs: 3000, at },
        { kind: 'hang', at },
        { kind: 'garble', what: 'offset', at },
        { kind: 'kvPressure', factor: 0.5, at },
        { kind: 'alphaDrop', at },
        { kind: 'defect', stage: 2, tiles: 20, at },
      ],
    };
    expect(faultScript(script, 12)).toEqual(script);
    expect(faultScript({ faults: [] }, 1)).toEqual({ faults: [] });
  });

  test.each([
    { name: 'no object', script: null, wantCode: 'invalid_request', wantParam: 'faults' },
    { name: 'no list', script: { faults: {} }, wantCode: 'invalid_request', wantParam: 'faults' },
    { name: 'an unknown field', script: { faults: [], sed: 1 }, wantCode: 'unknown_parameter', wantParam: 'sed' },
    { name: 'a seed that is no number', script: { seed: '1', faults: [] }, wantParam: 'seed' },
    { name: 'too many faults', script: { faults: Array(257).fill({ kind: 'hang', at }) }, wantParam: 'faults' },
    { name: 'a fault that is none', script: { faults: [7] }, wantCode: 'invalid_request', wantParam: 'faults[0]' },
    { name: 'an unknown kind', script: { faults: [{ kind: 'toString', at }] }, wantParam: 'faults[0].kind' },
    {
      name: 'a stage too far',
      script: {
        faults: [
          { kind: 'hang', at },
          { kind: 'stageCrash', stage: 12, at },
        ],
      },
      wantParam: 'faults[1].stage',
    },
    {
      name: 'no stage',
      script: { faults: [{ kind: 'stageCrash', at }] },
      wantCode: 'missing_required_parameter',
      wantParam: 'faults[0].stage',
    },
    {
      name: 'half a stage',
      script: { faults: [{ kind: 'stageCrash', stage: 1.5, at }] },
      wantParam: 'faults[0].stage',
    },
    {
      name: 'a field of another fault',
      script: { faults: [{ kind: 'stageCrash', stage: 1, forMs: 5, at }] },
      wantCode: 'unknown_parameter',
      wantParam: 'faults[0].forMs',
    },
    {
      name: 'a factor that speeds up',
      script: { faults: [{ kind: 'ioSlow', factor: 0.5, at }] },
      wantParam: 'faults[0].factor',
    },
    {
      name: 'no number at all',
      script: { faults: [{ kind: 'ioSlow', factor: Number.NaN, at }] },
      wantParam: 'faults[0].factor',
    },
    {
      name: 'a field to garble that is none',
      script: { faults: [{ kind: 'garble', what: 'text', at }] },
      wantParam: 'faults[0].what',
    },
    {
      name: 'no trigger',
      script: { faults: [{ kind: 'hang' }] },
      wantCode: 'invalid_request',
      wantParam: 'faults[0].at',
    },
    {
      name: 'two triggers',
      script: { faults: [{ kind: 'hang', at: { afterMs: 1, afterSteps: 1 } }] },
      wantCode: 'invalid_request',
      wantParam: 'faults[0].at',
    },
    {
      name: 'an unknown trigger',
      script: { faults: [{ kind: 'hang', at: { afterDays: 1 } }] },
      wantCode: 'invalid_request',
      wantParam: 'faults[0].at',
    },
    {
      name: 'a step before the first',
      script: { faults: [{ kind: 'hang', at: { afterSteps: 0 } }] },
      wantParam: 'faults[0].at.afterSteps',
    },
  ])('with $name is refused by the name of the field', ({ script, wantCode = 'value_out_of_range', wantParam }) => {
    expect(() => faultScript(script, 12)).toThrow(expect.objectContaining({ code: wantCode, param: wantParam }));
  });

  test('one fault alone takes no trigger', () => {
    expect(faultOf({ kind: 'hang' }, 4)).toEqual({ kind: 'hang' });
    expect(() => faultOf({ kind: 'hang', at }, 4)).toThrow(
      expect.objectContaining({ code: 'unknown_parameter', param: 'fault.at' }),
    );
  });
});
