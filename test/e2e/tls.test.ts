/** The walk of docs/reference/tls.md: a certificate in the gateway's configuration, and another one while it runs. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { TlsPair } from '@reticle/core/domain';
import { bounded, certified, HttpClient } from '../kit/index.ts';
import { RunningCommand } from '../kit/running-command.ts';

const BOUND_MS = 120_000;
/** Connections in a row, so that each of the workers was met. */
const MEETINGS = 20;
const running: RunningCommand[] = [];
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reticle-tls-'));
  writeFileSync(join(folder, 'gateway.yaml'), 'tls: { certFile: cert.pem, keyFile: key.pem }\n');
});
afterEach(async () => {
  for (const command of running.splice(0)) await command[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function write({ certificate, key }: TlsPair): void {
  writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
  writeFileSync(join(folder, 'cert.pem'), certificate);
}

function reticle(args: readonly string[], stateHome?: string): RunningCommand {
  const state = stateHome === undefined ? {} : { stateHome };
  const started = new RunningCommand(['npm', 'run', '-s', 'reticle', '--', ...args], state);
  running.push(started);
  return started;
}

function up(): RunningCommand {
  const ports = ['--port', '0', '--http-port', '0', '--metrics-port', '0'];
  return reticle(['up', '--gateways', '2', '--gateway-config', join(folder, 'gateway.yaml'), ...ports]);
}

async function fingerprint(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await bounded(once(socket, 'secureConnect'), 'a handshake');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

/** Resolves when every connection of a row met this certificate; the test's own timeout bounds it. */
async function everywhere(port: number, { certificate }: TlsPair): Promise<void> {
  const want = new X509Certificate(certificate).fingerprint256;
  for (let met = 0; met < MEETINGS;) met = (await fingerprint(port)) === want ? met + 1 : 0;
}

test(
  'a certificate of the configuration is served, replaced in every worker, and kept when its files break',
  async () => {
    const [first, second] = [certified(), certified()];
    write(first);
    const platform = up();
    await platform.shows(/Serving until stopped/);
    const state = readFileSync(join(platform.stateHome, 'reticle', 'local.json'), 'utf8');
    const { http, apiKey } = JSON.parse(state) as { readonly http: string; readonly apiKey: string };
    const port = Number(http.split(':')[1]);
    await everywhere(port, first);
    expect((await new HttpClient(`https://${http}`, apiKey, first.certificate).get('/v1/models')).status).toBe(200);

    write(second);
    await platform.shows(/the certificate was read again/);
    await everywhere(port, second);
    // A page's address comes over TLS as well.
    const asked = reticle(['playground'], platform.stateHome);
    expect([await asked.ended, asked.stdout]).toEqual([
      0,
      expect.stringMatching(`^https://${http}/playground/#\\w{26}\n$`),
    ]);

    writeFileSync(join(folder, 'cert.pem'), first.certificate);
    await platform.shows(
      /tls\.keyFile: \S+key\.pem does not belong to the certificate.*\nthe certificate stays as it was/,
    );
    await everywhere(port, second);
    expect(state + platform.stdout + platform.stderr).not.toContain('PRIVATE KEY-----\nM');
  },
  BOUND_MS,
);

test(
  'what cannot be served is refused before anything starts',
  async () => {
    write({ ...certified(), key: certified().key });
    const refused = up();
    expect(await refused.ended).toBe(3);
    expect(refused.stderr).toMatch(/gateway\.yaml tls\.keyFile: \S+\/key\.pem does not belong to the certificate \(/);
  },
  BOUND_MS,
);
