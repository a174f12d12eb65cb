/** The Codex CLI, unmodified, with settings on its command line alone (PROTOCOL §5). */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { TestPlatform } from '../kit/index.ts';
import { runClient, startClientPlatform } from './client-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const versions = [
  { version: '0.169.0', folder: '@openai/codex' },
  { version: '0.166.0', folder: 'codex-0.166' },
];
const runs = versions.flatMap((each) => [
  { ...each, transport: 'SSE', supportsWebSockets: false },
  { ...each, transport: 'WebSocket', supportsWebSockets: true },
]);
type Codex = (typeof runs)[number] & { readonly key?: string };

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startClientPlatform();
});
afterAll(() => platform[Symbol.asyncDispose]());

type CodexEvent = {
  readonly type: string;
  readonly item?: {
    readonly type: string;
    readonly text?: string;
    readonly command?: string;
    readonly exit_code?: number;
  };
  readonly usage?: Readonly<Record<string, number>>;
};

async function exec(codex: Codex, prompt: string): Promise<CodexEvent[]> {
  const { folder, supportsWebSockets, key = platform.keyOf('acme') } = codex;
  const base = `${platform.httpOf()}/v1`;
  const provider = `{name="Reticle",base_url="${base}",wire_api="responses",env_key="RETICLE_API_KEY",supports_websockets=${supportsWebSockets}}`;
  const settings = ['model="spark"', 'model_provider="reticle"', `model_providers.reticle=${provider}`];
  const program = join(import.meta.dirname, 'node_modules', folder, 'bin', 'codex.js');
  const flags = settings.flatMap((setting) => ['-c', setting]);
  const command = [
    process.execPath,
    program,
    'exec',
    '--skip-git-repo-check',
    '--dangerously-bypass-approvals-and-sandbox',
    '--json',
    ...flags,
    prompt,
  ] as const;
  const { stdout } = await runClient([...command], { RETICLE_API_KEY: key });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as CodexEvent);
}

describe.each(runs)('codex $version over $transport', (codex) => {
  test('a turn from prompt to answer, with its usage', async () => {
    const events = await exec(codex, 'Write a queue.');
    const message = events.find(({ item }) => item?.type === 'agent_message')?.item?.text ?? '';
    expect(message).toContain('queue');
    expect(events.at(-1)?.type).toBe('turn.completed');
    expect(events.at(-1)?.usage?.['output_tokens']).toBeGreaterThan(10);
  });

  test('a tool that the model calls runs, and its output comes back', async () => {
    const events = await exec(codex, 'Please list the files.');
    const ran = events.find(({ type, item }) => type === 'item.completed' && item?.type === 'command_execution')?.item;
    expect(ran).toMatchObject({ command: expect.stringContaining('ls') as unknown, exit_code: 0 });
    expect(events.findLast(({ item }) => item?.type === 'agent_message')?.item?.text).not.toBe('');
    expect(events.at(-1)?.type).toBe('turn.completed');
  });

  test('a key that is not valid stops it', async () => {
    const events = await exec({ ...codex, key: 'rtk_x' }, 'Write a queue.');
    expect(events.at(-1)?.type).toBe('turn.failed');
  });
});
