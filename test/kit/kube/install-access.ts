import { fileURLToPath } from 'node:url';
import { accessFiles, defaultNames, ENGINES_LABEL } from '@reticle/operator/api/access';
import { bounded } from '../bounded.ts';
import { apiCalls, messageOf, type ApiCall } from './api-call.ts';
import type { ApiServer } from './api-server.ts';
import { kubectlFor } from './kubectl.ts';

const INSTALL_MS_MAX = 60_000;
const chart = fileURLToPath(new URL('../../../charts/reticle/templates/rbac', import.meta.url));
const labels = { 'reticle.dev/role': 'head' };

/** Requests that the policies refuse as soon as the server knows them; it learns all of them at once. */
const probes: readonly ApiCall[] = [
  { path: '/apis/reticle.dev/v1alpha1/wafers?dryRun=All', body: wafer() },
  { path: '/api/v1/namespaces/default/pods?dryRun=All', body: pod() },
];

/**
 * Gives a server that knows our kinds the roles and policies of the chart as they are committed, the operator's namespace,
 * and a namespace of engines by each name; resolves when the policies stand.
 */
export async function installAccess(server: Pick<ApiServer, 'kubeconfig'>, engines: readonly string[]): Promise<void> {
  const kubectl = await kubectlFor(server);
  const namespaces = [
    { name: defaultNames.namespace },
    ...[...new Set([...defaultNames.engines, ...engines])].map((name) => ({
      name,
      labels: { [ENGINES_LABEL]: 'enabled' },
    })),
  ];
  const others = accessFiles({ ...defaultNames, engines }).get('engines') ?? [];
  const first = [...namespaces.map((metadata) => ({ apiVersion: 'v1', kind: 'Namespace', metadata })), ...others];
  const steps = [
    { file: '-', input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: first }) },
    { file: chart, input: '' },
  ];
  for (const { file, input } of steps) {
    const { code, stderr } = await kubectl(['apply', '--server-side', '-f', file], input);
    if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
  }
  await bounded(policiesStand(server), 'the admission policies', INSTALL_MS_MAX);
}

async function policiesStand(server: Pick<ApiServer, 'kubeconfig'>): Promise<void> {
  const call = apiCalls(server);
  for (const probe of probes) {
    while (!messageOf(await call({ method: 'POST', ...probe })).includes('ValidatingAdmissionPolicy'));
  }
}

function wafer(): object {
  const spec = { poolRef: 'p', classRef: 'c', slot: 0, rack: 'r', nodeName: 'n' };
  return { apiVersion: 'reticle.dev/v1alpha1', kind: 'Wafer', metadata: { name: 'probe' }, spec };
}

function pod(): object {
  const spec = { containers: [{ name: 'c', image: 'i' }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'probe', labels }, spec };
}
