/** A kind of the suites' own: a size that never shrinks, at most 100, a label and a status. */
import { apiVersionOf, type Kube, type KubeManifest, type KubeResult, type Resource } from '@reticle/operator/cluster';
import type { Admission } from '../kit/kube/fake-objects.ts';

export const gauge: Resource = {
  group: 'test.reticle.dev',
  version: 'v1',
  plural: 'gauges',
  kind: 'Gauge',
  namespaced: true,
};

const GAUGE_SIZE_MAX = 100;
const SHRINKS = 'size never shrinks';

const text = { type: 'string' };
const conditions = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    required: ['type', 'status'],
    properties: {
      type: text,
      status: text,
      reason: text,
      message: text,
      observedGeneration: { type: 'integer' },
      lastTransitionTime: { type: 'string', format: 'date-time' },
    },
  },
};

/** The kind of the suite as a definition for the real server, with its rule in CEL. */
const gaugeDefinition = {
  group: gauge.group,
  scope: 'Namespaced',
  names: { plural: gauge.plural, kind: gauge.kind },
  versions: [
    {
      name: gauge.version,
      served: true,
      storage: true,
      subresources: { status: {} },
      schema: {
        openAPIV3Schema: {
          type: 'object',
          required: ['spec'],
          properties: {
            spec: {
              type: 'object',
              required: ['size'],
              properties: {
                size: { type: 'integer', maximum: GAUGE_SIZE_MAX },
                label: { type: 'string', maxLength: 63 },
              },
              'x-kubernetes-validations': [{ rule: 'self.size >= oldSelf.size', message: SHRINKS }],
            },
            status: {
              type: 'object',
              properties: { seen: { type: 'integer' }, observedGeneration: { type: 'integer' }, conditions },
            },
          },
        },
      },
    },
  ],
};

/** The same rules as functions, for the fake. */
export const admitGauge: Admission = ({ before, next }) => {
  if (next.kind !== gauge.kind) return { object: next };
  const sizeOf = ({ spec }: { readonly spec?: unknown }): number => (spec as { size: number }).size;
  const problems = [
    ...(sizeOf(next) > GAUGE_SIZE_MAX ? [`spec.size: at most ${GAUGE_SIZE_MAX}`] : []),
    ...(before !== undefined && sizeOf(next) < sizeOf(before) ? [`spec: ${SHRINKS}`] : []),
  ];
  return problems.length > 0 ? { problems } : { object: next };
};

const definitions: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** Right after a definition is established, its lists may be refused for a moment. */
export async function defineGauge(kube: Kube): Promise<void> {
  const name = `${gauge.plural}.${gauge.group}`;
  value(await kube.create(definitions, manifest(definitions, { name }, { spec: gaugeDefinition })));
  while (!(await kube.list(gauge)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
}

export function manifest(
  resource: Resource,
  metadata: KubeManifest['metadata'],
  fields: Readonly<Record<string, unknown>>,
): KubeManifest {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata, ...fields };
}

/** The value of an answer that is a success. */
export function value<T>(result: KubeResult<T>): T {
  if (!result.ok) throw new Error(`${result.failure.kind}: ${result.failure.message}`);
  return result.value;
}
