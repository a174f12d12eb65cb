import { describe, expect, test } from '@jest/globals';
import type { PhaseFact, StoredPhase } from '../facts.ts';
import { facts, NOW_MS, phase, pool, nodeOf, wafer, waferClass } from '../plan-kit.ts';
import { PlanMemo } from '../plan-memo.ts';
import { snapshotOf } from '../snapshot.ts';
import { phaseStep } from './phase-step.ts';
import { phaseActions } from './phase-status.ts';
import { utcText } from '../digest/utc-text.ts';

type Status = NonNullable<StoredPhase['status']>;
type Gates = PhaseFact['gates'];

const measured = (value: number, heldMinutes = 10_000, failed = false) => ({ value, heldMinutes, failed });
const burnIn = { name: 'burn-in', type: 'BurnIn', into: 'Accepted' };
const speed = { name: 'speed', type: 'ThroughputVsPlan', into: 'Online' };

type Case = {
  readonly name: string;
  readonly status: Status;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly gates?: Gates;
  readonly installed?: number;
  readonly claimed?: number;
  readonly want: string;
};

const since = (minutes: number): string => utcText(NOW_MS - minutes * 60_000);

describe('phase step', () => {
  test.each<Case>([
    { name: 'a new phase', status: {}, installed: 0, want: 'Contracted 0' },
    {
      name: 'power arrives',
      status: { state: 'Contracted' },
      installed: 0,
      gates: { PowerMeasured: measured(10) },
      want: 'Powered 0',
    },
    { name: 'racks need wafers', status: { state: 'Powered' }, installed: 0, want: 'Powered 0' },
    { name: 'wafers are there', status: { state: 'Powered' }, want: 'Racked 0' },
    { name: 'burn-in begins', status: { state: 'Racked' }, want: 'BurnIn 0' },
    {
      name: 'nobody measured: pending, not passed',
      status: { state: 'BurnIn' },
      spec: { gates: [burnIn] },
      want: 'BurnIn 0',
    },
    {
      name: '71 of 72 hours',
      status: { state: 'BurnIn' },
      spec: { gates: [burnIn] },
      gates: { BurnIn: measured(71) },
      want: 'BurnIn 0',
    },
    {
      name: '72 hours, not held for long',
      status: { state: 'BurnIn' },
      spec: { gates: [burnIn] },
      gates: { BurnIn: measured(72, 4_319) },
      want: 'BurnIn 0',
    },
    {
      name: '72 hours',
      status: { state: 'BurnIn' },
      spec: { gates: [burnIn] },
      gates: { BurnIn: measured(72, 4_320) },
      want: 'Accepted 0',
    },
    {
      name: 'another gate guards another state',
      status: { state: 'BurnIn' },
      spec: { gates: [speed] },
      want: 'Accepted 0',
    },
    {
      name: 'online begins at the first step',
      status: { state: 'Accepted' },
      spec: { gates: [speed] },
      gates: { ThroughputVsPlan: measured(95) },
      want: 'Online 5',
    },
    { name: 'a step bakes', status: { state: 'Online', weightPercent: 5, since: since(59) }, want: 'Online 5' },
    { name: 'a baked step climbs', status: { state: 'Online', weightPercent: 5, since: since(60) }, want: 'Online 25' },
    { name: 'the ramp ends', status: { state: 'Online', weightPercent: 100, since: since(600) }, want: 'Online 100' },
    {
      name: 'a pending gate stops the climb',
      status: { state: 'Online', weightPercent: 5, since: since(60) },
      spec: { gates: [speed] },
      want: 'Online 5',
    },
    {
      name: 'a red gate goes one step back',
      status: { state: 'Online', weightPercent: 50, since: since(600) },
      spec: { gates: [speed] },
      gates: { ThroughputVsPlan: measured(80, 10, true) },
      want: 'Online 25 degraded',
    },
    {
      name: 'one red gate costs one step',
      status: { state: 'Online', weightPercent: 25, since: since(600), gates: [{ name: 'speed', state: 'Failed' }] },
      spec: { gates: [speed] },
      gates: { ThroughputVsPlan: measured(80, 10, true) },
      want: 'Online 25 degraded',
    },
    {
      name: 'held',
      status: { state: 'Online', weightPercent: 5, since: since(600) },
      spec: { hold: true },
      want: 'Online 5',
    },
    {
      name: 'retire drains',
      status: { state: 'Online', weightPercent: 50 },
      spec: { retire: true },
      claimed: 3,
      want: 'Draining 50',
    },
    { name: 'draining while chains hold wafers', status: { state: 'Draining' }, claimed: 1, want: 'Draining 0' },
    { name: 'retired when none does', status: { state: 'Draining' }, want: 'Retired 0' },
    { name: 'retired for good', status: { state: 'Retired' }, want: 'Retired 0' },
  ])('$name', ({ status, spec = {}, gates = {}, installed = 4, claimed = 0, want }) => {
    const fact = { phase: 'ph', gates };
    const step = phaseStep({ phase: phase('ph', spec, status), fact, wafers: { installed, claimed }, nowMs: NOW_MS });
    expect(`${step.state} ${step.weightPercent}${step.isDegraded ? ' degraded' : ''}`).toBe(want);
  });

  test('a gate is waived or approved by an annotation, and latency has a most', () => {
    const spec = {
      gates: [
        { name: 'a', type: 'BurnIn', into: 'Accepted' },
        { name: 'b', type: 'Approval', into: 'Accepted' },
        { name: 'c', type: 'FabricLatency', into: 'Accepted' },
      ],
    };
    const made = phase('ph', spec, { state: 'BurnIn' });
    const annotations = { 'reticle.dev/waive-a': 'Ann', 'reticle.dev/approve-b': 'Ben' };
    const given = { ...made, meta: { ...made.meta, annotations } };
    const at = (value: number) =>
      phaseStep({
        phase: given,
        fact: { phase: 'ph', gates: { FabricLatency: measured(value, 60, true) } },
        wafers: { installed: 1, claimed: 0 },
        nowMs: NOW_MS,
      });
    expect(at(200).gates.map(({ state }) => state)).toEqual(['Waived', 'Passed', 'Passed']);
    expect(at(200).state).toBe('Accepted');
    expect(at(201).gates.map(({ state }) => state)).toEqual(['Waived', 'Passed', 'Failed']);
    expect(at(201).state).toBe('BurnIn');
  });
});

describe('phase status', () => {
  const statusesOf = (phases: readonly StoredPhase[], wafers = 0): readonly Status[] => {
    const own = Array.from({ length: wafers }, (_, slot) => wafer('p', slot));
    const objects = [waferClass(), ...phases, pool('p', { phaseRef: 'ph' }), ...own];
    const { actions } = phaseActions(
      snapshotOf(facts({ objects, nodes: own.map((each) => nodeOf(each)) })),
      new PlanMemo(),
    );
    return actions.map(({ body }) => (body as { status: Status }).status);
  };

  test('750 MW', () => {
    const contract = { party: 'example', ref: 'msa-1', ceilingMegawatts: 750 };
    const [status] = statusesOf([phase('ph', { power: { megawatts: 750 }, contract })], 3);
    expect(status?.systems).toEqual({
      expected: 22_321,
      installed: 3,
      accepted: 3,
      schedulable: 3,
      usable: 3,
      claimed: 0,
      failed: 0,
    });
    expect(status?.ledger?.map(({ step, unit, expected }) => `${step} ${expected} ${unit}`)).toEqual([
      'contracted 750000 kW',
      'it 625000 kW',
      'systems 22321 systems',
      'installed 22321 systems',
      'accepted 22321 systems',
      'schedulable 21218 wafers',
      'usable 20582 wafers',
      'weight 100 percent',
    ]);
    expect(status?.ledger?.filter(({ lostHere }) => lostHere).map(({ step }) => step)).toEqual(['installed']);
  });

  test('the newest phase over its contract is refused, with both totals', () => {
    const at = (name: string, creationMs: number): StoredPhase => {
      const made = phase(name, { power: { megawatts: 400 } });
      return { ...made, meta: { ...made.meta, creationMs } };
    };
    const said = statusesOf([at('ph', 2), at('older', 1)]).map(({ conditions = [] }) => conditions[0]);
    expect(said).toMatchObject([
      { type: 'Accepted', status: 'True' },
      {
        type: 'Accepted',
        status: 'False',
        reason: 'ContractExceeded',
        message: expect.stringContaining('800 MW of 750 MW'),
      },
    ]);
  });

  test('a phase without its class counts nothing and says so', () => {
    const [status] = statusesOf([phase('ph', { classRef: 'none' })]);
    expect(status?.ledger).toBeUndefined();
    expect(status?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'PoolNotFound' });
  });

  test('a status that says the same is not written again', () => {
    const [status] = statusesOf([phase('ph')]);
    expect(statusesOf([phase('ph', {}, status)])).toEqual([]);
  });
});
