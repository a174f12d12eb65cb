/** Each admission policy of the chart against requests that it must refuse and requests that it must let through. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { accessFiles, operatorUser } from '@reticle/operator/api/access';
import { bounded } from '../kit/index.ts';
import { apiCalls, messageOf, type ApiAnswer, type CallApi } from '../kit/kube/api-call.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { installAccess } from '../kit/kube/install-access.ts';
import { installKinds } from '../kit/kube/install-kinds.ts';
import { kubectlFor } from '../kit/kube/kubectl.ts';
import { requirePart } from '../kit/parts.ts';
import { policyRows, type PolicyVector } from './policy-vectors.ts';
import { makePolicyWorld } from './policy-world.ts';

jest.setTimeout(120_000);

const hasKubectl = (await requirePart('kubectl')) !== undefined;
const policies = [...accessFiles().values()]
  .flat()
  .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
  .map(({ metadata }) => metadata.name);

test('every policy has requests that it lets through and requests that it refuses', () => {
  expect(policyRows.map(({ policy }) => policy).toSorted()).toEqual(policies.toSorted());
  for (const { accept, refuse } of policyRows) expect(Math.min(accept.length, refuse.length)).toBeGreaterThan(0);
});

for (const minor of ['1.36', '1.33'] as const) {
  // The controller checks what policies say against the schemas of what they look at.
  const isChecked = minor === '1.36';
  const controllers = isChecked ? ['validatingadmissionpolicy-status-controller'] : false;
  const parts = { minor, controllers, args: ['--allow-privileged=true'] };
  const there = hasKubectl && (await hasApiServer(parts));
  (there ? describe : describe.skip)(`admission policies with Kubernetes ${minor}`, () => {
    let server: ApiServer;
    let call: CallApi;
    beforeAll(async () => {
      server = await startApiServer(parts);
      call = apiCalls(server);
      await installKinds(server);
      await installAccess(server, []);
      const kubectl = await kubectlFor(server);
      for (const user of ['editor', 'capacity-admin']) {
        const args = [`bind-${user}`, `--clusterrole=reticle-${user}`, `--user=${user}`];
        const { code, stderr } = await kubectl(['create', 'clusterrolebinding', ...args]);
        if (code !== 0) throw new Error(stderr);
      }
      const stranger = ['stranger', '--clusterrole=cluster-admin', '--user=stranger'];
      await kubectl(['create', 'clusterrolebinding', ...stranger]);
      const operator = server.client({ kubeconfig: server.kubeconfig, impersonate: operatorUser() });
      await makePolicyWorld({ admin: server.client(), operator });
    }, 180_000);
    afterAll(async () => server?.[Symbol.asyncDispose](), 30_000);

    /** Asks without doing it. */
    const ask = (vector: PolicyVector): Promise<ApiAnswer> => call({ ...vector, path: `${vector.path}?dryRun=All` });

    const typeChecks = async (): Promise<void> => {
      type Status = { observedGeneration?: number; typeChecking?: { expressionWarnings?: readonly object[] } };
      const listed = async (): Promise<readonly { metadata: { name: string }; status?: Status }[]> => {
        const { body } = await call({ path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies' });
        return body['items'] as Awaited<ReturnType<typeof listed>>;
      };
      const checked = async (): Promise<void> => {
        while (!(await listed()).every(({ status }) => status?.observedGeneration !== undefined));
      };
      await bounded(checked(), 'the check of every policy', 30_000);
      const items = await listed();
      const warnings = items.flatMap(({ status }) => status?.typeChecking?.expressionWarnings ?? []);
      expect([items.map(({ metadata }) => metadata.name), warnings]).toEqual([policies.toSorted(), []]);
    };
    if (isChecked) test('the schemas of what they look at have nothing against them', typeChecks);

    test.each(policyRows)('$policy refuses', async ({ policy, refuse }) => {
      const [first] = refuse;
      // What a policy looks up in a ConfigMap reaches it a moment after it was written.
      const stands = async (): Promise<void> => {
        while (first !== undefined && (await ask(first)).status < 400);
      };
      await bounded(stands(), policy, 20_000);
      for (const { says, ...vector } of refuse) {
        const answer = await ask(vector);
        expect([vector.what, answer.status, messageOf(answer)]).toEqual([
          vector.what,
          403,
          expect.stringContaining(`ValidatingAdmissionPolicy '${policy}'`),
        ]);
        expect(messageOf(answer)).toContain(says);
      }
    });

    test.each(policyRows)('$policy lets through', async ({ accept }) => {
      for (const vector of accept) {
        const answer = await ask(vector);
        expect([vector.what, answer.status < 300, messageOf(answer)]).toEqual([vector.what, true, '']);
      }
    });
  });
}
