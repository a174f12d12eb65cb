/** The address that `npm start` prints opens the playground, also where two gateway workers share the port. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { HttpClient } from '../kit/index.ts';
import { RunningCommand } from '../kit/running-command.ts';
import { missingChromium, runPlayground } from './chromium-runs.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const PROMPT = 'Write a queue.';
const missing = await missingChromium();

let platform: RunningCommand;
beforeAll(async () => {
  platform = new RunningCommand(['npm', 'start', '--', '--port', '0', '--http-port', '0', '--gateways', '2']);
  await platform.shows(/Serving until stopped/);
});
afterAll(() => platform[Symbol.asyncDispose]());

type Local = {
  readonly http: string;
  readonly apiKey: string;
  readonly model: string;
  readonly processes: readonly { readonly role: string; readonly pid: number }[];
};
type Turn = {
  readonly text: string;
  readonly seams: readonly object[];
  readonly ending: string;
  readonly words: string;
};

function local(): Local {
  return JSON.parse(readFileSync(join(platform.stateHome, 'reticle/local.json'), 'utf8')) as Local;
}

/** Another address, as a person asks for it. */
async function address(): Promise<string> {
  const command = new RunningCommand(['npm', 'run', '-s', 'reticle', '--', 'playground'], {
    stateHome: platform.stateHome,
  });
  expect(await command.ended).toBe(0);
  return command.stdout.trim();
}

/** What the same platform says to the same prompt over HTTP. */
async function wholeText(): Promise<string> {
  const { http, apiKey, model } = local();
  const answer = await new HttpClient(`http://${http}`, apiKey).post('/v1/responses', { model, input: PROMPT });
  const { output } = (await answer.json()) as { output: [{ content: [{ text: string }] }] };
  return output[0].content[0].text;
}

(missing ? describe.skip : describe)('npm start', () => {
  test('prints where the playground is before anything else that people use', () => {
    const [first = ''] = /http:\S+/.exec(platform.stdout) ?? [];
    expect(first).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/playground\/#[a-z2-7]{26}$/);
  });

  test('`reticle playground` prints another address, which opens once', async () => {
    const another = await address();
    expect(another).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/playground\/#[a-z2-7]{26}$/);
    expect(await runPlayground('again', another)).toMatchObject({ said: [] });
  });

  test('the page opens there, loses its socket twice, and has the whole text in the end', async () => {
    const [printed = ''] = /http:\S+\/playground\/\S+/.exec(platform.stdout) ?? [];
    const { turns, said } = (await runPlayground('kill', printed)) as { turns: readonly [Turn]; said: unknown };
    expect(said).toEqual([]);
    const [{ text, ending, words, seams }] = turns;
    expect({ ending, words, seams: seams.length }).toMatchObject({ ending: 'completed', seams: 2 });
    expect(text).toBe(await wholeText());
  });

  test('every gateway dies under an answer: the page finds them again, and has the whole text in the end', async () => {
    const whole = await wholeText();
    const gateways = local().processes.filter(({ role }) => role === 'gateway');
    const pids = gateways.map(({ pid }) => pid);
    expect(pids).toHaveLength(2);
    const { turns } = (await runPlayground('death', await address(), pids)) as { turns: readonly [Turn] };
    const [{ text, ending, words, seams }] = turns;
    expect({ ending, words }).toMatchObject({ ending: 'completed' });
    expect(seams.length).toBeGreaterThan(0);
    expect(text).toBe(whole);
  });
});
