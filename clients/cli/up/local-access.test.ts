import { describe, expect, test } from '@jest/globals';
import { ConfigError, systemEnv } from '@reticle/core/process';
import { decodeObject, kinds, type Tenant } from '@reticle/operator/api';
import { listDirectory } from '../manifests/list-directory.ts';
import { loadManifests, type Scene } from '../manifests/load-manifests.ts';
import { ManifestError } from '../manifests/manifest-error.ts';
import { readYaml } from '../manifests/yaml-documents.ts';
import { accessLine, loadGatewayFile, localAccess } from './local-access.ts';

const examples = new URL('../../../examples/local', import.meta.url).pathname;
const PEPPER = 'p'.repeat(32);
const issuer = {
  issuer: 'https://id.example',
  jwksUrl: 'https://id.example/keys',
  algorithm: 'RS256',
  audience: 'reticle',
  claims: { tenant: 'org' },
};

function diskOf(files: Readonly<Record<string, string>>) {
  const readText = async (path: string): Promise<string> => {
    const text = files[path];
    if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
    return text;
  };
  return { disk: { readText } };
}

function tenant(name: string, spec: object = {}): Tenant {
  const metadata = { name };
  const given = { tiers: [{ name: 'fast' }], ...spec };
  const decoded = decodeObject(kinds, { apiVersion: 'reticle.dev/v1alpha1', kind: 'Tenant', metadata, spec: given });
  expect(decoded.problems).toBeUndefined();
  return decoded.ok as Tenant;
}
const keys = { keys: [{ id: 'k7q2m4xz', hmacs: ['a'.repeat(64)] }] };

async function scene(tenants: readonly Tenant[]): Promise<Scene> {
  const files = { disk: systemEnv().disk, list: listDirectory };
  return { ...(await loadManifests([examples], files)), tenants };
}

const place = { region: 'local', residency: ['local'] };

async function refusal(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof ManifestError || error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('loadGatewayFile', () => {
  test('reads YAML or JSON, applies defaults, and finds the secret beside the file', async () => {
    const text = `pepperFile: secrets/pepper\nissuers: [${JSON.stringify(issuer)}]\n`;
    const files = { '/etc/r/gateway.yaml': text, '/etc/r/secrets/pepper': `${PEPPER}\n` };
    expect(await loadGatewayFile('/etc/r/gateway.yaml', diskOf(files))).toEqual({
      path: '/etc/r/gateway.yaml',
      config: { pepperFile: 'secrets/pepper', issuers: [issuer], allowedOrigins: [], tenantPolicies: [] },
      pepper: PEPPER,
    });
    const json = await loadGatewayFile('/g.json', diskOf({ '/g.json': '{"socketsPerKeyMax": 5}' }));
    expect(json.config.socketsPerKeyMax).toBe(5);
  });

  test.each<{ name: string; text: string; want: RegExp }>([
    { name: 'no document', text: '', want: /\/g\.yaml {2}must hold one document/ },
    { name: 'two documents', text: 'issuers: []\n---\nissuers: []\n', want: /must hold one document/ },
    { name: 'broken YAML', text: 'issuers: [', want: /\/g\.yaml:1/ },
    { name: 'a list', text: '[]', want: /must be an object/ },
    { name: 'an unknown field', text: 'issuer: []\n', want: /\/g\.yaml:1 {2}issuer {2}is not a field.*"issuers"/ },
    {
      name: 'a symmetric algorithm',
      text: JSON.stringify({ issuers: [{ ...issuer, algorithm: 'HS256' }] }),
      want: /issuers\[0\]\.algorithm {2}"HS256" is not a value here/,
    },
    {
      name: 'no algorithm at all',
      text: JSON.stringify({ issuers: [{ ...issuer, algorithm: 'none' }] }),
      want: /issuers\[0\]\.algorithm/,
    },
    {
      name: 'keys over plain HTTP',
      text: JSON.stringify({ issuers: [{ ...issuer, jwksUrl: 'http://id.example/keys' }] }),
      want: /issuers\[0\]\.jwksUrl .*https:\/\//,
    },
    {
      name: 'a password in an address',
      text: JSON.stringify({ issuers: [{ ...issuer, jwksUrl: 'https://user:word@id.example/' }] }),
      want: /issuers\[0\]\.jwksUrl/,
    },
    {
      name: 'an issuer twice',
      text: JSON.stringify({ issuers: [issuer, issuer] }),
      want: /issuers\[1\] .*already item 0/,
    },
    { name: 'an origin with a path', text: 'allowedOrigins: ["https://a.example/"]', want: /allowedOrigins\[0\]/ },
    { name: 'every origin', text: 'allowedOrigins: ["*"]', want: /allowedOrigins\[0\]/ },
    { name: 'no sockets', text: 'socketsPerKeyMax: 0', want: /socketsPerKeyMax/ },
    { name: 'a missing secret', text: 'pepperFile: gone', want: /pepperFile: cannot read the secret file \/gone/ },
    {
      name: 'a short secret',
      text: 'pepperFile: short',
      want: /pepperFile {2}the secret has fewer than 32 characters/,
    },
  ])('refuses $name, with its place', async ({ text, want }) => {
    const files = diskOf({ '/g.yaml': text, '/short': 'abc' });
    expect(await refusal(() => loadGatewayFile('/g.yaml', files))).toMatch(want);
  });

  test('refuses a file that is not there', async () => {
    expect(await refusal(() => loadGatewayFile('/gone.yaml', diskOf({})))).toMatch(/\/gone\.yaml {2}cannot be read/);
  });
});

describe('the page and the example', () => {
  const root = new URL('../../../', import.meta.url).pathname;

  test('every YAML of docs/reference/authentication.md is accepted', async () => {
    const page = await systemEnv().disk.readText(`${root}docs/reference/authentication.md`);
    const [manifest = '', config = '', ...more] = Array.from(page.matchAll(/```yaml\n([^]*?)```/g), ([, text]) => text);
    expect(more).toEqual([]);
    const objects = readYaml(manifest).map(({ value }) => decodeObject(kinds, value).problems);
    expect(objects).toEqual([undefined]);
    const { config: read } = await loadGatewayFile('/g.yaml', diskOf({ '/g.yaml': config }));
    expect(read.issuers.map(({ claims }) => claims)).toEqual([{ tenant: 'org', tiers: 'tier', models: 'models' }]);
  });

  test('examples/access is read, and waits for its pepper', async () => {
    const files = { disk: systemEnv().disk, list: listDirectory };
    const scene = await loadManifests([examples, `${root}examples/access/manifests`], files);
    expect(scene.accessTiers.map(({ metadata }) => metadata.name)).toEqual(['fast']);
    const access = localAccess(scene, place);
    expect(access.tenants).toEqual([
      { name: 'acme', suspended: false, tiers: ['fast', 'flex'], tierModels: { fast: ['spark-ref'] } },
      { name: 'globex', suspended: false, tiers: ['default'] },
    ]);
    const text = await files.disk.readText(`${root}examples/access/gateway.yaml`);
    const read = await loadGatewayFile('/g.yaml', diskOf({ '/g.yaml': text, '/pepper': PEPPER }));
    expect(localAccess(scene, place, read).keepsPartial).toEqual(['acme']);
  });
});

describe('localAccess', () => {
  const file = (config: object, pepper?: string) => ({
    path: '/g.yaml',
    config: { issuers: [], allowedOrigins: [], tenantPolicies: [], ...config },
    ...(pepper === undefined ? {} : { pepper }),
  });

  test('is empty without tenants and without a file', async () => {
    const access = localAccess(await scene([]), place);
    expect(access).toEqual({ keys: [], tenants: [], keepsPartial: [], door: { issuers: [], allowedOrigins: [] } });
    expect(accessLine(access)).toBe('');
  });

  test('holds tenants, their keys, and what they choose', async () => {
    const policies = [
      { tenant: 'acme', partialOnInterrupt: 'keep' as const },
      { tenant: 'local', partialOnInterrupt: 'discard' as const },
    ];
    const config = file({ tenantPolicies: policies, socketsPerKeyMax: 7 }, PEPPER);
    const access = localAccess(await scene([tenant('acme', keys), tenant('far', { suspended: true })]), place, config);
    expect(access).toMatchObject({ keepsPartial: ['acme'], pepper: PEPPER, door: { socketsPerKeyMax: 7 } });
    expect(access.keys.map(({ id }) => id)).toEqual(['k7q2m4xz']);
    expect(accessLine(access)).toBe('  2 tenants (acme, far suspended); 1 key\n');
  });

  test.each<{ name: string; tenants: readonly Tenant[]; config?: ReturnType<typeof file>; want: RegExp }>([
    { name: 'keys without a file', tenants: [tenant('acme', keys)], want: /Tenant\/acme {2}pepperFile {2}is missing/ },
    {
      name: 'keys without a secret',
      tenants: [tenant('acme', keys)],
      config: file({}),
      want: /\/g\.yaml {2}Tenant\/acme {2}pepperFile/,
    },
    {
      name: 'a policy of nobody',
      tenants: [tenant('acme')],
      config: file({ tenantPolicies: [{ tenant: 'acmee', partialOnInterrupt: 'keep' as const }] }),
      want: /tenantPolicies\[0\]\.tenant {2}no Tenant is named "acmee" \(did you mean "acme"\?\)/,
    },
    {
      name: 'issuers for nobody',
      tenants: [],
      config: file({ issuers: [issuer] }),
      want: /issuers {2}there is no Tenant/,
    },
  ])('refuses $name', async ({ tenants, config, want }) => {
    const given = await scene(tenants);
    expect(await refusal(() => localAccess(given, place, config))).toMatch(want);
  });
});
