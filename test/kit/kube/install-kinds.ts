import { fileURLToPath } from 'node:url';
import { kinds } from '@reticle/operator/api';
import { bounded } from '../bounded.ts';
import type { ApiServer } from './api-server.ts';
import { kubectlFor } from './kubectl.ts';

const INSTALL_MS_MAX = 60_000;
const definitions = fileURLToPath(new URL('../../../charts/reticle/templates/crds', import.meta.url));

/** Gives a server the definitions of our kinds as the chart has them; resolves when objects of each can be made. */
export async function installKinds(server: Pick<ApiServer, 'kubeconfig'>): Promise<void> {
  const kubectl = await kubectlFor(server);
  const names = Object.values(kinds).map(({ plural }) => `crd/${plural}.reticle.dev`);
  const steps = [
    ['apply', '--server-side', '-f', definitions],
    ['wait', '--for=condition=Established', '--timeout=60s', ...names],
  ];
  for (const step of steps) {
    const { code, stderr } = await kubectl(step);
    if (code !== 0) throw new Error(`kubectl ${step[0]}: ${stderr}`);
  }
  // Right after that a list may still be refused for a moment.
  const ready = Promise.all(Object.values(kinds).map(({ plural }) => listed(kubectl, `${plural}.reticle.dev`)));
  await bounded(ready, 'lists of every kind', INSTALL_MS_MAX);
}

async function listed(kubectl: Awaited<ReturnType<typeof kubectlFor>>, resource: string): Promise<void> {
  while ((await kubectl(['get', '--all-namespaces', resource])).code !== 0);
}
