import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limits } from '@reticle/proto/contract';
import type { TokenRun } from './front.ts';
import { BLOCK_TOKENS, blockEnd } from './transcript-blocks.ts';
import { Transcript } from './transcript.ts';

const idOf = (offset: number): number => (offset * 7 + 3) % 100_000;
const textOf = (offset: number): string => `${offset},`.repeat(1 + (offset % 3));
const bytesOf = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => textOf(from + index)).join('');

/** A row of tokens [from, to) that lies somewhere inside the columns of its frame. */
function row(from: number, to: number, skew = 0) {
  const offsets = Array.from({ length: to - from }, (_, index) => from + index);
  const lengths = offsets.map((offset) => textOf(offset).length);
  const text = Buffer.from('#'.repeat(skew) + bytesOf(from, to));
  return {
    lane: 1,
    firstOffset: from,
    count: to - from,
    ids: Uint32Array.from([...Array.from({ length: skew }, () => 0), ...offsets.map(idOf)]),
    lengths: Uint32Array.from([...Array.from({ length: skew }, () => 9), ...lengths]),
    at: skew,
    text,
    textStart: skew,
    textEnd: text.length,
  };
}

const emptyRun = (): { -readonly [Key in keyof TokenRun]: TokenRun[Key] } => ({
  turnId: 't',
  firstOffset: 0,
  tokenCount: 0,
  itemIndex: 0,
  engineMicros: 0,
  ids: new Uint32Array(0),
  idsAt: 0,
  text: new Uint8Array(0),
  textStart: 0,
  textEnds: new Uint32Array(0),
  textEndsAt: 0,
});

/** Everything of [from, to), read in runs as a reader would. */
function read(transcript: Transcript, from: number, to: number) {
  const run = emptyRun();
  const ids: number[] = [];
  const micros: number[] = [];
  let text = '';
  for (let at = from; at < to; at = run.firstOffset + run.tokenCount) {
    transcript.view(run, at, Math.min(to, at + limits.frameTokensMax, blockEnd(at)));
    ids.push(...run.ids.subarray(run.idsAt, run.idsAt + run.tokenCount));
    const last = run.textEnds[run.textEndsAt + run.tokenCount - 1];
    text += Buffer.from(run.text.subarray(run.textStart, last)).toString('utf8');
    micros.push(run.engineMicros);
  }
  return { ids, text, micros };
}

const want = (from: number, to: number) => ({
  ids: Array.from({ length: to - from }, (_, index) => idOf(from + index)),
  text: bytesOf(from, to),
});

describe('Transcript', () => {
  test('property: whatever the rows, repeats and cuts, it holds each token once, as it was sent', () => {
    const rows = fc.array(fc.record({ more: fc.nat(700), back: fc.nat(40), skew: fc.nat(3) }), { maxLength: 8 });
    fc.assert(
      fc.property(rows, fc.nat(3_000), fc.nat(3_000), (each, cutAt, readFrom) => {
        const transcript = new Transcript();
        for (const { more, back, skew } of each) {
          const from = Math.max(0, transcript.end - back);
          expect(transcript.append(row(from, transcript.end + more, skew), more)).toBe(true);
        }
        const end = Math.min(cutAt, transcript.end);
        transcript.cut(cutAt);
        expect(transcript.end).toBe(end);
        const from = Math.min(readFrom, end);
        expect(read(transcript, from, end)).toMatchObject(want(from, end));
        expect([...transcript.ids]).toEqual(want(0, end).ids);
        expect(transcript.append(row(end, end + 5), 1)).toBe(true);
        expect(transcript.end).toBe(Math.min(cutAt, end + 5));
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    { name: 'a gap', given: row(6, 9) },
    { name: 'another token in place of one that is held', given: { ...row(3, 8), ids: new Uint32Array(5) } },
  ])('refuses $name and takes nothing', ({ given }) => {
    const transcript = new Transcript();
    transcript.append(row(0, 5), 1);
    expect(transcript.append(given, 1)).toBe(false);
    expect(transcript.end).toBe(5);
  });

  test('keeps the text of a ring and the ids of the whole turn', () => {
    const transcript = new Transcript();
    const tokens = 24_700;
    for (let at = 0; at < tokens; at += 100) transcript.append(row(at, at + 100), at);
    expect(transcript.oldest).toBe(tokens - limits.ringTokens);
    expect(read(transcript, transcript.oldest, tokens)).toMatchObject(want(transcript.oldest, tokens));
    expect([...transcript.ids]).toEqual(want(0, tokens).ids);
    expect(() => read(transcript, transcript.oldest - 1, tokens)).toThrow('can be read');
  });

  test('blocks that one turn leaves carry nothing of it into the next', () => {
    const first = new Transcript();
    for (let at = 0; at < limits.ringTokens * 2; at += BLOCK_TOKENS) first.append(row(at, at + BLOCK_TOKENS), at);
    first.cut(0);
    const second = new Transcript();
    second.append(row(0, 1), 1);
    const run = emptyRun();
    second.view(run, 0, 1);
    const used = textOf(0).length;
    expect(Buffer.from(run.text.subarray(used)).every((byte) => byte === 0)).toBe(true);
    expect(run.textEnds.subarray(1).every((end) => end === 0)).toBe(true);
  });

  test('goes on from ids that another gateway had, whose text cannot be read here', () => {
    const transcript = new Transcript();
    transcript.seed(want(0, 700).ids, 700);
    expect([transcript.end, transcript.oldest]).toEqual([700, 700]);
    expect(transcript.append(row(690, 1_300), 5)).toBe(true);
    expect(read(transcript, 700, 1_300)).toMatchObject(want(700, 1_300));
    expect([...transcript.ids]).toEqual(want(0, 1_300).ids);
  });

  test('knows when each token was due', () => {
    const transcript = new Transcript();
    transcript.append(row(0, 600), 10);
    transcript.append(row(600, 601), 20);
    expect([transcript.microsAt(599), transcript.microsAt(600)]).toEqual([10, 20]);
    expect(read(transcript, 590, 601).micros).toEqual([20]);
  });
});
