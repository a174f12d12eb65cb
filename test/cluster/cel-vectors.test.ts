import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '@reticle/core/process';
import { kinds } from '@reticle/operator/api';
import { resources, type KubeManifest } from '@reticle/operator/cluster';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { admitKinds } from '../kit/kube/admit-kinds.ts';
import { FakeApiServer } from '../kit/kube/fake-api-server.ts';
import { installKinds } from '../kit/kube/install-kinds.ts';
import { kubectlFor, type Kubectl } from '../kit/kube/kubectl.ts';
import { requirePart } from '../kit/parts.ts';
import { kindsSuite } from './kinds.suite.ts';
import { value } from './gauge.ts';

const root = new URL('../../', import.meta.url);
const definitions = new URL('charts/reticle/templates/crds/', root);

kindsSuite('the fake API server', () =>
  Promise.resolve({
    kube: new FakeApiServer({ clock: systemClock, admit: admitKinds }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
);

const hasKubectl = (await requirePart('kubectl')) !== undefined;

for (const minor of ['1.36', '1.33'] as const) {
  const there = hasKubectl && (await hasApiServer({ minor }));
  (there ? describe : describe.skip)(`with Kubernetes ${minor}`, () => {
    let server: ApiServer;
    let kubectl: Kubectl;
    beforeAll(async () => {
      server = await startApiServer({ minor });
      await installKinds(server);
      kubectl = await kubectlFor(server);
      await kubectl(['create', 'namespace', 'reticle-models']);
    }, 180_000);
    afterAll(async () => server?.[Symbol.asyncDispose](), 30_000);

    kindsSuite(`kube-apiserver ${minor}`, () =>
      Promise.resolve({ kube: server.client(), [Symbol.asyncDispose]: () => Promise.resolve() }),
    );

    describe('definitions and examples', () => {
      test.each(readdirSync(definitions))('%s has room for twice its rules', async (file) => {
        const text = readFileSync(new URL(file, definitions), 'utf8');
        const doubled = text.replaceAll(/^( *- rule: )(".*")$/gm, (_, start: string, quoted: string) => {
          const rule = JSON.parse(quoted) as string;
          return `${start}${JSON.stringify(`(${rule}) && (${rule})`)}`;
        });
        expect(doubled).not.toBe(text);
        const answer = await kubectl(['replace', '--dry-run=server', '-f', '-'], doubled);
        expect(answer).toMatchObject({ code: 0, stderr: '' });
      });

      test.each(['kinds', 'one-region', 'three-regions', 'local', 'access/manifests'])(
        'the examples of %s are taken, and listed by their columns',
        async (folder) => {
          const path = new URL(`examples/${folder}/`, root);
          for (const file of readdirSync(path).filter((name) => name.endsWith('.yaml'))) {
            const text = readFileSync(new URL(file, path), 'utf8');
            const args = ['apply', '--dry-run=server', '--validate=strict', '-f', '-'];
            const { code, stderr } = await kubectl(args, text);
            // A replica is created without a plan; the example shows one that has run.
            if (file === 'model-replica.yaml') expect(stderr).toContain('mr9: a replica is created with epoch 0');
            else expect([file, code, stderr]).toEqual([file, 0, '']);
          }
        },
        60_000,
      );

      test('the example of a replica is what the operator’s three writes make', async () => {
        const path = fileURLToPath(new URL('examples/kinds/model-replica.yaml', root));
        const { stdout } = await kubectl(['create', '--dry-run=client', '--output=json', '-f', path]);
        const example = JSON.parse(stdout) as KubeManifest & { readonly spec: Readonly<Record<string, unknown>> };
        const { epoch: _, plan: __, fence, ...first } = example.spec;
        const pending = { ...example.spec, fence: { ...(fence as object), outcome: 'Pending' } };
        const kube = server.client();
        const { name } = example.metadata;
        const to = (spec: object) =>
          kube.patch(
            resources.modelReplica,
            { namespace: 'reticle-models', name },
            { kind: 'json', steps: [{ op: 'replace', path: '/spec', value: spec }] },
          );
        value(await kube.create(resources.modelReplica, { ...example, spec: first }));
        value(await to(pending));
        const { spec } = value(await to(example.spec));
        expect(spec).toMatchObject(example.spec);
        const listed = await kubectl([
          'get',
          'mr',
          name,
          '--namespace=reticle-models',
          '--output=wide',
          '--no-headers',
        ]);
        expect(listed.stdout.trim().split(/\s+/)).toEqual(
          expect.arrayContaining(['us-east', 'us-east-p07', '1', 'q7m2xa', '777']),
        );
      });

      test('each kind has its short name, and is in the category', async () => {
        const { stdout } = await kubectl(['api-resources', '--categories=reticle', '--no-headers']);
        const rows = stdout
          .trim()
          .split('\n')
          .map((line) => line.split(/\s+/));
        const wanted = Object.values(kinds).map(({ plural, shortName, scope, kind }) => [
          plural,
          shortName,
          'reticle.dev/v1alpha1',
          String(scope === 'Namespaced'),
          kind,
        ]);
        const byName = ([a = '']: readonly string[], [b = '']: readonly string[]): number => a.localeCompare(b);
        expect(rows.toSorted(byName)).toEqual(wanted.toSorted(byName));
      });

      test('refuses names outside their kind’s pattern', async () => {
        const tier = 'apiVersion: reticle.dev/v1alpha1\nkind: AccessTier\nmetadata: {name: gold}\nspec: {}\n';
        expect((await kubectl(['create', '-f', '-'], tier)).stderr).toContain(
          'metadata.name: Unsupported value: "gold"',
        );
        const example = readFileSync(new URL('examples/kinds/model-deployment.yaml', root), 'utf8');
        const renamed = example.replace('name: agent-1t\n', 'name: 70b-agent\n');
        expect((await kubectl(['create', '-f', '-'], renamed)).stderr).toContain('metadata.name');
      });
    });
  });
}
