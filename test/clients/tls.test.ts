/** Real clients over TLS: the printed lines as they stand, with a certificate that vouches for itself. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { certified } from '../kit/index.ts';
import { PrintedLines, printedClients } from './printed-lines.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

let folder: string;
let lines: PrintedLines;

function write({ certificate, key } = certified()): void {
  writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
  writeFileSync(join(folder, 'cert.pem'), certificate);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reticle-tls-'));
  write();
  lines = new PrintedLines(['--tls-cert', join(folder, 'cert.pem'), '--tls-key', join(folder, 'key.pem')]);
  await lines.ready();
});
afterAll(async () => {
  await lines[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function answered(client: string): Promise<void> {
  const { stdout, stderr, code } = await lines.run(client);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/queue/i);
  // Codex says so when it cannot have a WebSocket.
  expect(`${stdout}${stderr}`).not.toMatch(/falling back/i);
}

describe('with a certificate, the lines for clients that npm start prints', () => {
  test.each(printedClients)('%s', (client) => answered(client));

  test('name HTTPS and WSS', () => {
    expect(lines.platform.stdout).toMatch(
      /https:\/\/127\.0\.0\.1:\d+\/v1 \(OpenAI\), wss:\/\/127\.0\.0\.1:\d+\/v1\/responses/,
    );
    expect(lines.platform.stdout).toMatch(/https:\/\/127\.0\.0\.1:\d+\/playground\/#/);
    expect(lines.platform.stdout).not.toMatch(/http:\/\/\S+\/(v1|playground)/);
  });

  test('go on with another certificate', async () => {
    write();
    await lines.platform.shows(/the certificate was read again/);
    await answered('curl');
    await answered('node');
  });
});
