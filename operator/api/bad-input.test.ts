/** Rows of PROMISES §7 that schema and rules answer (OPERATOR §17): K1, K2, K4, K5, K10 (cycles), K11. */
import { describe, expect, test } from '@jest/globals';
import { decodeObject, kinds, type ReticleObject } from './kinds.ts';
import { refuseWrite } from './transition.ts';
import { validateScene } from './validate-scene.ts';
import { baseOf, type Json, type JsonObject, type RuleVectors } from './vectors/rule-vectors.ts';

type Name = RuleVectors['kind'];

const withSpec = (kind: Name, spec: JsonObject, name?: string): JsonObject => {
  const base = baseOf(kind) as { readonly metadata: JsonObject; readonly spec: JsonObject };
  const metadata = name === undefined ? base.metadata : { ...base.metadata, name };
  return { ...baseOf(kind), metadata, spec: { ...base.spec, ...spec } };
};
const decoded = (raw: JsonObject): ReticleObject => {
  const { ok, problems } = decodeObject(kinds, raw);
  if (problems !== undefined) throw new Error(JSON.stringify(problems));
  return ok;
};
const refusals = (raw: unknown) =>
  (decodeObject(kinds, raw).problems ?? []).map(({ path, rule, message }) => `${path}|${rule ?? ''}|${message}`);

/** The value with every text in it blank; blanks for keys would be other fields. */
function blanked(value: Json): Json {
  if (typeof value === 'string') return '';
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(blanked);
  return Object.fromEntries(Object.entries(value as JsonObject).map(([key, item]) => [key, blanked(item)]));
}

describe('bad input', () => {
  const deployment = (spec: JsonObject): JsonObject => withSpec('ModelDeployment', spec);
  const shape = (wafers: number): JsonObject =>
    deployment({ shape: { contextTokensMean: 96_300, streams: 30, wafers } });
  const regions = (replicas: Json): JsonObject => deployment({ regions: [{ region: 'us-east', replicas }] });

  test.each([
    {
      name: 'negative replicas',
      raw: regions(-1),
      want: 'spec.regions[0].replicas||-1 is out of range (use a whole number from 0 to 256)',
    },
    {
      name: 'huge replicas',
      raw: regions(1e15),
      want: 'spec.regions[0].replicas||1000000000000000 is out of range (use a whole number from 0 to 256)',
    },
    {
      name: '−1 wafers',
      raw: shape(-1),
      want: 'spec.shape.wafers||-1 is out of range (use a whole number from 0 to 256)',
    },
    {
      name: '257 wafers',
      raw: shape(257),
      want: 'spec.shape.wafers||257 is out of range (use a whole number from 0 to 256)',
    },
  ])('K1: $name are refused', ({ raw, want }) => {
    expect(refusals(raw)).toEqual([want]);
  });

  test.each([
    { name: 'an unknown field', raw: deployment({ replica: 3 }), want: 'spec.replica||is not a field of spec' },
    { name: 'a wrong type', raw: regions('2'), want: 'not a string (remove the quotes)' },
    {
      name: '10,000 items',
      raw: deployment({
        regions: Array.from({ length: 10_000 }, (_, index) => ({ region: `r${index}`, replicas: 1 })),
      }),
      want: 'spec.regions||has 10000 items (use 1 to 16)',
    },
    {
      name: 'an annotation of 1 MiB',
      raw: { ...baseOf('ModelDeployment'), metadata: { name: 'a', annotations: { note: 'x'.repeat(1_048_576) } } },
      want: 'metadata.annotations.note||has 1048576 characters (use 1 to 1024)',
    },
  ])('K2: $name is refused and named once', ({ raw, want }) => {
    expect(refusals(raw)).toEqual([expect.stringContaining(want)]);
  });

  test('K4: a region or a digest that changes is refused with the way out', () => {
    const change = (kind: Name, spec: JsonObject) =>
      refuseWrite(kinds[kind].schema as never, decoded(withSpec(kind, spec)), decoded(baseOf(kind))).map(
        ({ path, rule, message }) => `${path}|${rule}|${message}`,
      );
    expect(change('WaferPool', { region: 'us-west' })).toEqual([
      'spec.region|wp4|is immutable (make a new WaferPool and move its nodes)',
    ]);
    expect(change('Model', { digest: `sha256:${'1'.repeat(64)}` })).toEqual([
      'spec.digest|m4|is immutable (a new version of a model is a new Model)',
    ]);
    expect(change('ModelReplica', { region: 'us-west' })).toEqual([
      'spec.region|mr12|is immutable (retire the replica; its deployment makes another one)',
    ]);
  });

  test.each(Object.keys(kinds) as Name[])('K5: blank strings everywhere in %s are each named', (kind) => {
    const { spec } = baseOf(kind) as { readonly spec: Json };
    const texts = JSON.stringify(blanked(spec)).match(/:""|\[""|,""/g)?.length ?? 0;
    const raw = { ...baseOf(kind), spec: blanked(spec) };
    expect(refusals(raw).length).toBeGreaterThanOrEqual(texts);
    expect(refusals({ ...raw, metadata: { name: '' } })[0]).toContain('metadata.name|');
  });

  test('K10: a fallback that comes back is refused where it stands', () => {
    const regions = [
      { region: 'us-east', replicas: 1, fallback: ['us-west'] },
      { region: 'us-west', replicas: 1, fallback: ['us-east'] },
    ];
    expect(refusals(withSpec('ModelDeployment', { regions }))).toEqual([
      'spec.regions[1].fallback[0]|md2|"us-east" is not a later region of this list (move it down, or remove it)',
    ]);
  });

  test('K11: dates that go back are refused, and megawatts over the contract with the totals', () => {
    const schedule = { planned: '2026-01-14T00:00:00Z', power: '2026-07-01T00:00:00Z', online: '2026-06-30T00:00:00Z' };
    expect(refusals(withSpec('CapacityPhase', { schedule }))).toEqual([
      'spec.schedule.online|cph2|is before power (move one of them)',
    ]);
    const phases = [250, 250, 251].map((megawatts, index) =>
      decoded(withSpec('CapacityPhase', { power: { megawatts } }, `phase-${index}`)),
    );
    expect(
      validateScene([decoded(baseOf('WaferClass')), ...phases]).map(({ subject, message }) => `${subject}|${message}`),
    ).toEqual([
      'CapacityPhase/phase-2|251 MW on 500 MW of contract msa-1 make 751 MW of 750 MW ' +
        '(lower it, or raise the ceiling in a new contract)',
    ]);
  });
});
