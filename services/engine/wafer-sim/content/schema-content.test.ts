import { describe, expect, test } from '@jest/globals';
import { GrammarWalk, parseTextFormat } from '@reticle/core/domain';
import { tokenise } from '@reticle/core/domain/tokens';
import fc from 'fast-check';

import { oracleMix } from './oracle-key.ts';
import { turnContent, type TurnContentOptions } from './turn-content.ts';
import { writtenTokens } from './written-tokens.ts';

const VOCAB = 201_088;
const FORMAT = JSON.stringify({
  type: 'json_schema',
  schema: {
    type: 'object',
    properties: {
      title: { type: 'string', minLength: 20, maxLength: 30 },
      größe: { enum: ['klein', 'groß', 3] },
      rows: { type: 'array', items: { type: ['number', 'null'] }, minItems: 2, maxItems: 4 },
      done: { type: 'boolean' },
    },
    required: ['title', 'größe', 'rows'],
  },
});
const asked: TurnContentOptions = {
  mode: 'hash',
  modelDigest: 'sha256:ab',
  seed: 3,
  choice: 0,
  inputIds: Uint32Array.of(1, 2, 3),
  vocab: VOCAB,
  textFormat: FORMAT,
};

function turn(change: Partial<TurnContentOptions> = {}) {
  const { key, content, completeTokens } = turnContent({ ...asked, ...change });
  if (completeTokens === undefined) throw new Error('a schema turn is complete by itself');
  const written = writtenTokens(content, 0, completeTokens);
  return { key, content, completeTokens, written, text: Buffer.from(written.text).toString() };
}

describe('content under a schema', () => {
  test('is a JSON text of the schema whose tokens a client that sends it again arrives at', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 7 }), (seed, choice) => {
        const { text, written } = turn({ seed, choice });
        const value = JSON.parse(text) as Record<string, unknown>;
        expect(Object.keys(value).slice(0, 3)).toEqual(['title', 'größe', 'rows']);
        expect(value['title']).toMatch(/^.{20,30}$/);
        expect(['klein', 'groß', 3]).toContain(value['größe']);
        const again = tokenise(text, VOCAB);
        expect(again.ids).toEqual(written.ids);
        expect([...again.lengths]).toEqual([...written.lengths]);
      }),
      { numRuns: 50 },
    );
  });

  test('takes legal[h(k) mod |legal|] at every offset k', () => {
    const { key, text, completeTokens } = turn();
    const grammar = parseTextFormat(FORMAT, 'format');
    if (grammar === undefined) throw new Error('the schema has a grammar');
    const walk = new GrammarWalk(grammar);
    const pieces: Uint8Array[] = [];
    for (let k = 0; k < completeTokens; k += 1) pieces.push(walk.take(oracleMix(key, k) % walk.legal.length));
    expect(walk.legal).toEqual([]);
    expect(Buffer.concat(pieces).toString()).toBe(text);
  });

  test.each([
    { name: 'choice', change: { choice: 1 } },
    { name: 'seed', change: { seed: 4 } },
    { name: 'model', change: { modelDigest: 'sha256:ac' } },
    { name: 'context', change: { inputIds: Uint32Array.of(1, 2, 4) } },
  ])('differs by $name', ({ change }) => {
    expect(turn(change).text).not.toBe(turn().text);
  });

  test('is alike in both token modes, and knows no canary', () => {
    expect(turn({ mode: 'code', lastUserText: 'sort the parcels' }).text).toBe(turn().text);
    expect(turn({ canary: 'abc234' }).text).toBe(turn().text);
  });

  test('is followed by newlines, however it is asked for', () => {
    const { content, completeTokens, written } = turn();
    const across = writtenTokens(content, completeTokens - 1, 4);
    const beyond = writtenTokens(content, completeTokens + 100, 3);
    const newline = tokenise('\n', VOCAB).ids[0] ?? 0;
    expect([...across.ids]).toEqual([written.ids.at(-1), newline, newline, newline]);
    expect(Buffer.from(across.text).toString()).toBe('}\n\n\n');
    expect([...beyond.ids, ...beyond.lengths]).toEqual([newline, newline, newline, 1, 1, 1]);
    expect(writtenTokens(content, 3, 0).text).toHaveLength(0);
  });

  test('of format text is that of no format', () => {
    const { content, completeTokens } = turnContent({ ...asked, textFormat: '{"type":"text"}' });
    const plain = turnContent({ ...asked, textFormat: undefined });
    expect(completeTokens).toBeUndefined();
    expect(writtenTokens(content, 0, 300)).toEqual(writtenTokens(plain.content, 0, 300));
  });

  test('of a format that is none is refused by name', () => {
    expect(() => turn({ textFormat: '{"type":"json_schema","schema":{"pattern":"(a+)+$"}}' })).toThrow(
      expect.objectContaining({ code: 'schema_too_complex', param: 'params.text_format_json' }),
    );
  });
});
