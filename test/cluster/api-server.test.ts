/** The real adapter against a real server that fails in every way that it can, and the kit that starts it. */
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { apiVersionOf, resources, type KubeClient, type KubeManifest } from '@reticle/operator/cluster';
import { bounded } from '../kit/index.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { kubectlFor } from '../kit/kube/kubectl.ts';
import { requirePart } from '../kit/parts.ts';
import { manifest, value } from './gauge.ts';

jest.setTimeout(90_000);

const there = (await hasApiServer({ controllers: true })) && (await requirePart('kubectl')) !== undefined;
const describeReal = there ? describe : describe.skip;

const configMap = (name: string, more: Partial<KubeManifest['metadata']> = {}, data = {}): KubeManifest =>
  manifest(resources.configMap, { namespace: 'default', name, ...more }, { data });
const refOf = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

describeReal('a real API server', () => {
  let server: ApiServer;
  let kube: KubeClient;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
    kube = server.client();
  });
  afterAll(async () => server?.[Symbol.asyncDispose]());

  test('kubectl of the pinned version reads it, and a wrong command shows its words', async () => {
    const kubectl = await kubectlFor(server);
    expect(await kubectl(['get', '--raw', '/readyz'])).toMatchObject({ code: 0, stdout: 'ok' });
    const made = await kubectl(['create', '-f', '-'], JSON.stringify(configMap('by-kubectl')));
    expect(made.stdout).toContain('configmap/by-kubectl created');
    const missing = await kubectl(['get', 'configmap', 'nobody']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('not found');
  });

  test('a child goes with its owner', async () => {
    const owner = value(await kube.create(resources.configMap, configMap('owner')));
    const { uid } = owner.metadata;
    const ownerReferences = [{ apiVersion: apiVersionOf(resources.configMap), kind: 'ConfigMap', name: 'owner', uid }];
    value(await kube.create(resources.configMap, configMap('child', { ownerReferences })));
    const { resourceVersion } = value(await kube.list(resources.configMap, { namespace: 'default' }));
    const gone = Promise.withResolvers<void>();
    const options = { namespace: 'default', resourceVersion, timeoutSeconds: 60 };
    const stop = kube.watch(resources.configMap, options, {
      event: (event) => {
        if (event.kind === 'deleted' && event.object.metadata.name === 'child') gone.resolve();
      },
      end: (failure) => gone.reject(new Error(`the watch ended: ${failure?.message ?? 'by the server'}`)),
    });
    value(await kube.delete(resources.configMap, refOf('owner'), { uid }));
    await bounded(gone.promise, 'the child’s end', 60_000);
    stop();
  });

  test('an unknown field is refused and not dropped', async () => {
    const answer = await kube.create(resources.configMap, { ...configMap('strange'), colour: 'red' });
    expect(answer).toMatchObject({ ok: false, failure: { kind: 'badRequest' } });
    expect((await kube.get(resources.configMap, refOf('strange'))).ok).toBe(false);
  });

  test('an impersonated user has that user’s rights', async () => {
    const nobody = server.client({ kubeconfig: server.kubeconfig, impersonate: 'nobody' });
    expect(await nobody.list(resources.configMap)).toMatchObject({
      ok: false,
      failure: { kind: 'forbidden', status: 403 },
    });
  });

  test('a wrong token is unauthorized', async () => {
    const stranger = server.client({ kubeconfig: server.kubeconfigVia(server.port, 'no such token') });
    expect(await stranger.list(resources.configMap)).toMatchObject({ ok: false, failure: { kind: 'unauthorized' } });
  });

  test('calls share connections, and a watch has its own', async () => {
    const wire = await countingWire(server.port);
    const client = server.client({ kubeconfig: server.kubeconfigVia(wire.port) });
    for (let round = 0; round < 20; round++) value(await client.list(resources.namespace));
    expect(wire.connections()).toBe(1);
    const ended = Promise.withResolvers<void>();
    const { resourceVersion } = value(await client.list(resources.namespace));
    client.watch(
      resources.namespace,
      { resourceVersion, timeoutSeconds: 1 },
      { event: () => {}, end: () => ended.resolve() },
    );
    await bounded(ended.promise, 'the end of the watch');
    value(await client.list(resources.namespace));
    expect(wire.connections()).toBe(2);
    await wire.close();
  });

  test('a frozen server is a timeout whose writes may have happened, and answers again when thawed', async () => {
    server.freeze();
    const write = await kube.create(resources.configMap, configMap('frozen'), { signal: AbortSignal.timeout(500) });
    expect(write).toMatchObject({ ok: false, failure: { kind: 'timeout', outcomeUnknown: true } });
    server.thaw();
    value(await kube.list(resources.configMap, { namespace: 'default' }));
  });

  test('a dead server is unreachable with nothing sent, ends watches, and keeps its data over a restart', async () => {
    value(await kube.create(resources.configMap, configMap('kept', {}, { a: 'b' })));
    const { resourceVersion } = value(await kube.list(resources.configMap));
    const ended = Promise.withResolvers<string | undefined>();
    const listener = { event: () => {}, end: (failure?: { kind: string }) => ended.resolve(failure?.kind) };
    const opened = value(await kube.list(resources.configMap));
    expect(opened.items.length).toBeGreaterThan(0);
    kube.watch(resources.configMap, { resourceVersion, timeoutSeconds: 60 }, listener);
    await server.kill();
    expect(await bounded(ended.promise, 'the end of the watch')).toBe('unreachable');
    const write = await kube.create(resources.configMap, configMap('never'));
    expect(write).toMatchObject({ ok: false, failure: { kind: 'unreachable', outcomeUnknown: false } });
    await server.restart();
    expect(value(await kube.get(resources.configMap, refOf('kept')))).toMatchObject({ data: { a: 'b' } });
    expect((await kube.get(resources.configMap, refOf('never'))).ok).toBe(false);
  });
});

describeReal('the kit', () => {
  test('shows the last words of a server that does not come up, and leaves nothing running', async () => {
    await expect(startApiServer({ args: ['--no-such-flag'] })).rejects.toThrow(/kube-apiserver ended.*unknown flag/s);
  });
});

/** A relay that counts the connections it took. */
async function countingWire(
  target: number,
): Promise<{ port: number; connections: () => number; close: () => Promise<void> }> {
  let count = 0;
  const sockets = new Set<Socket>();
  const wire = createServer((near) => {
    count++;
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => wire.close(() => resolve()));
  };
  return { port: (wire.address() as AddressInfo).port, connections: () => count, close };
}
