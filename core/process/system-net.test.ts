import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemNet } from './system-net.ts';

const bounds = { bytesMax: 100, timeoutMs: 10_000 };
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** The address of a server with one answer, and how often it was asked. */
async function serving(answer: RequestListener): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? '-'}`);
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe('getText', () => {
  test('gives the body of a GET, in any pieces', async () => {
    const { url, asked } = await serving((_, response) => {
      response.write(Buffer.from([0xc3]));
      setImmediate(() => response.end(Buffer.from([0xa9])));
    });
    expect(await systemNet.getText(`${url}/keys?a=b`, bounds)).toBe('é');
    expect(asked).toEqual(['GET /keys?a=b -']);
  });

  test('follows no redirect', async () => {
    const other = await serving((_, response) => response.end('secret'));
    const { url } = await serving((_, response) => response.writeHead(302, { location: other.url }).end());
    await expect(systemNet.getText(url, bounds)).rejects.toThrow();
    expect(other.asked).toEqual([]);
  });

  test.each<{ name: string; answer: RequestListener; want: RegExp }>([
    { name: 'another status', answer: (_, response) => response.writeHead(503).end('down'), want: /status 503/ },
    { name: 'no content', answer: (_, response) => response.writeHead(204).end(), want: /status 204/ },
    { name: 'a body above the bound', answer: (_, response) => response.end('a'.repeat(101)), want: /100 bytes/ },
    { name: 'a body that is no UTF-8', answer: (_, response) => response.end(Buffer.from([0xff])), want: /./ },
    {
      name: 'a body that is cut off',
      answer: (_, response) => response.writeHead(200, { 'content-length': 9 }).write('a') && response.destroy(),
      want: /./,
    },
  ])('rejects $name', async ({ answer, want }) => {
    const { url } = await serving(answer);
    await expect(systemNet.getText(url, bounds)).rejects.toThrow(want);
  });

  test('rejects an endless body at the bound, and a silent server at the time', async () => {
    const endless = await serving((_, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write('a'.repeat(64), () => setImmediate(more));
      };
      more();
    });
    await expect(systemNet.getText(endless.url, bounds)).rejects.toThrow(/100 bytes/);
    const silent = await serving(() => {});
    await expect(systemNet.getText(silent.url, { ...bounds, timeoutMs: 20 })).rejects.toThrow(/timeout/);
  });
});
