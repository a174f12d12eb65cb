import { describe, expect, test } from '@jest/globals';
import type { LocalPlatformState } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import { systemEnv, type ChildExit, type ChildHandle } from '@reticle/core/process';
import { listDirectory } from '../manifests/list-directory.ts';
import { loadManifests, type Scene } from '../manifests/load-manifests.ts';
import { ManifestError } from '../manifests/manifest-error.ts';
import { variablesOf } from '../env/command.ts';
import { httpBase } from '../local-state.ts';
import { firstScreen } from './command.ts';
import { playgroundAddress } from './playground.ts';
import { PlatformProcess } from './platform-process.ts';
import { natsFlag } from './nats-flag.ts';
import { platformSpec, type PlatformOptions, type PlatformSpec } from './platform-spec.ts';

const examples = new URL('../../../examples/local', import.meta.url).pathname;
const load = (): Promise<Scene> => loadManifests([examples], { disk: systemEnv().disk, list: listDirectory });

/** The example's deployment with other fields in its spec. */
async function edited(change: (spec: Scene['deployments'][0]['spec']) => object): Promise<Scene> {
  const scene = await load();
  const deployments = scene.deployments.map((one) => ({ ...one, spec: { ...one.spec, ...change(one.spec) } }));
  return { ...scene, deployments: deployments as Scene['deployments'] };
}

const ALONE: PlatformOptions = {
  grpcPort: 0,
  httpPort: 0,
  metricsPort: 0,
  gateways: 1,
  replicas: undefined,
  nats: 'none',
  playground: '/dist/playground',
};

function refusal(scene: Scene, options: Partial<PlatformOptions> = {}): string {
  try {
    platformSpec(scene, { ...ALONE, ...options });
  } catch (error) {
    if (error instanceof ManifestError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('platformSpec', () => {
  test('is the example: spark-ref on 12 wafers, writing code', async () => {
    const spec = platformSpec(await load(), { ...ALONE, grpcPort: 50_051 });
    expect(spec).toMatchObject({ region: 'local', host: '127.0.0.1', grpcPort: 50_051, gateways: 1, nats: 'none' });
    expect(spec.chains).toMatchObject([
      {
        servedName: 'spark-ref',
        contextTokens: 131_072,
        maxOutputTokens: 131_072,
        wafers: 12,
        replicas: 1,
        engine: { tokens: 'code', length: 'natural', pace: 'timer', seed: 0 },
      },
    ]);
    expect(structuredClone(spec)).toEqual(spec);
  });

  test('takes the fewest wafers that fit when the planner may choose', async () => {
    const free = await edited((spec) => ({ shape: { ...spec.shape, wafers: 0 } }));
    const chosen = platformSpec(free, ALONE).chains[0]?.wafers;
    if (chosen === undefined) throw new Error('no chain');
    expect(chosen).toBeGreaterThan(1);
    const fewer = await edited((spec) => ({ shape: { ...spec.shape, wafers: chosen - 1 } }));
    expect(refusal(fewer)).toContain('spec.shape.wafers  the model does not fit');
  });

  test.each([
    { name: 'more wafers than the pool has', change: { shape: { wafers: 65 } }, want: 'spec.shape.wafers' },
    { name: 'another driver', change: { engine: { driver: 'Llama', args: {} } }, want: 'spec.engine.driver' },
    { name: 'two regions', change: { regions: [{ region: 'local' }, { region: 'far' }] }, want: 'spec.regions' },
    { name: 'no replica', change: { regions: [{ region: 'local', replicas: 0 }] }, want: 'spec.regions' },
    {
      name: 'more replicas than the pool has wafers for',
      change: { regions: [{ region: 'local', replicas: 6 }] },
      want: 'spec.shape.wafers',
    },
    { name: 'an unknown model', change: { modelRef: { name: 'nothing' } }, want: 'spec.modelRef' },
  ])('refuses $name by field', async ({ change, want }) => {
    expect(refusal(await edited(() => change))).toContain(`ModelDeployment/spark-ref  ${want}  `);
  });

  test.each([
    { name: 'the manifest', says: 3, flag: undefined, want: 3 },
    { name: 'the command line, which wins', says: 3, flag: 2, want: 2 },
  ])('takes the number of engines from $name', async ({ says, flag, want }) => {
    const scene = await edited(() => ({ regions: [{ region: 'local', replicas: says }] }));
    const spec = platformSpec(scene, { ...ALONE, replicas: flag, gateways: 4, nats: 'embedded' });
    expect(spec).toMatchObject({ gateways: 4, nats: 'embedded', chains: [{ replicas: want, wafers: 12 }] });
  });

  test('refuses engines that the command line wants and the pool has no wafers for', async () => {
    expect(refusal(await load(), { replicas: 6 })).toContain('the model does not fit 6 times (the pool has 64)');
  });

  test('refuses a scene without a deployment', async () => {
    expect(refusal({ ...(await load()), deployments: [] })).toContain('holds no ModelDeployment');
  });
});

/** A child process that says and does what a test tells it. */
function fakeChild() {
  const exit = Promise.withResolvers<ChildExit>();
  const listeners = new Set<(message: unknown) => void>();
  const sent: unknown[] = [];
  const kills: string[] = [];
  const child: ChildHandle = {
    pid: 7,
    send: (message) => sent.push(message) > 0,
    onMessage: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    exited: exit.promise,
    kill: (signal) => kills.push(signal) > 0,
  };
  const say = (message: unknown): void => listeners.forEach((listener) => listener(message));
  return { child, sent, kills, say, exit, listeners };
}

const spec: PlatformSpec = {
  region: 'local',
  host: '127.0.0.1',
  grpcPort: 0,
  httpPort: 0,
  gateways: 1,
  nats: 'none',
  chains: [],
  access: { keys: [], tenants: [], keepsPartial: [], door: { issuers: [], allowedOrigins: [] } },
};
const ready: LocalPlatformState = {
  grpc: '127.0.0.1:9',
  http: '127.0.0.1:8',
  apiKey: 'rtk_x',
  models: ['m'],
  codexModels: [],
  processes: [],
  playgroundCode: 'c',
};

describe('PlatformProcess', () => {
  test('sends the spec, hands on progress, and is ready', async () => {
    const { child, sent, say, listeners } = fakeChild();
    const lines: string[] = [];
    const starting = new PlatformProcess(child, new VirtualClock()).start(spec, (text) => lines.push(text));
    say({ kind: 'platform-progress', text: 'one' });
    say('noise');
    say({ kind: 'platform-ready', state: ready });
    expect(await starting).toEqual(ready);
    expect([sent, lines, listeners.size]).toEqual([[{ kind: 'platform-spec', spec }], ['one'], 0]);
  });

  test('tells why it did not start', async () => {
    const { child, say } = fakeChild();
    const starting = new PlatformProcess(child, new VirtualClock()).start(spec, () => {});
    say({ kind: 'platform-failed', message: 'no port' });
    await expect(starting).rejects.toMatchObject({ exitCode: 5, message: expect.stringContaining('no port') });
  });

  test('does not wait for a supervisor that ended', async () => {
    const { child, exit } = fakeChild();
    const starting = new PlatformProcess(child, new VirtualClock()).start(spec, () => {});
    exit.resolve({ code: 70, signal: null });
    await expect(starting).rejects.toThrow('ended with status 70 before it was ready');
  });

  test('tells which processes serve, until nobody listens', () => {
    const { child, say, listeners } = fakeChild();
    const heard: unknown[] = [];
    const stop = new PlatformProcess(child, new VirtualClock()).onProcesses((processes) => heard.push(processes));
    const processes = [{ role: 'engine', pid: 5 }];
    say({ kind: 'platform-processes', processes });
    say({ kind: 'platform-progress', text: 'noise' });
    stop();
    expect([heard, listeners.size]).toEqual([[processes], 0]);
  });

  test('stops it with a word, without force and without a timer left', async () => {
    const { child, sent, kills, exit } = fakeChild();
    const clock = new VirtualClock();
    const stopping = new PlatformProcess(child, clock).stop();
    expect(sent).toEqual([{ kind: 'platform-stop' }]);
    exit.resolve({ code: 0, signal: null });
    await stopping;
    expect([kills, clock.pending]).toEqual([[], 0]);
  });

  test('kills one that does not stop in 10 s', async () => {
    const { child, kills, exit } = fakeChild();
    const clock = new VirtualClock();
    const stopping = new PlatformProcess(child, clock).stop();
    clock.advance(9_999);
    expect(kills).toEqual([]);
    clock.advance(1);
    expect(kills).toEqual(['SIGKILL']);
    exit.resolve({ code: null, signal: 'SIGKILL' });
    await stopping;
  });
});

describe('PlatformProcess.replaceAccess', () => {
  test('sends what a running platform follows, and nothing of the door', () => {
    const { child, sent } = fakeChild();
    new PlatformProcess(child, new VirtualClock()).replaceAccess({
      ...spec.access,
      keepsPartial: ['acme'],
      pepper: 'x',
    });
    const access = { keys: [], tenants: [], keepsPartial: ['acme'] };
    expect(sent).toEqual([{ kind: 'platform-access', access }]);
  });
});

describe('PlatformProcess.replaceTls', () => {
  test('sends the pair', () => {
    const { child, sent } = fakeChild();
    const tls = { certificate: 'c', key: 'k' };
    new PlatformProcess(child, new VirtualClock()).replaceTls(tls);
    expect(sent).toEqual([{ kind: 'platform-tls', tls }]);
  });
});

describe('firstScreen', () => {
  test.each([
    { isSelfSigned: true, want: /--cacert \/tls\/cert\.pem/ },
    { isSelfSigned: false, want: /wss:\S+\n/ },
  ])('names HTTPS and WSS where there is a certificate (self-signed: $isSelfSigned)', ({ isSelfSigned, want }) => {
    const running = { version: 1, pid: 1, pidStart: '', grpc: '127.0.0.1:9', http: 'localhost:8' } as const;
    const state = {
      ...running,
      tls: { certFile: '/tls/cert.pem', isSelfSigned },
      apiKey: '',
      model: 'm',
      models: ['m'],
    };
    const facts = { catalog: '/state/codex-catalog.json', address: playgroundAddress(httpBase(state), 'once') };
    const shown = firstScreen(spec, { ...state, processes: [] }, facts);
    expect(shown).toContain('https://localhost:8/v1 (OpenAI), wss://localhost:8/v1/responses');
    expect(shown).toContain('https://localhost:8/playground/#once');
    expect(shown).toMatch(want);
    expect(shown.includes('self-signed')).toBe(isSelfSigned);
    const { OPENAI_BASE_URL, NODE_EXTRA_CA_CERTS } = variablesOf({ ...state, processes: [] });
    expect([OPENAI_BASE_URL, NODE_EXTRA_CA_CERTS]).toEqual([
      'https://localhost:8/v1',
      isSelfSigned ? '/tls/cert.pem' : undefined,
    ]);
  });

  test('tells what runs, where, and three next commands, and no key', () => {
    const state = {
      version: 1,
      pid: 1,
      pidStart: '',
      grpc: '127.0.0.1:9',
      http: '127.0.0.1:8',
      apiKey: 'rtk_x',
      model: 'm',
      models: ['m'],
      processes: [
        { role: 'engine', pid: 71 },
        { role: 'gateway', pid: 72 },
      ],
    } as const;
    const address = playgroundAddress(httpBase(state), 'once');
    const shown = firstScreen(spec, state, { catalog: '/state/codex-catalog.json', address });
    expect(shown.match(/http:\S+/)?.[0]).toBe('http://127.0.0.1:8/playground/#once');
    expect(shown).toContain('127.0.0.1:9');
    expect(shown).toMatch(/gateway +72\n +engine +71\n/);
    expect(shown.match(/^ {2}.*npm run -s reticle -- \w+/gm)).toHaveLength(3);
    expect(shown).not.toContain('rtk_');
    expect(shown).not.toContain('tenant');
    const without = firstScreen(spec, state, { catalog: '/state/codex-catalog.json', address: undefined });
    expect(without).not.toContain('playground');
  });
});

describe('natsFlag', () => {
  test.each([
    { given: undefined, want: 'none' },
    { given: 'none', want: 'none' },
    { given: 'embedded', want: 'embedded' },
    { given: 'nats://127.0.0.1:4222', want: 'nats://127.0.0.1:4222' },
    { given: 'tls://bus.example', want: 'tls://bus.example' },
  ])('takes $given', ({ given, want }) => {
    expect(natsFlag(given)).toBe(want);
  });

  test.each([
    { name: 'a credential', given: 'nats://user:word@bus.example:4222', want: 'credential_in_arguments' },
    { name: 'another scheme', given: 'http://bus.example:4222', want: 'usage' },
    { name: 'a bare address', given: 'bus.example:4222', want: 'usage' },
    { name: 'a query', given: 'nats://bus.example:4222/?token=x', want: 'usage' },
  ])('refuses $name and does not repeat it', ({ given, want }) => {
    let refused: unknown;
    try {
      natsFlag(given);
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ code: want, exitCode: 2, message: expect.not.stringContaining(given) });
  });
});
