import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { startMetricsServer, type MetricsServer } from './metrics-server.ts';

const host = '127.0.0.1';
const open: MetricsServer[] = [];

async function start(port = 0): Promise<MetricsServer> {
  const server = await startMetricsServer({ host, port, scrape: () => Promise.resolve('a 1\n') });
  open.push(server);
  return server;
}

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

describe('GET /metrics', () => {
  test('answers with the text of this moment', async () => {
    const response = await fetch(`http://${host}:${(await start()).port}/metrics`);
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'a 1\n',
    ]);
  });

  test.each([
    ['another path', 'GET', '/', 404],
    ['a query', 'GET', '/metrics?name=a', 404],
    ['a path that only a parser would make equal', 'GET', '/x/../metrics/', 404],
    ['a write', 'POST', '/metrics', 405],
  ])('%s', async (_, method, path, want) => {
    const { port } = await start();
    const response = await fetch(`http://${host}:${port}${path}`, { method });
    expect(response.status).toBe(want);
  });

  test('takes another port where the wanted one is in use', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, host, resolve));
    const { port: taken } = blocker.address() as AddressInfo;
    const { port } = await start(taken);
    expect(port).not.toBe(taken);
    expect((await fetch(`http://${host}:${port}/metrics`)).status).toBe(200);
    await new Promise((resolve) => blocker.close(resolve));
  });

  test('an address that is not there is a failure', async () => {
    await expect(
      startMetricsServer({ host: '203.0.113.1', port: 0, scrape: () => Promise.resolve('') }),
    ).rejects.toThrow('EADDRNOTAVAIL');
  });
});
