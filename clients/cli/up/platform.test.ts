import { describe, expect, test } from '@jest/globals';
import type { LocalPlatformSpec, LocalPlatformState } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import { systemEnv, type ChildExit, type ChildHandle } from '@reticle/core/process';
import { listDirectory } from '../manifests/list-directory.ts';
import { loadManifests, type Scene } from '../manifests/load-manifests.ts';
import { ManifestError } from '../manifests/manifest-error.ts';
import { firstScreen } from './command.ts';
import { PlatformProcess } from './platform-process.ts';
import { platformSpec } from './platform-spec.ts';

const examples = new URL('../../../examples/local', import.meta.url).pathname;
const load = (): Promise<Scene> => loadManifests([examples], { disk: systemEnv().disk, list: listDirectory });

/** The example's deployment with other fields in its spec. */
async function edited(change: (spec: Scene['deployments'][0]['spec']) => object): Promise<Scene> {
  const scene = await load();
  const deployments = scene.deployments.map((one) => ({ ...one, spec: { ...one.spec, ...change(one.spec) } }));
  return { ...scene, deployments: deployments as Scene['deployments'] };
}

function refusal(scene: Scene): string {
  try {
    platformSpec(scene, 0);
  } catch (error) {
    if (error instanceof ManifestError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('platformSpec', () => {
  test('is the example: spark-ref on 12 wafers, writing code', async () => {
    const spec = platformSpec(await load(), 50_051);
    expect(spec).toMatchObject({ region: 'local', host: '127.0.0.1', grpcPort: 50_051 });
    expect(spec.chains).toMatchObject([
      {
        servedName: 'spark-ref',
        contextTokens: 131_072,
        maxOutputTokens: 131_072,
        wafers: 12,
        engine: { tokens: 'code', length: 'natural', pace: 'timer', seed: 0 },
      },
    ]);
    expect(structuredClone(spec)).toEqual(spec);
  });

  test('takes the fewest wafers that fit when the planner may choose', async () => {
    const chosen = platformSpec(await edited((spec) => ({ shape: { ...spec.shape, wafers: 0 } })), 0).chains[0]?.wafers;
    if (chosen === undefined) throw new Error('no chain');
    expect(chosen).toBeGreaterThan(1);
    const fewer = await edited((spec) => ({ shape: { ...spec.shape, wafers: chosen - 1 } }));
    expect(refusal(fewer)).toContain('spec.shape.wafers  the model does not fit');
  });

  test.each([
    { name: 'more wafers than the pool has', change: { shape: { wafers: 65 } }, want: 'spec.shape.wafers' },
    { name: 'another driver', change: { engine: { driver: 'Llama', args: {} } }, want: 'spec.engine.driver' },
    { name: 'two replicas', change: { regions: [{ region: 'local', replicas: 2 }] }, want: 'spec.regions' },
    { name: 'an unknown model', change: { modelRef: { name: 'nothing' } }, want: 'spec.modelRef' },
  ])('refuses $name by field', async ({ change, want }) => {
    expect(refusal(await edited(() => change))).toContain(`ModelDeployment/spark-ref  ${want}  `);
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

const spec: LocalPlatformSpec = { region: 'local', host: '127.0.0.1', grpcPort: 0, chains: [] };
const ready: LocalPlatformState = { grpc: '127.0.0.1:9', apiKey: 'rtk_x', models: ['m'], processes: [] };

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

describe('firstScreen', () => {
  test('tells what runs, where, and three next commands, and no key', () => {
    const state = {
      version: 1,
      pid: 1,
      pidStart: '',
      grpc: '127.0.0.1:9',
      apiKey: 'rtk_x',
      model: 'm',
      models: ['m'],
    } as const;
    const shown = firstScreen(spec, state);
    expect(shown).toContain('127.0.0.1:9');
    expect(shown.match(/npm run -s reticle -- \w+/g)).toHaveLength(3);
    expect(shown).not.toContain('rtk_');
  });
});
