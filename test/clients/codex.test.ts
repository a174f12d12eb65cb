/** The Codex CLI, unmodified, with settings on its command line alone (PROTOCOL §5). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { flatChain, type TestPlatform } from '../kit/index.ts';
import { startClientPlatform } from './client-rig.ts';
import { codexExec, codexRuns, type CodexEvent, type CodexProvider } from './codex-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startClientPlatform('spark', [flatChain(4_000, { servedName: 'small', contextTokens: 2_048 })]);
});
afterAll(() => platform[Symbol.asyncDispose]());

const provider = (over: Partial<CodexProvider> = {}): CodexProvider => {
  return { base: platform.httpOf(), key: platform.keyOf('acme'), ...over };
};
const answerOf = (events: readonly CodexEvent[]): string =>
  events.findLast(({ item }) => item?.type === 'agent_message')?.item?.text ?? '';

describe.each(codexRuns)('codex $version over $transport', (run) => {
  test('a turn from prompt to answer, with its usage', async () => {
    const events = await codexExec(run, provider(), 'Write a queue.');
    expect(answerOf(events)).toContain('queue');
    expect(events.at(-1)?.type).toBe('turn.completed');
    expect(events.at(-1)?.usage?.['output_tokens']).toBeGreaterThan(10);
  });

  test('a tool that the model calls runs, and its output comes back', async () => {
    const events = await codexExec(run, provider(), 'Please list the files.');
    const ran = events.find(({ type, item }) => type === 'item.completed' && item?.type === 'command_execution')?.item;
    expect(ran).toMatchObject({ command: expect.stringContaining('ls') as unknown, exit_code: 0 });
    expect(answerOf(events)).not.toBe('');
    expect(events.at(-1)?.type).toBe('turn.completed');
  });

  test('a key that is not valid stops it', async () => {
    const events = await codexExec(run, provider({ key: 'rtk_x' }), 'Write a queue.');
    expect(events.at(-1)?.type).toBe('turn.failed');
  });

  test('row 12: what no retry helps stops it at once, with a plain text', async () => {
    const events = await codexExec(run, provider({ model: 'none' }), 'Write a queue.');
    const said = events.filter(({ type }) => type === 'error').map(({ message }) => message);
    expect(said).toEqual(['no engine serves this model']);
    expect(events.at(-1)).toMatchObject({ type: 'turn.failed', error: { message: 'no engine serves this model' } });
  });

  test.each([
    { keyFromCommand: true, wantWarnings: 0 },
    { keyFromCommand: false, wantWarnings: 1 },
  ])(
    'row 17: key from a command: $keyFromCommand; warnings of a model that is not known: $wantWarnings',
    async (row) => {
      const events = await codexExec(run, provider({ keyFromCommand: row.keyFromCommand }), 'Write a queue.');
      const warnings = events.filter(({ item }) => item?.type === 'error' && item.message?.includes('Model metadata'));
      expect(warnings).toHaveLength(row.wantWarnings);
      expect(events.at(-1)?.type).toBe('turn.completed');
    },
  );

  test('row 13: a context that is too long stops it at once, with its own text', async () => {
    const events = await codexExec(run, provider({ model: 'small' }), 'Write a queue.');
    const said = events.filter(({ type }) => type === 'error').map(({ message }) => message);
    expect(said).toEqual([expect.stringMatching(/ran out of room in the model's context window/)]);
    expect(events.at(-1)?.type).toBe('turn.failed');
  });
});
