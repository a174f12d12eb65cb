import { describe, expect, test } from '@jest/globals';
import { decodeObject, declaredKinds, type DeclaredObject } from '@reticle/operator/api';
import { deployment, facts, fullPool, NOW_MS, phase } from '@reticle/operator/plan/kit';
import { parseWhatIf, withFields, type WhatIf } from './change.ts';
import { suppose, type WafersOf } from './suppose.ts';

const read = (text: string): WhatIf => {
  const parsed = parseWhatIf(text);
  if ('wrong' in parsed) throw new Error(parsed.wrong);
  return parsed;
};

const declared = (kind: string, name: string, spec: object): DeclaredObject => {
  const decoded = decodeObject(declaredKinds, { apiVersion: 'reticle.dev/v1alpha1', kind, metadata: { name }, spec });
  if (decoded.ok === undefined) throw new Error(JSON.stringify(decoded.problems));
  return decoded.ok;
};

const none: WafersOf = () => ({ create: [], remove: [] });
/** One wafer per host that a pool finds. */
const onePerHost: WafersOf = ({ pool, nodes }) => ({
  create: nodes.map(({ name: nodeName }, slot) => {
    const spec = { poolRef: pool.meta.name, classRef: pool.spec.classRef, slot, rack: 'r0', nodeName };
    return { name: `${pool.meta.name}-${slot}`, spec: { ...spec, service: 'Open' as const, epoch: 0 } };
  }),
  remove: [],
});

describe('parseWhatIf', () => {
  test.each([
    {
      text: 'md/agent.spec.regions[0].replicas=3',
      want: {
        kind: 'field',
        of: { kind: 'ModelDeployment', name: 'agent' },
        path: ['regions', '0', 'replicas'],
        value: 3,
      },
    },
    {
      text: 'ModelDeployments/models/agent.servedName=x=y',
      want: {
        kind: 'field',
        of: { kind: 'ModelDeployment', namespace: 'models', name: 'agent' },
        path: ['servedName'],
        value: 'x=y',
      },
    },
    { text: 'cph/ph=Online', want: { kind: 'phase', of: { kind: 'CapacityPhase', name: 'ph' }, state: 'Online' } },
    { text: 'node/a.b.c=gone', want: { kind: 'node', of: { kind: 'Node', name: 'a.b.c' }, state: 'gone' } },
    { text: 'wf/w1=unhealthy', want: { kind: 'wafer', of: { kind: 'Wafer', name: 'w1' }, state: 'unhealthy' } },
  ])('reads $text', ({ text, want }) => {
    expect(parseWhatIf(text)).toEqual(want);
  });

  test.each([
    { text: 'agent', want: 'is not KIND/NAME.FIELD=VALUE' },
    { text: '=1', want: 'is not KIND/NAME.FIELD=VALUE' },
    { text: 'dm/agent.x=1', want: 'did you mean md?' },
    { text: 'md/agent=3', want: 'names no field' },
    { text: 'node/a=away', want: 'one of gone, notready, cordoned, ready' },
    { text: 'cph/ph=online', want: 'one of Contracted' },
    { text: 'md//x.y=1', want: 'is not KIND/NAME' },
  ])('refuses $text', ({ text, want }) => {
    expect(parseWhatIf(text)).toEqual({ wrong: expect.stringContaining(want) });
  });
});

describe('withFields', () => {
  const agent = deployment('agent', { regions: [{ region: 'us-east', replicas: 1 }] });
  const changed = (...texts: readonly string[]) =>
    withFields(
      agent,
      texts.map(read).filter((each) => each.kind === 'field'),
    );

  test('changes fields, items by their name, and takes fields away', () => {
    const next = changed(
      'md/agent.regions.us-east.replicas=null',
      'md/agent.regions.us-east.scaling={"min":2,"max":4}',
      'md/agent.shape.streams=12',
    );
    expect(next).toMatchObject({
      spec: {
        shape: { streams: 12, wafers: 21 },
        regions: [{ region: 'us-east', scaling: { min: 2, tokenPercent: 70 } }],
      },
      meta: { generation: 2 },
    });
    expect('wrong' in next || 'replicas' in ((next.spec as typeof agent.spec).regions[0] ?? {})).toBe(false);
    expect(agent.spec.regions[0]?.replicas).toBe(1);
  });

  test.each([
    { text: 'md/agent.regions.us-east.replicas=-1', want: 'spec.regions[0].replicas' },
    { text: 'md/agent.regions.us-west.replicas=1', want: 'has no place for regions.us-west.replicas' },
    { text: 'md/agent.servedName.x=1', want: 'has no place for servedName.x' },
    { text: 'md/agent.__proto__.x=1', want: 'is not a field' },
  ])('refuses $text', ({ text, want }) => {
    expect(changed(text)).toEqual({ wrong: expect.stringContaining(want) });
  });
});

describe('suppose', () => {
  const poolSpec = {
    region: 'r',
    zone: 'z',
    building: 'b',
    hall: 'h',
    residency: ['us'],
    classRef: 'wse3',
    source: { nodes: { matchLabels: { a: 'b' } } },
    fabric: { slots: 3 },
  };
  const phaseSpec = {
    ...phase('ph').spec,
    schedule: { planned: '2026-01-14T00:00:00Z', online: '2026-12-15T00:00:00Z' },
  };
  const empty = { facts: facts(), hosts: [] };

  test('hosts of declared pools are assumed, phases stand where their dates say', () => {
    const objects = [declared('WaferPool', 'p', poolSpec), declared('CapacityPhase', 'ph', phaseSpec)];
    const supposed = suppose(empty, { declared: objects, whatIfs: [], wafersOf: onePerHost });
    if ('wrong' in supposed) throw new Error(supposed.wrong);
    expect(supposed.facts.nodes).toHaveLength(3);
    expect(supposed.facts.objects.map(({ kind }) => kind)).toEqual([
      'WaferPool',
      'CapacityPhase',
      'Wafer',
      'Wafer',
      'Wafer',
    ]);
    expect(supposed.facts.objects[1]?.status).toMatchObject({ state: 'Online' });
    expect(supposed.assumptions).toEqual([
      'cph/ph is Online: its date was 2026-12-15T00:00:00Z',
      'wp/p has a sound host in each of its 3 slots',
    ]);
  });

  test('a phase whose dates lie ahead is not open, unless that is supposed', () => {
    const early = { facts: facts({ nowMs: NOW_MS - 365 * 86_400_000 }), hosts: [] };
    const objects = [declared('CapacityPhase', 'ph', phaseSpec)];
    const states = [[], ['cph/ph=Accepted']].map((texts) => {
      const supposed = suppose(early, { declared: objects, whatIfs: texts.map(read), wafersOf: none });
      return 'wrong' in supposed ? supposed.wrong : [supposed.facts.objects[0]?.status, supposed.assumptions];
    });
    expect(states).toEqual([
      [expect.objectContaining({ state: 'Contracted' }), [expect.stringContaining('none of its dates')]],
      [expect.objectContaining({ state: 'Accepted' }), []],
    ]);
  });

  test('what is declared takes the place of its namesake and keeps its identity and status', () => {
    const there = fullPool('p', 2);
    const sight = { facts: facts({ objects: there.objects, nodes: there.nodes }), hosts: [] };
    const objects = [declared('WaferPool', 'p', { ...poolSpec, fabric: { slots: 2 } })];
    const supposed = suppose(sight, { declared: objects, whatIfs: [], wafersOf: onePerHost });
    if ('wrong' in supposed) throw new Error(supposed.wrong);
    // The hosts of a pool that exists are the cluster's: none of them is made up.
    expect(supposed).toMatchObject({ assumptions: [], facts: { nodes: there.nodes } });
    expect(supposed.facts.objects[0]?.meta).toMatchObject({ uid: 'uid-WaferPool-p', generation: 2 });
    expect(supposed.facts.objects).toHaveLength(3);
  });

  test.each([
    { text: 'node/p-n000=gone', want: (nodes: number) => nodes === 1 },
    { text: 'node/p-n000=notready', want: (nodes: number) => nodes === 2 },
  ])('$text', ({ text, want }) => {
    const there = fullPool('p', 2);
    const sight = { facts: facts({ objects: there.objects, nodes: there.nodes }), hosts: [] };
    const supposed = suppose(sight, { declared: [], whatIfs: [read(text)], wafersOf: none });
    expect('facts' in supposed && want(supposed.facts.nodes.length)).toBe(true);
  });

  test.each(['node/x=gone', 'wf/x=unhealthy', 'md/x.servedName=y', 'cph/x=Online'])(
    '%s of nothing is refused',
    (text) => {
      const supposed = suppose(empty, { declared: [], whatIfs: [read(text)], wafersOf: none });
      expect(supposed).toEqual({ wrong: expect.stringMatching(/there is no/) });
    },
  );
});
