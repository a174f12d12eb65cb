/**
 * What an API server must make of our kinds (OPERATOR §6): every rule, every bound and every default as the operator's own
 * twins and decoders say. Run against real servers and against the fake one.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeObject, GROUP, kinds, refuseWrite } from '@reticle/operator/api';
import {
  baseOf,
  boundVectors,
  ruleVectors,
  statesOf,
  type JsonObject,
  type RuleVectors,
} from '@reticle/operator/api/vectors';
import {
  resources,
  type Kube,
  type KubeManifest,
  type KubeObject,
  type KubeResult,
  type ObjectRef,
  type Resource,
} from '@reticle/operator/cluster';
import { arbitrarySpec } from './arbitrary-spec.ts';
import { manifest, value } from './gauge.ts';

export interface KindsTarget extends AsyncDisposable {
  /** Of a server that knows our definitions. */
  readonly kube: Kube;
}

type KindName = RuleVectors['kind'];
const kindNames = Object.keys(kinds) as KindName[];

export function kindsSuite(server: string, start: () => Promise<KindsTarget>): void {
  describe(`the kinds on ${server}`, () => {
    let target: KindsTarget;
    beforeAll(async () => {
      target = await start();
      const name = String(baseMeta('Model').namespace);
      const made = await target.kube.create(resources.namespace, manifest(resources.namespace, { name }, {}));
      if (!made.ok && made.failure.kind !== 'alreadyExists') value(made);
    }, 180_000);
    afterAll(async () => target?.[Symbol.asyncDispose](), 30_000);

    test.each(ruleVectors.map((row) => ({ name: `${row.kind} ${row.rule}`, row })))(
      '$name accepts and refuses',
      async ({ row }) => {
        for (const vector of row.accept) expect(await refusedBy(target.kube, row, statesOf(row, vector))).toEqual([]);
        const wanted = [row.rule, ...(row.also ?? [])].toSorted();
        for (const vector of row.refuse)
          expect(await refusedBy(target.kube, row, statesOf(row, vector))).toEqual(wanted);
      },
      60_000,
    );

    test.each(kindNames)(
      'bounds of %s are refused when they are broken',
      async (kind) => {
        const accepted: string[] = [];
        for (const { name: what, object } of boundVectors(kind)) {
          const answer = await target.kube.create(resourceOf(kind), object as unknown as KubeManifest);
          if (answer.ok) accepted.push(what);
          else expect([what, answer.failure.kind]).toEqual([what, expect.stringMatching(/^(invalid|badRequest)$/)]);
        }
        expect(accepted).toEqual([]);
      },
      120_000,
    );

    test.each(kindNames)(
      'any spec of %s is judged as the decoder judges it',
      async (kind) => {
        const base = baseOf(kind);
        const own = base['spec'] as JsonObject;
        const specs = fc.sample(arbitrarySpec(kind), { numRuns: 6, seed: 7 }).flatMap((spec) => [
          spec,
          // One field at a time: most of these are sound.
          ...Object.entries(spec).map(([field, any]) => ({ ...own, [field]: any })),
        ]);
        for (const spec of specs) {
          const object = { ...base, spec } as unknown as KubeManifest;
          const { ok, problems = refuseWrite<unknown>(kinds[kind].schema, ok, undefined) } = decodeObject(
            kinds,
            object,
          );
          const answer = await target.kube.create(resourceOf(kind), object);
          if (answer.ok) value(await target.kube.delete(resourceOf(kind), refOfBase(kind)));
          expect([spec, answer.ok]).toEqual([spec, problems.length === 0]);
        }
      },
      60_000,
    );

    test.each(kindNames)('defaults of %s are those of its decoder', async (kind) => {
      const made = value(await target.kube.create(resourceOf(kind), baseOf(kind) as unknown as KubeManifest));
      expect(made.spec).toEqual(decodeObject(kinds, baseOf(kind)).ok?.spec);
      value(await target.kube.delete(resourceOf(kind), refOfBase(kind)));
    });
  });
}

function resourceOf(kind: KindName): Resource {
  const { plural, scope } = kinds[kind];
  return { group: GROUP, version: 'v1alpha1', plural, kind, namespaced: scope === 'Namespaced' };
}

const baseMeta = (kind: KindName): KubeManifest['metadata'] =>
  baseOf(kind)['metadata'] as unknown as KubeManifest['metadata'];
const refOfBase = (kind: KindName): ObjectRef => refOf(baseMeta(kind));

function refOf({ name, namespace }: KubeManifest['metadata']): ObjectRef {
  return namespace === undefined ? { name } : { namespace, name };
}

/** Ids of the rules that refuse the last of the states. The object is made, changed from state to state, and removed. */
async function refusedBy(kube: Kube, row: RuleVectors, states: readonly JsonObject[]): Promise<readonly string[]> {
  const isStatus = row.of === 'status';
  const [first, ...later] = isStatus ? [baseOf(row.kind), ...states] : states;
  const made = first as unknown as KubeManifest;
  const ref = refOf(made.metadata);
  const resource = resourceOf(row.kind);
  let answer: KubeResult<KubeObject> = await kube.create(resource, made);
  for (const state of later) {
    value(answer);
    answer = await kube.patch(
      resource,
      ref,
      isStatus
        ? { kind: 'json', steps: [{ op: 'add', path: '/status', value: state }] }
        : { kind: 'json', steps: [{ op: 'replace', path: '/spec', value: state['spec'] }] },
      isStatus ? { subresource: 'status' } : {},
    );
  }
  if (later.length > 0 || answer.ok) value(await kube.delete(resource, ref));
  if (answer.ok) return [];
  expect(answer.failure.kind).toBe('invalid');
  const ids = [...answer.failure.message.matchAll(/\b([a-z]{1,3}\d+): /g)].map(([, id = '']) => id);
  return [...new Set(ids)].toSorted();
}
