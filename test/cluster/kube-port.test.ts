import { describe } from '@jest/globals';
import { systemClock } from '@reticle/core/process';
import { hasApiServer, startApiServer } from '../kit/kube/api-server.ts';
import { FakeApiServer } from '../kit/kube/fake-api-server.ts';
import { admitGauge, defineGauge } from './gauge.ts';
import { kubePortSuite } from './kube-port.suite.ts';

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
