import { describe, expect, test } from '@jest/globals';
import { ConfigError, systemEnv } from '@reticle/core/process';
import { certified } from '@reticle/test/kit/certificates';
import { parseArguments } from '../arguments.ts';
import { decodeValue, gatewayConfigSchema } from '@reticle/operator/api';
import { readYaml } from '../manifests/yaml-documents.ts';
import { hostOf, loadTls, tlsFiles, type TlsFiles, type TlsSource } from './tls-files.ts';

/** 2026-07-01 00:00 UTC */
const NOW_MS = 1_782_864_000_000;
const DAY_MS = 86_400_000;
const current = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + DAY_MS };
const pair = certified(current);

const files: TlsFiles = {
  certificate: { path: '/tls/cert.pem', from: '/g.yaml tls.certFile' },
  key: { path: '/tls/key.pem', from: '--tls-key' },
};

function sourceOf(found: Readonly<Record<string, string | Error>>, mode = 0o600): TlsSource {
  const readText = async (path: string): Promise<string> => {
    const text = found[path] ?? new Error(`ENOENT: no such file or directory, open '${path}'`);
    if (text instanceof Error) throw text;
    return text;
  };
  return { disk: { readText }, modeOf: async () => mode, clock: { wallMs: () => NOW_MS } };
}

const both = ({ certificate, key } = pair) => ({ '/tls/cert.pem': certificate, '/tls/key.pem': key });

describe('tlsFiles', () => {
  const given = (...args: string[]) =>
    parseArguments(args, {
      command: 'reticle up',
      options: { 'tls-cert': { type: 'string' }, 'tls-key': { type: 'string' } },
    });
  const none = { issuers: [], allowedOrigins: [], tenantPolicies: [] };
  const tls = { certFile: 'tls/a.pem', keyFile: '/secret/a.key' };
  const gatewayFile = { path: '/etc/g.yaml', config: { ...none, tls } };

  test('are named by nobody, by the configuration from its folder, or by flags, which win', () => {
    expect(tlsFiles(given())).toBeUndefined();
    expect(tlsFiles(given(), { path: '/etc/g.yaml', config: none })).toBeUndefined();
    expect(tlsFiles(given(), gatewayFile)).toEqual({
      certificate: { path: '/etc/tls/a.pem', from: '/etc/g.yaml tls.certFile' },
      key: { path: '/secret/a.key', from: '/etc/g.yaml tls.keyFile' },
    });
    expect(tlsFiles(given('--tls-cert', '/c', '--tls-key=/k'), gatewayFile)).toEqual({
      certificate: { path: '/c', from: '--tls-cert' },
      key: { path: '/k', from: '--tls-key' },
    });
  });

  test.each(['--tls-cert', '--tls-key'])('%s alone is refused', (flag) => {
    expect(() => tlsFiles(given(flag, '/a'), gatewayFile)).toThrow('--tls-cert and --tls-key go together');
  });
});

describe('loadTls', () => {
  test('reads a pair that nobody else can read, without a warning', async () => {
    const { facts, ...read } = await loadTls(files, sourceOf(both()));
    expect(read).toEqual({ pair, warnings: [] });
    expect([facts.isSelfSigned, hostOf(facts)]).toEqual([true, '127.0.0.1']);
  });

  test.each([
    { names: ['localhost'], want: 'localhost' },
    { names: ['localhost', '127.0.0.1'], want: '127.0.0.1' },
    { names: ['api.example'], want: '127.0.0.1' },
  ])('clients are sent to a name of the certificate: $names', async ({ names, want }) => {
    const { facts } = await loadTls(files, sourceOf(both(certified({ ...current, names }))));
    expect(hostOf(facts)).toBe(want);
  });

  test.each([
    {
      name: 'is over',
      given: certified({ notBeforeMs: NOW_MS - 2 * DAY_MS, notAfterMs: NOW_MS - DAY_MS }),
      want: /cert\.pem ended on Jun 30 .* 2026 GMT: clients refuse it \(renew it/,
    },
    {
      name: 'ends at this moment',
      given: certified({ notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS }),
      want: /cert\.pem ended on Jul {2}1/,
    },
    { name: 'is early', given: certified({ notBeforeMs: NOW_MS + DAY_MS }), want: /cert\.pem counts from Jul {2}2/ },
    {
      name: 'may vouch for others',
      given: certified({ ...current, isAuthority: true }),
      want: /cert\.pem is an authority's: Codex refuses it/,
    },
    {
      name: 'is of somewhere else',
      given: certified({ ...current, names: ['api.example'] }),
      want: /is for neither 127\.0\.0\.1 nor localhost/,
    },
  ])('is served with a warning when it $name', async ({ given, want }) => {
    const { warnings } = await loadTls(files, sourceOf(both(given)));
    expect(warnings).toEqual([expect.stringMatching(want)]);
  });

  test.each([
    { mode: 0o644, want: [expect.stringMatching(/key\.pem can be read by others \(chmod 600/)] },
    { mode: 0o640, want: [expect.stringMatching(/key\.pem can be read by others/)] },
    { mode: 0o600, want: [] },
    { mode: 0o400, want: [] },
  ])('looks at the mode of the key: $mode', async ({ mode, want }) => {
    expect((await loadTls(files, sourceOf(both(), mode))).warnings).toEqual(want);
  });

  test.each([
    {
      name: 'no certificate file',
      found: { '/tls/key.pem': pair.key },
      want: /^\/g\.yaml tls\.certFile: \/tls\/cert\.pem cannot be read: ENOENT.*\(check the file\)$/,
    },
    { name: 'no key file', found: { '/tls/cert.pem': pair.certificate }, want: /^--tls-key: \/tls\/key\.pem cannot/ },
    {
      name: 'bytes that are no text',
      found: { ...both(), '/tls/cert.pem': new TypeError('not UTF-8') },
      want: /^\/g\.yaml tls\.certFile: \/tls\/cert\.pem is no text \(check/,
    },
    {
      name: 'a certificate of noise',
      found: { ...both(), '/tls/cert.pem': 'x' },
      want: /^\/g\.yaml tls\.certFile: \/tls\/cert\.pem is not a certificate in PEM form \(.+\)$/,
    },
    {
      name: 'the key of another',
      found: { ...both(), '/tls/key.pem': certified().key },
      want: /^--tls-key: \/tls\/key\.pem does not belong to the certificate \(.+\)$/,
    },
  ])('refuses $name by file and field, and quotes nothing of it', async ({ found, want }) => {
    const error = await loadTls(files, sourceOf(found)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    const { problems, message } = error as ConfigError;
    expect(problems).toEqual([expect.stringMatching(want)]);
    expect(message).not.toContain('PRIVATE KEY-----\nM');
  });
});

test('the YAML of docs/reference/tls.md is accepted', async () => {
  const page = await systemEnv().disk.readText(new URL('../../../docs/reference/tls.md', import.meta.url).pathname);
  const blocks = Array.from(page.matchAll(/```yaml\n([^]*?)```/g), ([, text = '']) => readYaml(text)[0]?.value);
  expect(blocks.map((value) => decodeValue(gatewayConfigSchema, value).problems)).toEqual([undefined]);
});
