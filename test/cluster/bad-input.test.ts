/**
 * Rows K1–K14 of PROMISES §7 as far as the API server answers them: each bad input is refused with the field or the rule
 * that it breaks, and leaves nothing behind.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { defaultNames, factKeys, FACTS_MAP, operatorUser } from '@reticle/operator/api/access';
import { kinds } from '@reticle/operator/api';
import { baseOf, type Json, type JsonObject } from '@reticle/operator/api/vectors';
import { resources, type KubeManifest } from '@reticle/operator/cluster';
import { bounded } from '../kit/index.ts';
import { apiCalls, messageOf, type ApiCall, type CallApi } from '../kit/kube/api-call.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { installAccess } from '../kit/kube/install-access.ts';
import { installKinds } from '../kit/kube/install-kinds.ts';
import { requirePart } from '../kit/parts.ts';
import { manifest, value } from './gauge.ts';

jest.setTimeout(120_000);

const there = (await hasApiServer()) && (await requirePart('kubectl')) !== undefined;

type KindName = keyof typeof kinds;
type Bad = {
  readonly row: string;
  readonly what: string;
  readonly call: ApiCall;
  readonly status: number;
  /** The field, the rule, or the way out. */
  readonly says: string | RegExp;
};

const NAMESPACE = 'reticle-models';
/** As our tools write: an unknown field is an error, never pruned. */
const STRICT = 'fieldValidation=Strict';

function pathOf(kind: KindName, name?: string): string {
  const { scope, plural } = kinds[kind];
  const at = scope === 'Cluster' ? '' : `/namespaces/${NAMESPACE}`;
  return `/apis/reticle.dev/v1alpha1${at}/${plural}${name === undefined ? '' : `/${name}`}?${STRICT}`;
}

const nameOf = (kind: KindName): string => (baseOf(kind)['metadata'] as { readonly name: string }).name;
const specOf = (kind: KindName): JsonObject => baseOf(kind)['spec'] as JsonObject;

/** The base object of a kind with fields of its spec changed, under a name of its own. */
function made(kind: KindName, spec: JsonObject, metadata: JsonObject = {}): ApiCall {
  const base = baseOf(kind);
  const named = { ...(base['metadata'] as JsonObject), name: 'bad', ...metadata };
  return { method: 'POST', path: pathOf(kind), body: { ...base, metadata: named, spec: { ...specOf(kind), ...spec } } };
}

/** The object that is there, with a merge patch of its spec. */
function patched(kind: KindName, spec: JsonObject, as?: string): ApiCall {
  const call = { method: 'PATCH', path: pathOf(kind, nameOf(kind)), body: { spec } } as const;
  return as === undefined ? call : { ...call, as };
}

const shape = specOf('ModelDeployment')['shape'] as JsonObject;
const schedule = specOf('CapacityPhase')['schedule'] as JsonObject;
const regions = (...list: readonly JsonObject[]): JsonObject => ({ regions: [...list] });
const region = (name: string, more: JsonObject = { replicas: 1 }): JsonObject => ({ region: name, ...more });
const ready = { type: 'Ready', status: 'True', reason: 'AllReplicasReady', message: 'all is well' };
const seen = { observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00Z' };
const status = { status: { conditions: [{ ...ready, ...seen }] } };

const rows: readonly Bad[] = [
  {
    row: 'K1',
    what: 'negative replicas',
    call: made('ModelDeployment', regions(region('us-east', { replicas: -1 }))),
    status: 422,
    says: 'spec.regions[0].replicas: Invalid value: -1',
  },
  {
    row: 'K1',
    what: 'huge replicas',
    call: made('ModelDeployment', regions(region('us-east', { replicas: 1_000_000_000 }))),
    status: 422,
    says: 'spec.regions[0].replicas',
  },
  ...[-1, 257].map((wafers) => ({
    row: 'K1',
    what: `${wafers} wafers`,
    call: made('ModelDeployment', { shape: { ...shape, wafers } }),
    status: 422,
    says: 'spec.shape.wafers',
  })),
  {
    row: 'K2',
    what: 'an unknown field',
    call: made('ModelDeployment', { colour: 'red' }),
    status: 400,
    says: 'unknown field "spec.colour"',
  },
  {
    row: 'K2',
    what: 'a number where a text belongs',
    call: made('ModelDeployment', { servedName: 7 }),
    status: 422,
    says: 'spec.servedName: Invalid value: "integer"',
  },
  {
    row: 'K2',
    what: '10,000 regions',
    call: made('ModelDeployment', regions(...Array.from({ length: 10_000 }, (_, index) => region(`r-${index}`)))),
    status: 422,
    says: 'spec.regions: Too many: 10000: must have at most 16 items',
  },
  {
    row: 'K2',
    what: 'an annotation of 1 MiB',
    call: made('ModelDeployment', {}, { annotations: { big: 'x'.repeat(1_048_576) } }),
    status: 422,
    says: 'metadata.annotations: Too long',
  },
  {
    row: 'K4',
    what: 'another region of a pool',
    call: patched('WaferPool', { region: 'eu-north' }),
    status: 422,
    says: /wp4: .*region.*make a new WaferPool/s,
  },
  {
    row: 'K4',
    what: 'another digest of a model',
    call: patched('Model', { digest: `sha256:${'1'.repeat(64)}` }),
    status: 422,
    says: /m4: .*digest.*a new version of a model is a new Model/s,
  },
  {
    row: 'K8',
    what: 'an object of a version that is not known',
    call: {
      method: 'POST',
      path: '/apis/reticle.dev/v2/wafers',
      body: { apiVersion: 'reticle.dev/v2', kind: 'Wafer' },
    },
    status: 404,
    says: '404 page not found',
  },
  {
    row: 'K9',
    what: 'a status written by an editor',
    call: { method: 'PATCH', path: statusOf('ModelDeployment'), body: status, as: 'editor' },
    status: 403,
    says: 'cannot patch resource "modeldeployments/status"',
  },
  {
    row: 'K9',
    what: 'a status written by an administrator',
    call: { method: 'PATCH', path: statusOf('ModelDeployment'), body: status },
    status: 403,
    says: 'status is written by the operator alone',
  },
  {
    row: 'K10',
    what: 'a fallback that leads back',
    call: made(
      'ModelDeployment',
      regions(
        region('us-east', { replicas: 1, fallback: ['us-west'] }),
        region('us-west', { replicas: 1, fallback: ['us-east'] }),
      ),
    ),
    status: 422,
    says: 'md2: ',
  },
  {
    row: 'K10',
    what: 'a fallback against residency',
    call: made('ModelDeployment', {
      residency: ['us'],
      ...regions(region('us-east', { replicas: 1, fallback: ['eu-north'] }), region('eu-north', { replicas: 0 })),
    }),
    status: 403,
    says: 'residency us is not carried by eu-north (remove the region, also as a fallback, or the class)',
  },
  {
    row: 'K11',
    what: 'dates that go back',
    call: made('CapacityPhase', { schedule: { ...schedule, power: '2025-01-01T00:00:00Z' } }),
    status: 422,
    says: 'cph2: ',
  },
  {
    row: 'K11',
    what: 'more megawatts than the contract has left',
    call: made('CapacityPhase', { power: { megawatts: 501 } }),
    status: 403,
    says: 'contract msa-1 has 500 of 750 MW left, not 501 (plan fewer megawatts)',
  },
  {
    row: 'K12',
    what: 'an image by tag',
    call: made('ModelDeployment', { engine: { driver: 'WaferSim', image: 'registry.example/reticle:latest' } }),
    status: 422,
    says: 'spec.engine.image',
  },
  {
    row: 'K12',
    what: 'a privileged engine',
    call: patched('ModelDeployment', { engine: { securityContext: { privileged: true } } }),
    status: 422,
    says: 'unknown field "spec.engine.securityContext"',
  },
  {
    row: 'K12',
    what: 'a pod of a chain by tag, made by the operator itself',
    call: { method: 'POST', path: `/api/v1/namespaces/${NAMESPACE}/pods`, as: operatorUser(), body: pod('reticle:1') },
    status: 403,
    says: 'images of engine pods are named by digest, not reticle:1',
  },
];

function statusOf(kind: KindName): string {
  const [path = ''] = pathOf(kind, nameOf(kind)).split('?');
  return `${path}/status`;
}

function pod(image: string): object {
  const container = { name: 'engine', image, securityContext: { allowPrivilegeEscalation: false } };
  const spec = { securityContext: { runAsNonRoot: true }, containers: [container] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bad', labels: { 'reticle.dev/stage': '0' } }, spec };
}

/** Every text of a value, blank in turn. */
function* blanked(of: Json): Generator<readonly [path: string, value: Json]> {
  if (typeof of === 'string') yield ['', ''];
  if (typeof of !== 'object' || of === null) return;
  for (const [key, part] of Object.entries(of)) {
    for (const [path, blank] of blanked(part as Json)) {
      const next = structuredClone(of) as Record<string, Json>;
      next[key] = blank;
      yield [`.${key}${path}`, next as Json];
    }
  }
}

(there ? describe : describe.skip)('bad input at a real API server', () => {
  let server: ApiServer;
  let call: CallApi;
  beforeAll(async () => {
    server = await startApiServer();
    call = apiCalls(server);
    await installKinds(server);
    await installAccess(server, []);
    const admin = server.client();
    for (const kind of ['Model', 'ModelDeployment', 'WaferPool'] as const) {
      const [resource] = Object.values(resources).filter((each) => each.kind === kind);
      if (resource !== undefined) value(await admin.create(resource, baseOf(kind) as unknown as KubeManifest));
    }
    const binding = { metadata: { name: 'editor' }, subjects: [{ kind: 'User', name: 'editor' }] };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reticle-editor' };
    const path = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
    expect((await call({ method: 'POST', path, body: { ...binding, roleRef } })).status).toBe(201);
    const data = { [factKeys.residency('eu-north')]: 'eu', [factKeys.megawattsLeft('msa-1')]: '500' };
    const meta = { namespace: defaultNames.namespace, name: FACTS_MAP };
    value(await admin.create(resources.configMap, manifest(resources.configMap, meta, { data })));
    const over = made('CapacityPhase', { power: { megawatts: 501 } });
    const known = async (): Promise<void> => {
      while ((await call({ ...over, path: `${over.path}&dryRun=All` })).status === 201);
    };
    await bounded(known(), 'the facts at the door', 20_000);
  }, 120_000);
  afterAll(async () => server?.[Symbol.asyncDispose](), 30_000);

  test.each(rows)('$row: $what', async ({ call: bad, status: wanted, says }) => {
    const before = await call({ path: bad.path });
    const answer = await call(bad);
    expect([answer.status, messageOf(answer)]).toEqual([
      wanted,
      typeof says === 'string' ? expect.stringContaining(says) : expect.stringMatching(says),
    ]);
    // Nothing of it is there: neither a new object nor half a change.
    expect((await call({ path: bad.path })).body['spec']).toEqual(before.body['spec']);
    expect((await call({ path: bad.path })).body['items']).toEqual(before.body['items']);
  });

  test.each(Object.keys(kinds) as KindName[])('K5: no text of %s may be blank', async (kind) => {
    const taken: string[] = [];
    const as = operatorUser();
    const base = baseOf(kind);
    const blanks = [...blanked({ ...specOf(kind), ...(kind === 'AccessTier' ? { regions: ['us-east'] } : {}) })];
    for (const [path, spec] of blanks) {
      // The operator makes what it alone may make, so that it is the schema that refuses.
      const own = kind === 'Wafer' || kind === 'ModelReplica' ? { as } : {};
      const answer = await call({
        method: 'POST',
        path: `${pathOf(kind)}&dryRun=All`,
        body: { ...base, spec },
        ...own,
      });
      if (answer.status !== 422) taken.push(`${path}: ${answer.status} ${messageOf(answer)}`);
    }
    expect([blanks.length > 0, taken]).toEqual([true, []]);
  });

  test('K9: a status that comes with a whole object is not taken', async () => {
    const path = pathOf('ModelDeployment', nameOf('ModelDeployment'));
    const { status: code, body } = await call({
      method: 'PATCH',
      path,
      body: { status: { regionsText: 'all is well' } },
    });
    expect([code, body['status']]).toEqual([200, undefined]);
  });
});
