import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalPlatformState } from '@reticle/core/domain';
import { modelById, waferProfiles } from '@reticle/core/domain/wafer';
import { environment, systemEnv, type ChildHandle } from '@reticle/core/process';
import { PROTO_ROOT } from '@reticle/proto/load';
import { pythonWith } from '../kit/python.ts';

const run = promisify(execFile);
const CLIENT = join(import.meta.dirname, 'foreign', 'client.py');
const PLATFORM = join(import.meta.dirname, '..', '..', 'services', 'main', 'platform.ts');

const found = await pythonWith({
  name: 'grpc-1.85.1',
  packages: ['grpcio==1.85.1', 'grpcio-tools==1.85.1', 'protobuf==7.36.2'],
  variable: 'RETICLE_PYTHON',
});
if ('missing' in found) {
  if (environment()['CI'] === 'true') throw new Error(found.missing);
  process.stderr.write(`e2e: skipped: ${found.missing}\n`);
}
const describeWithPython = 'missing' in found ? describe.skip : describe;

function startPlatform(): { child: ChildHandle; ready: Promise<LocalPlatformState> } {
  const child = systemEnv().spawn.fork(PLATFORM, []);
  const ready = new Promise<LocalPlatformState>((resolve, reject) => {
    child.onMessage((message) => {
      const report = message as { kind: string; state: LocalPlatformState; message: string };
      if (report.kind === 'platform-ready') resolve(report.state);
      if (report.kind === 'platform-failed') reject(new Error(report.message));
    });
  });
  child.send({
    kind: 'platform-spec',
    spec: {
      region: 'local',
      host: '127.0.0.1',
      grpcPort: 0,
      httpPort: 0,
      chains: [
        {
          servedName: 'spark-ref',
          modelDigest: `sha256:${'5'.repeat(64)}`,
          contextTokens: 131_072,
          maxOutputTokens: 131_072,
          geometry: modelById('spark-ref'),
          profile: waferProfiles['wse3-2026'],
          wafers: 12,
          engine: { tokens: 'code', length: 'natural', pace: 'timer', seed: 0 },
        },
      ],
    },
  });
  return { child, ready };
}

describeWithPython('a Python client made from the .proto files alone', () => {
  const stubs = mkdtempSync(join(tmpdir(), 'reticle-stubs-'));
  let platform: ReturnType<typeof startPlatform>;

  beforeAll(async () => {
    platform = startPlatform();
    await platform.ready;
  }, 60_000);

  afterAll(async () => {
    platform.child.send({ kind: 'platform-stop' });
    await platform.child.exited;
    rmSync(stubs, { recursive: true });
  });

  test('attaches, streams, cuts at the exact token, continues, resumes and replays', async () => {
    const python = 'python' in found ? found.python : '';
    await run(python, [
      '-m',
      'grpc_tools.protoc',
      '-I',
      PROTO_ROOT,
      `--python_out=${stubs}`,
      `--grpc_python_out=${stubs}`,
      'reticle/session/v1/session.proto',
    ]);
    const state = await platform.ready;
    const { stdout } = await run(python, [CLIENT, stubs], {
      timeout: 60_000,
      env: { ...environment(), RETICLE_GRPC: state.grpc, RETICLE_API_KEY: state.apiKey, RETICLE_MODEL: 'spark-ref' },
    });
    const result = JSON.parse(stdout) as Record<string, number | boolean | string>;
    const { generated, received, keptText, attachedEpoch } = result;
    expect(result).toEqual({
      attachedEpoch,
      received,
      outcome: 1,
      effective: 150,
      generated,
      wasted: Number(generated) - 150,
      keptText,
      endStatus: 2,
      endOffset: 150,
      cachedTokens: 162,
      promptTokens: 172,
      resumedEpoch: Number(attachedEpoch) + 1,
      resumedEnd: 3000,
      finishedEnd: 3000,
      replayEqual: true,
      badKey: 'UNAUTHENTICATED',
    });
    expect(received).toBeGreaterThanOrEqual(200);
    expect(generated).toBeGreaterThanOrEqual(Number(received));
    expect(keptText).toBeGreaterThan(0);
  }, 90_000);
});
