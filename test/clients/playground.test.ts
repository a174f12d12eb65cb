/** The playground in a real Chromium: what a person sees is what the engine said, to the token (PROTOCOL §4.1a). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  flatChain,
  OracleContext,
  startTestPlatform,
  userItem,
  type OracleTurn,
  type TestPlatform,
} from '../kit/index.ts';
import { builtPlayground } from './built-playground.ts';
import { missingChromium, runPlayground } from './chromium-runs.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

/** Four seconds: hands that are slow still come before the end. */
const TOKENS = 4_000;
const chain = flatChain(1_000, { servedName: 'spark', maxOutputTokens: TOKENS });
const PROMPT = 'Write a queue.';
const SECOND = 'Make it a ring buffer.';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startTestPlatform({ chains: [chain], playground: builtPlayground() });
});
afterAll(() => platform[Symbol.asyncDispose]());

type Seen = {
  readonly prompt: string;
  readonly text: string;
  readonly ending: string;
  readonly words: string;
  readonly seams: readonly { readonly label: string; readonly before: string }[];
};
type Called = {
  readonly turns: readonly [Seen, Seen];
  readonly figures: Readonly<Record<string, string>>;
  readonly status: string;
  /** What the browser complained about. */
  readonly said: readonly string[];
  readonly [more: string]: unknown;
};

async function call(name: string): Promise<Called> {
  const address = `${platform.httpOf()}/playground/#${await platform.codeOf('acme')}`;
  return (await runPlayground(name, address)) as Called;
}

const first = OracleContext.root(chain).turn({ input: [userItem(PROMPT)] });
const textOf = (turn: OracleTurn, tokens: number): string => Buffer.from(turn.tokens(0, tokens).text).toString();
/** How many whole tokens of a turn a text is. */
function tokensIn(turn: OracleTurn, text: string): number {
  const bytes = Buffer.byteLength(text);
  for (let tokens = 0; tokens <= TOKENS; tokens++) if (turn.tokens(0, tokens).text.length >= bytes) return tokens;
  return TOKENS;
}
const number = (figure: string | undefined): number => Number((figure ?? '').replaceAll(',', ''));

const missing = await missingChromium();

(missing ? describe.skip : describe)('the playground', () => {
  test('loads without a complaint, holds no key, and speaks with its own server only', async () => {
    const { url, policy, all, said, blocked, byPolicy, title, unnamed } = await call('load');
    expect({ url, said, title, unnamed, blocked, byPolicy }).toEqual({
      url: `${platform.httpOf()}/playground/`,
      said: [],
      title: 'Reticle playground',
      unnamed: 0,
      blocked: 'TypeError',
      byPolicy: true,
    });
    expect(policy).toContain("default-src 'self'; connect-src 'self' ws: wss:;");
    expect(all).not.toMatch(/rtk_/);
    expect(all).not.toContain(platform.keyOf('acme'));
  });

  test('a turn: its whole text, its figures, and who served', async () => {
    const { turns, rate, figures, status, said } = await call('turn');
    expect(said).toEqual([]);
    expect(turns).toMatchObject([{ prompt: PROMPT, ending: 'length', text: textOf(first, TOKENS), seams: [] }]);
    expect(rate).toBeGreaterThan(0);
    expect(figures).toMatchObject({ Model: 'spark', Tier: 'ultrafast', Region: 'test-1', Tokens: '4,000' });
    expect([figures['Engine'], figures['Epoch']]).not.toContain('–');
    expect(figures['First token']).toMatch(/^[\d.]+ ms$/);
    expect(status).toMatch(/^Ended at its length: 4,000 tokens at [\d,]+ tokens\/s\.$/);
  });

  test('Esc cuts at what is on the screen, and the next turn goes on from there', async () => {
    const { turns, figures, said } = await call('cut');
    const cutAt = number(figures['Cut at token']);
    expect(said).toEqual([]);
    expect(turns[0]).toMatchObject({ ending: 'stopped', text: textOf(first, cutAt) });
    expect(number(figures['Generated'])).toBe(cutAt + number(figures['Wasted (discarded)']));
    expect(turns[0].words).toContain(`Cut at token ${cutAt}`);
    const second = first.after(cutAt).turn({ input: [userItem(SECOND)] });
    expect(turns[1].ending).toBe('stopped');
    expect(turns[1].text).toBe(textOf(second, tokensIn(second, turns[1].text)));
    expect(turns[1].text).not.toBe('');
  });

  test('a prompt while it answers redirects: a cut and a successor in one message', async () => {
    const { turns, figures, said } = await call('redirect');
    const cutAt = number(figures['Cut at token']);
    const second = first.after(cutAt).turn({ input: [userItem(SECOND)] });
    expect(said).toEqual([]);
    expect(turns).toMatchObject([
      { ending: 'redirected', text: textOf(first, cutAt) },
      { ending: 'length', prompt: SECOND, text: textOf(second, TOKENS) },
    ]);
  });

  test('a killed socket, twice: the text goes on at the exact token, and the page shows where', async () => {
    const { turns, status, said } = await call('kill');
    const [{ text, seams, ending }] = turns;
    expect(said).toEqual([]);
    expect(text).toBe(textOf(first, TOKENS));
    expect(ending).toBe('length');
    expect(seams).toHaveLength(2);
    for (const { label } of seams) expect(label).toMatch(/^resumed at token \d/);
    const at = number(seams[0]?.label.replace('resumed at token ', ''));
    expect(seams[0]?.before).toBe(textOf(first, at));
    expect(status).toBe(`Resumed at token ${at}.`);
  });

  test('a reload needs no other address', async () => {
    expect(await call('reload')).toMatchObject({ url: `${platform.httpOf()}/playground/`, said: [] });
  });

  test('its address opens one tab', async () => {
    const { status } = await call('again');
    expect(status).toContain('was used already');
  });
});
