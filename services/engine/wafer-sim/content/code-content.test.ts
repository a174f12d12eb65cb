import { stripTypeScriptTypes } from 'node:module';

import { describe, expect, test } from '@jest/globals';
import { tokenise } from '@reticle/core/domain/tokens';

import { renderBlock } from './code-content.ts';
import { identifierWords } from './code-words.ts';
import { turnContent, type TurnContentOptions } from './turn-content.ts';
import { writtenTokens } from './written-tokens.ts';

const VOCAB = 201_088;
const asked: TurnContentOptions = {
  mode: 'code',
  modelDigest: `sha256:${'0'.repeat(64)}`,
  seed: 7,
  choice: 0,
  inputIds: tokenise('user\nhello\nassistant\n', VOCAB).ids,
  vocab: VOCAB,
  lastUserText: 'Write a rate limiter for orders',
};

function textOf(options: TurnContentOptions, count: number): string {
  return Buffer.from(writtenTokens(turnContent(options).content, 0, count).text).toString();
}

describe('code content', () => {
  test('tokenises to its own ids and lengths', () => {
    const written = writtenTokens(turnContent(asked).content, 0, 20_000);
    const again = tokenise(Buffer.from(written.text).toString(), VOCAB);
    expect([...again.ids]).toEqual([...written.ids]);
    expect([...again.lengths]).toEqual([...written.lengths]);
  });

  test('is its blocks, one after the other', () => {
    const { key } = turnContent(asked);
    const words = identifierWords(asked.lastUserText);
    const blocks = Array.from({ length: 40 }, (_, index) => renderBlock(key, words, index)).join('');
    const text = textOf(asked, 2000);
    expect(blocks.startsWith(text)).toBe(true);
    expect(text.length).toBeGreaterThan(4000);
  });

  test.each([
    { name: 'the message', text: asked.lastUserText, want: /\b(Rate|Limiter|Order)[A-Z]/ },
    { name: 'nothing', text: undefined, want: /\b(Order|Sensor|Ticket)[A-Z]/ },
  ])('names things after $name', ({ text, want }) => {
    const types = textOf({ ...asked, lastUserText: text }, 4000).match(/export (type|interface) \w+/g) ?? [];
    expect(types.length).toBeGreaterThan(5);
    for (const declared of types) expect(declared).toMatch(want);
  });

  test.each([
    { name: 'seed', change: { seed: 8 } },
    { name: 'choice', change: { choice: 1 } },
    { name: 'digest', change: { modelDigest: 'sha256:other' } },
    { name: 'context', change: { inputIds: Uint32Array.of(1) } },
    { name: 'message', change: { lastUserText: 'Parse a tree' } },
  ])('is another text for another $name', ({ change }) => {
    expect(textOf({ ...asked, ...change }, 400)).not.toBe(textOf(asked, 400));
  });

  test.each([
    {
      name: 'chosen words',
      words: identifierWords('rate limiter, index, unit, http, user, entity, ant'),
      chapters: 230,
    },
    { name: 'default words', words: identifierWords(undefined), chapters: 170 },
  ])('is a program: it declares each name once and its own tests pass, with $name', ({ words, chapters }) => {
    const key = { a: 597_279_219, b: 1_693_943_036, lengthByte: 0 };
    const blocks = Array.from({ length: 4 * chapters }, (_, index) => renderBlock(key, words, index + 1));
    const program = stripTypeScriptTypes(blocks.join('')).replaceAll(/^export /gm, '');
    const ran: string[] = [];
    const run = (name: string, body: () => void) => {
      body();
      ran.push(name);
    };
    const runEach = (rows: readonly unknown[]) => (name: string, body: (row: unknown) => void) => {
      for (const row of rows) run(name, () => body(row));
    };
    // oxlint-disable-next-line typescript/no-implied-eval -- the program comes from this folder's templates
    const start = new Function('expect', 'test', `'use strict';\n${program}`);
    start(expect, Object.assign(run, { each: runEach }));
    expect(ran.length).toBeGreaterThanOrEqual(chapters);
  });
});
