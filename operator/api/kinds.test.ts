import { describe, expect, test } from '@jest/globals';
import { isRegion } from '@reticle/core/domain';
import fc from 'fast-check';
import { decodeValue } from './decode.ts';
import { waferSimArgs } from './engine-args.ts';
import { declaredKinds, decodeObject, kinds, type ReticleObject } from './kinds.ts';
import { deploymentName, regionName } from './names.ts';
import type { SchemaNode } from './schema.ts';

const deployment = (spec: object = {}) => ({
  apiVersion: 'reticle.dev/v1alpha1',
  kind: 'ModelDeployment',
  metadata: { name: 'spark' },
  spec: {
    modelRef: { name: 'spark' },
    servedName: 'spark',
    engine: { driver: 'WaferSim' },
    shape: { contextTokensMean: 1, streams: 1 },
    regions: [{ region: 'local', replicas: 1 }],
    ...spec,
  },
});
const problemsOf = (raw: unknown) =>
  (decodeObject(kinds, raw).problems ?? []).map(({ path, code, message }) => `${path}|${code}|${message}`);

describe('decodeObject', () => {
  test('applies the defaults of OPERATOR §3', () => {
    const object = decodeObject(kinds, deployment()).ok as ReticleObject & { kind: 'ModelDeployment' };
    expect(object.metadata).toEqual({ name: 'spark', namespace: 'default', labels: {}, annotations: {} });
    expect(object.spec).toMatchObject({
      residency: [],
      shape: { wafers: 0, allowLayerSplit: false, prefill: 'None' },
      rollout: { maxUnavailable: 0, bakeSeconds: 60, progressDeadlineSeconds: 1800, onFailure: 'Pause', paused: false },
      drain: { timeoutSeconds: 120, parkSeconds: 30 },
      repair: {
        modes: ['SamePlacement', 'SpareSwap', 'ColdReplacement'],
        unhealthyAfterSeconds: 10,
        attempts: 2,
        windowSeconds: 600,
      },
      spread: 'Hall',
      preemption: 'Never',
    });
    expect(object.spec).not.toHaveProperty('tiers');
    expect(object.spec.engine).not.toHaveProperty('image');
  });

  test('is idempotent', () => {
    const once = decodeObject(kinds, deployment());
    expect(decodeObject(kinds, once.ok)).toEqual(once);
  });

  test.each([
    { name: 'a scalar', raw: 'x', want: '|type|must be an object with apiVersion and kind, not a string' },
    { name: 'nothing', raw: null, want: '|type|must be an object with apiVersion and kind, not nothing' },
    { name: 'a list', raw: [], want: '|type|must be an object with apiVersion and kind, not a list' },
    {
      name: 'another version',
      raw: { ...deployment(), apiVersion: 'reticle.dev/v1' },
      want: 'apiVersion|enum|"reticle.dev/v1" is not supported (use reticle.dev/v1alpha1)',
    },
    {
      name: 'a misspelt kind',
      raw: { ...deployment(), kind: 'Modeldeployement' },
      want: 'kind|enum|"Modeldeployement" is not a kind here (did you mean "ModelDeployment"?)',
    },
    {
      name: 'a kind named like a method',
      raw: { ...deployment(), kind: 'constructor' },
      want: 'kind|enum|"constructor" is not a kind here (use one of: WaferClass, WaferPool, CapacityPhase, Model, ModelDeployment, AccessTier, Tenant, Wafer, ModelReplica)',
    },
    {
      name: 'a kind that is no text',
      raw: { ...deployment(), kind: {} },
      want: 'kind|enum|an object is not a kind here (use one of: WaferClass, WaferPool, CapacityPhase, Model, ModelDeployment, AccessTier, Tenant, Wafer, ModelReplica)',
    },
    {
      name: 'no kind',
      raw: { ...deployment(), kind: undefined },
      want: 'kind|required|is missing (add one of WaferClass, WaferPool, CapacityPhase, Model, ModelDeployment, AccessTier, Tenant, Wafer, ModelReplica)',
    },
    {
      name: 'a namespace on a cluster kind',
      raw: { apiVersion: 'reticle.dev/v1alpha1', kind: 'WaferClass', metadata: { name: 'a', namespace: 'b' } },
      want: 'metadata.namespace|unknown_field|is not a field of metadata (it has: name, labels, annotations)',
    },
    {
      name: 'a status',
      raw: { ...deployment(), status: {} },
      want: 'status|unknown_field|is not a field of the object (it has: apiVersion, kind, metadata, spec)',
    },
    {
      name: 'a fractional count',
      raw: deployment({ shape: { contextTokensMean: 1, streams: 1, wafers: 1.5 } }),
      want: 'spec.shape.wafers|type|must be a whole number from 0 to 256, not 1.5',
    },
    {
      name: 'an image by tag',
      raw: deployment({ engine: { driver: 'WaferSim', image: 'registry/reticle:latest' } }),
      want: 'spec.engine.image|pattern|"registry/reticle:latest" is malformed (use REPOSITORY@sha256:DIGEST, never a tag)',
    },
    {
      name: 'an unknown engine argument',
      raw: deployment({ engine: { driver: 'WaferSim', args: { token: 'code' } } }),
      want: 'spec.engine.args.token|rule|is not an argument of WaferSim (did you mean "tokens"?)',
    },
    {
      name: 'an argument of another driver',
      raw: deployment({ engine: { driver: 'Llama', args: { tokens: 'code' } } }),
      want: 'spec.engine.args.tokens|rule|is not an argument of Llama (it takes: none)',
    },
    {
      name: 'an unknown argument value',
      raw: deployment({ engine: { driver: 'WaferSim', args: { tokens: 'cod' } } }),
      want: 'spec.engine.args.tokens|rule|"cod" is not a value here (did you mean "code"?)',
    },
    {
      name: 'a script with a rule that says nothing',
      raw: deployment({ engine: { driver: 'WaferSim', args: { script: '[{"items":[]}]' } } }),
      want: 'spec.engine.args.script|rule|is no script: a rule has an item (at script[0].items)',
    },
    {
      name: 'a region twice',
      raw: deployment({
        regions: [
          { region: 'a', replicas: 1 },
          { region: 'a', replicas: 1 },
        ],
      }),
      want: 'spec.regions[1].region|rule|"a" is already item 0 (merge the entries)',
    },
    {
      name: 'a tier twice',
      raw: deployment({ tiers: [{ name: 'fast' }, { name: 'fast' }] }),
      want: 'spec.tiers[1]|duplicate|"fast" is already item 0 (remove one)',
    },
  ])('refuses $name', ({ raw, want }) => {
    expect(problemsOf(raw)).toContain(want);
  });

  test('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(kinds)), fc.jsonValue(), fc.jsonValue(), (kind, metadata, spec) => {
        const decoded = decodeObject(kinds, { apiVersion: 'reticle.dev/v1alpha1', kind, metadata, spec });
        expect(decoded.problems?.length).toBeGreaterThan(0);
      }),
    );
  });

  test('says who writes a kind that manifests do not hold', () => {
    const [problem] = decodeObject(declaredKinds, { ...deployment(), kind: 'Wafer' }).problems ?? [];
    expect(problem?.message).toBe('"Wafer" is written by the operator alone (leave the object out)');
  });

  test('knows only the kinds of its registry', () => {
    expect(decodeObject({ Model: kinds.Model }, deployment()).problems).toMatchObject([{ path: 'kind', code: 'enum' }]);
  });
});

describe('schemas', () => {
  const nodesOf = (node: SchemaNode): SchemaNode[] => {
    if (node.kind === 'object') return [node, ...Object.values(node.fields).flatMap((field) => nodesOf(field.node))];
    if (node.kind === 'list') return [node, ...nodesOf(node.item.node)];
    return node.kind === 'map' ? [node, node.value.node] : [node];
  };
  const nodes = Object.values(kinds).flatMap(({ schema, status }) => [
    ...nodesOf(schema.node),
    ...nodesOf(status.node),
  ]);

  test('bound every string, list, map and number, as CEL budgets need', () => {
    for (const node of nodes) {
      if (node.kind === 'string') expect(node.maxLength).toBeLessThanOrEqual(8_192);
      // A chain has at most 256 stages.
      if (node.kind === 'list' || node.kind === 'map') expect(node.maxItems).toBeLessThanOrEqual(256);
      if (node.kind === 'integer') expect(node.max).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
    }
  });

  test('have defaults that their own nodes accept', () => {
    const fields = nodes.flatMap((node) => (node.kind === 'object' ? Object.entries(node.fields) : []));
    const defaulted = fields.filter(([, field]) => field.presence === 'defaulted');
    expect(defaulted.length).toBeGreaterThan(30);
    for (const [name, field] of defaulted) {
      expect([name, decodeValue(field, field.default).problems]).toEqual([name, undefined]);
    }
  });

  test('take exactly the regions that core/domain takes', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9-]{0,66}$/));
    fc.assert(fc.property(text, (name) => (decodeValue(regionName(), name).ok !== undefined) === isRegion(name)));
  });

  test.each([
    { name: 'a', wantOk: true },
    { name: 'spark-ref', wantOk: true },
    { name: 'a'.repeat(32), wantOk: true },
    { name: 'a'.repeat(33), wantOk: false },
    { name: '70b', wantOk: false },
    { name: 'spark-', wantOk: false },
    { name: 'Spark', wantOk: false },
  ])('answer $wantOk for a deployment named $name', ({ name, wantOk }) => {
    expect(decodeValue(deploymentName(), name).ok !== undefined).toBe(wantOk);
  });
});

describe('waferSimArgs', () => {
  test.each([
    { name: 'nothing', args: {}, want: {} },
    {
      name: 'every argument',
      args: { tokens: 'code', length: 'max', pace: 'busy', seed: '7', script: '[]' },
      want: { tokens: 'code', length: 'max', pace: 'busy', seed: '7', script: '[]' },
    },
  ])('reads $name', ({ args, want }) => {
    expect(waferSimArgs(args)).toEqual(want);
  });
});
