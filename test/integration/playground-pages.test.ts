/** How a gateway serves the playground's files, whatever is asked for (PROTOCOL §4.1a). */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { flatChain, RawHttp, startTestPlatform, type TestPlatform } from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const INDEX = '<!doctype html><title>page</title>';

let folder: string;
let platform: TestPlatform;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reticle-pages-'));
  const pages = join(folder, 'pages');
  mkdirSync(join(pages, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.js'), 'outside');
  writeFileSync(join(pages, 'sources.sha256'), 'a stamp');
  platform = await startTestPlatform({ chains: [flatChain(1_000)], playground: pages });
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${platform.httpOf()}${path}`, { redirect: 'manual', ...init });

/** A request line as it stands: no client would leave dots in it. */
async function rawStatus(path: string): Promise<number> {
  const raw = await RawHttp.connect(platform.httpOf());
  raw.send(`GET ${path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n`);
  const { status } = await raw.answer();
  raw.destroy();
  return status;
}

describe('the pages', () => {
  test('a build that is not there yet is not found; when it is there, it is served', async () => {
    expect((await get('/playground/')).status).toBe(404);
    const pages = join(folder, 'pages');
    writeFileSync(join(pages, 'index.html'), INDEX);
    writeFileSync(join(pages, 'assets/a-1.js'), 'let é = 1;');
    writeFileSync(join(pages, 'assets/a-1.css'), 'p {}');
    writeFileSync(join(pages, 'assets/a-1.svg'), '<svg/>');
    const index = await get('/playground/');
    expect([index.status, await index.text()]).toEqual([200, INDEX]);
  });

  test.each([
    ['/playground/', 'text/html; charset=utf-8', 'no-store'],
    ['/playground/index.html', 'text/html; charset=utf-8', 'no-store'],
    ['/playground/assets/a-1.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/playground/assets/a-1.css', 'text/css; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/playground/assets/a-1.svg', 'image/svg+xml', 'public, max-age=31536000, immutable'],
  ])('%s: its type, how long it is good, and what it may do', async (path, type, caching) => {
    const { status, headers } = await get(path);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': type,
      'cache-control': caching,
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(/^default-src 'self'; connect-src 'self' ws: wss:;/),
      'referrer-policy': 'no-referrer',
    });
  });

  test('HEAD tells the length and nothing else', async () => {
    const answer = await get('/playground/assets/a-1.js', { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '11', '']);
  });

  test('without its last slash the path leads to the one with it', async () => {
    const { status, headers } = await get('/playground');
    expect([status, headers.get('location')]).toEqual([308, '/playground/']);
  });

  test.each(['POST', 'PUT', 'DELETE'])('%s: 405', async (method) => {
    const { status, headers } = await get('/playground/', { method });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test.each([
    '/playground/../secret.js',
    '/playground/%2e%2e/secret.js',
    '/playground/..%2fsecret.js',
    '/playground/assets/../../secret.js',
    '/playground//index.html',
    '/playground/assets/',
    '/playground/assets',
    '/playground/sources.sha256',
    '/playground/INDEX.HTML',
    '/playground/index.html%00',
    '/playground/constructor',
  ])('%s: 404', async (path) => {
    expect(await rawStatus(path)).toBe(404);
  });

  test('a key in the address is refused before anything is looked for', async () => {
    expect((await get('/playground/?api_key=x')).status).toBe(400);
  });

  test('paths that only begin alike need a key', async () => {
    expect((await get('/playgrounds')).status).toBe(401);
    expect((await get('/')).status).toBe(401);
  });
});
