import { describe } from '@jest/globals';
import { systemClock } from '@reticle/core/process';
import type { Kube, Resource } from '@reticle/operator/cluster';
import { hasApiServer, startApiServer } from '../kit/kube/api-server.ts';
import { FakeApiServer } from '../kit/kube/fake-api-server.ts';
import type { Admission } from '../kit/kube/fake-objects.ts';
import { gauge, kubePortSuite, manifest, value } from './kube-port.suite.ts';

const GAUGE_SIZE_MAX = 100;
const SHRINKS = 'size never shrinks';

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
            status: { type: 'object', properties: { seen: { type: 'integer' } } },
          },
        },
      },
    },
  ],
};

/** The same rules as functions, for the fake. */
const admitGauge: Admission = ({ before, next }) => {
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
async function defineGauge(kube: Kube): Promise<void> {
  const name = `${gauge.plural}.${gauge.group}`;
  value(await kube.create(definitions, manifest(definitions, { name }, { spec: gaugeDefinition })));
  while (!(await kube.list(gauge)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
}

kubePortSuite('the fake API server', () => {
  const kube = new FakeApiServer({ clock: systemClock, admit: admitGauge });
  const compact = (): Promise<void> => Promise.resolve(kube.compact());
  return Promise.resolve({ kube, compact, [Symbol.asyncDispose]: () => Promise.resolve() });
});

const describeReal = (await hasApiServer()) ? describe : describe.skip;

describeReal('with real servers', () =>
  kubePortSuite('kube-apiserver', async () => {
    const server = await startApiServer();
    const kube = server.client();
    await defineGauge(kube);
    return { kube, compact: () => server.compact(), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }),
);
