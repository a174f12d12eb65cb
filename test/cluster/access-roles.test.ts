/**
 * Every verb of every role on every resource, as the authorizer of a real API server decides it (OPERATOR §18). The table
 * says what is allowed; all the rest must be refused.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { defaultNames, operatorUser } from '@reticle/operator/api/access';
import { resources } from '@reticle/operator/cluster';
import { bounded } from '../kit/index.ts';
import { apiCalls, type CallApi } from '../kit/kube/api-call.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { installAccess } from '../kit/kube/install-access.ts';
import { installKinds } from '../kit/kube/install-kinds.ts';
import { kubectlFor } from '../kit/kube/kubectl.ts';
import { requirePart } from '../kit/parts.ts';

jest.setTimeout(120_000);

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;
type Verb = (typeof verbs)[number];

/** In the words of the table: `r` reads, `c` creates, `u` updates, `p` patches, `d` deletes, `-` nothing. */
const letters: Readonly<Record<string, readonly Verb[]>> = {
  r: ['get', 'list', 'watch'],
  g: ['get'],
  c: ['create'],
  u: ['update'],
  p: ['patch'],
  d: ['delete'],
  '-': [],
};

const engines = { namespace: 'reticle-models' };
const own = { namespace: defaultNames.namespace };
const elsewhere = { namespace: 'default' };
const named = (name: string) => ({ ...own, name });

type Place = { readonly namespace?: string; readonly name?: string };
type Row = readonly [resource: string, operator: string, viewer: string, editor: string, capacity: string, at?: Place];

const RETICLE = 'reticle.dev';
const EVENTS = 'events.k8s.io';
const LEASES = 'coordination.k8s.io';
const RBAC = 'rbac.authorization.k8s.io';
const ADMISSION = 'admissionregistration.k8s.io';

const statuses = ['waferclasses', 'waferpools', 'wafers', 'capacityphases', 'accesstiers', 'tenants'];
const namespaced = ['models', 'modeldeployments', 'modelreplicas'];

const table: Readonly<Record<string, readonly Row[]>> = {
  [RETICLE]: [
    ['waferclasses', 'r', 'r', 'r', 'rcupd'],
    ['waferpools', 'rp', 'r', 'r', 'rcupd'],
    ['wafers', 'rcpd', 'r', 'r', 'rupd'],
    ['capacityphases', 'rp', 'r', 'r', 'rcupd'],
    ['accesstiers', 'r', 'r', 'r', 'rcupd'],
    ['tenants', 'r', '-', '-', 'rcupd'],
    ['models', 'rp', 'r', 'rcupd', 'r', elsewhere],
    ['modeldeployments', 'rp', 'r', 'rcupd', 'r', elsewhere],
    ['modelreplicas', 'rcpd', 'r', 'rp', 'r', elsewhere],
    ...statuses.map((plural): Row => [`${plural}/status`, 'p', '-', '-', '-']),
    ...namespaced.map((plural): Row => [`${plural}/status`, 'p', '-', '-', '-', elsewhere]),
    ...['waferpools', 'wafers', 'capacityphases'].map((plural): Row => [`${plural}/finalizers`, '-', '-', '-', '-']),
    ['models/finalizers', '-', '-', '-', '-', elsewhere],
    ['modeldeployments/finalizers', 'u', '-', '-', '-', elsewhere],
    ['modelreplicas/finalizers', 'u', '-', '-', '-', elsewhere],
    ['*', '-', '-', '-', '-'],
  ],
  '': [
    ['pods', 'rcpd', '-', '-', '-', engines],
    ['configmaps', 'rcd', '-', '-', '-', engines],
    ['services', 'rcd', '-', '-', '-', engines],
    ...['pods', 'configmaps', 'services'].map((plural): Row => [plural, '-', '-', '-', '-', elsewhere]),
    ...['pods', 'configmaps', 'services'].map((plural): Row => [plural, '-', '-', '-', '-']),
    ...['status', 'exec', 'attach', 'portforward', 'log', 'binding', 'eviction', 'ephemeralcontainers'].map(
      (subresource): Row => [`pods/${subresource}`, '-', '-', '-', '-', engines],
    ),
    ...[engines, own, elsewhere, {}].flatMap((at): Row[] => [
      ['secrets', '-', '-', '-', '-', at],
      ['serviceaccounts', '-', '-', '-', '-', at],
      ['serviceaccounts/token', '-', '-', '-', '-', at],
    ]),
    ['configmaps', 'c', '-', '-', '-', own],
    ['configmaps', 'gcp', '-', '-', '-', named('reticle-serving')],
    ['configmaps', 'gcp', '-', '-', '-', named('reticle-facts')],
    ['configmaps', 'c', '-', '-', '-', named('another')],
    ['pods', '-', '-', '-', '-', own],
    ['nodes', 'r', '-', '-', '-'],
    ['nodes/status', 'p', '-', '-', '-'],
    ['nodes/proxy', '-', '-', '-', '-'],
    ['namespaces', 'r', '-', '-', '-'],
    ['*', '-', '-', '-', '-'],
  ],
  policy: [
    ['poddisruptionbudgets', 'rcd', '-', '-', '-', engines],
    ['poddisruptionbudgets', '-', '-', '-', '-', elsewhere],
    ['poddisruptionbudgets/status', '-', '-', '-', '-', engines],
  ],
  [EVENTS]: [
    ['events', 'cp', '-', '-', '-', engines],
    ['events', 'cp', '-', '-', '-', elsewhere],
  ],
  [LEASES]: [
    ['leases', 'c', '-', '-', '-', own],
    ['leases', 'gcp', '-', '-', '-', named('reticle-operator')],
    ['leases', 'c', '-', '-', '-', named('another')],
    ['leases', '-', '-', '-', '-', elsewhere],
  ],
  [RBAC]: [
    ['clusterroles', '-', '-', '-', '-'],
    ['clusterrolebindings', '-', '-', '-', '-'],
    ['roles', '-', '-', '-', '-', engines],
    ['rolebindings', '-', '-', '-', '-', engines],
  ],
  [ADMISSION]: [
    ['validatingadmissionpolicies', '-', '-', '-', '-'],
    ['validatingadmissionpolicybindings', '-', '-', '-', '-'],
  ],
  'apiextensions.k8s.io': [['customresourcedefinitions', '-', '-', '-', '-']],
  apps: [['deployments', '-', '-', '-', '-', engines]],
  '*': [['*', '-', '-', '-', '-']],
};

/** Default group: ours. */
type Asked = { readonly group?: string; readonly of: string; readonly at?: Place };

function wordOf(grants: string | Place | undefined): readonly string[] {
  return typeof grants === 'string' ? grants.split('') : [];
}

/** People as a cluster's administrator would bind them: each role to one user, for the whole cluster. */
const users = [operatorUser(), 'viewer', 'editor', 'capacity-admin'] as const;
const bound = { viewer: 'reticle-viewer', editor: 'reticle-editor', 'capacity-admin': 'reticle-capacity-admin' };
/** The cluster's own roles, which ours grow into. */
const builtIn = { 'by-view': 'view', 'by-edit': 'edit', 'by-admin': 'admin' };

const parts = { controllers: ['clusterrole-aggregation-controller'] };
const there = (await hasApiServer(parts)) && (await requirePart('kubectl')) !== undefined;

(there ? describe : describe.skip)('roles on a real API server', () => {
  let server: ApiServer;
  let call: CallApi;
  beforeAll(async () => {
    server = await startApiServer(parts);
    call = apiCalls(server);
    await installKinds(server);
    await installAccess(server, []);
    const kubectl = await kubectlFor(server);
    for (const [user, role] of Object.entries({ ...bound, ...builtIn })) {
      const args = [`bind-${user}`, `--clusterrole=${role}`, `--user=${user}`];
      const { code, stderr } = await kubectl(['create', 'clusterrolebinding', ...args]);
      if (code !== 0) throw new Error(stderr);
    }
  }, 120_000);
  afterAll(async () => server?.[Symbol.asyncDispose](), 30_000);

  async function may(user: string, verb: string, { group = RETICLE, of, at = {} }: Asked): Promise<boolean> {
    const [resource = '', subresource] = of.split('/');
    const resourceAttributes = { verb, group, resource, ...at, ...(subresource === undefined ? {} : { subresource }) };
    const account = user.startsWith('system:serviceaccount:');
    const groups = ['system:authenticated', ...(account ? ['system:serviceaccounts'] : [])];
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user, groups, resourceAttributes },
    };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    const answer = await call({ method: 'POST', path, body });
    const { status } = answer.body as { status?: { allowed?: boolean } };
    if (status?.allowed === undefined) throw new Error(JSON.stringify(answer));
    return status.allowed;
  }

  /** What a user may do, in the order of the verbs. */
  async function allowed(user: string, asked: Asked): Promise<Verb[]> {
    const answers = await Promise.all(verbs.map((verb) => may(user, verb, asked)));
    return verbs.filter((_, index) => answers[index]);
  }

  const rows = Object.entries(table).flatMap(([group, of]) => of.map((row) => ({ group, row })));

  test('the table has every resource that the operator reads or writes', () => {
    const listed = new Set(rows.map(({ group, row }) => `${group}/${row[0]}`));
    for (const { group, plural } of Object.values(resources)) expect(listed).toContain(`${group}/${plural}`);
  });

  test.each(users.map((user, index) => ({ user, index })))(
    '$user may do what the table says and nothing else',
    async ({ user, index }) => {
      const told: Record<string, readonly Verb[]> = {};
      const wanted: Record<string, readonly Verb[]> = {};
      for (const { group, row } of rows) {
        const [of, ...grants] = row;
        const at = row[5];
        const key = `${group}/${of} ${JSON.stringify(at ?? {})}`;
        const granted = new Set(wordOf(grants[index]).flatMap((letter) => letters[letter] ?? []));
        wanted[key] = verbs.filter((verb) => granted.has(verb));
        told[key] = await allowed(user, { group, of, ...(at === undefined ? {} : { at }) });
      }
      expect(told).toEqual(wanted);
    },
  );

  test('an account of another name or namespace has none of it', async () => {
    for (const user of ['system:serviceaccount:default:reticle-operator', `${operatorUser()}-2`]) {
      expect(await allowed(user, { of: 'wafers' })).toEqual([]);
      expect(await allowed(user, { group: '', of: 'pods', at: engines })).toEqual([]);
    }
  });

  test('people with the cluster’s own roles have ours, each with the lesser ones', async () => {
    const grown = (async () => {
      while (!(await may('by-admin', 'create', { of: 'waferpools' })));
      while (!(await may('by-edit', 'create', { of: 'modeldeployments', at: elsewhere })));
      while (!(await may('by-view', 'get', { of: 'wafers' })));
    })();
    await bounded(grown, 'the aggregation of roles', 30_000);
    expect(await allowed('by-view', { of: 'modeldeployments', at: elsewhere })).toEqual(letters['r']);
    expect(await allowed('by-edit', { of: 'waferpools' })).toEqual(letters['r']);
    expect(await allowed('by-admin', { of: 'models', at: elsewhere })).toEqual(
      expect.arrayContaining(['create', 'delete']),
    );
    expect(await allowed('by-edit', { of: 'tenants' })).toEqual([]);
    expect(await allowed('by-admin', { of: 'wafers/status' })).toEqual([]);
  });
});
