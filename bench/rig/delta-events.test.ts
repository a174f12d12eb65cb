import { describe, expect, test } from '@jest/globals';
import { DeltaEvents, endingOf } from './delta-events.ts';
import { TokenCheck } from './token-check.ts';
import { ORACLE_TOKEN_BYTES, TurnOracle } from './turn-oracle.ts';

const turn = { modelDigest: `sha256:${'0'.repeat(64)}`, seed: 1, inputIds: [1] };
const text = Buffer.from(new TurnOracle(turn).write(0, 400));
/** The first token whose last byte is the first of a character. */
const split = Array.from({ length: 399 }, (_, token) => token).find(
  (token) => text[(token + 1) * ORACLE_TOKEN_BYTES - 1] === 0xc3,
) as number;

/** A delta over whole characters of [from, to) bytes that counts `end` tokens. */
function delta(from: number, to: number, end: number): Buffer {
  const fields = { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, logprobs: [] };
  return Buffer.from(JSON.stringify({ ...fields, sequence_number: 64 * end, delta: text.toString('utf8', from, to) }));
}

function taken(events: readonly Buffer[]) {
  const check = new TokenCheck(new TurnOracle(turn));
  const deltas = new DeltaEvents(check);
  // As it stands in a socket's memory, with other bytes around it.
  const counts = events.map((event) => {
    const bytes = Buffer.concat([Buffer.from('data: '), event, Buffer.from('\n\ndata: "')]);
    const isDelta = deltas.take(bytes, 6, 6 + event.length);
    return isDelta ? { end: deltas.end, tokens: deltas.tokens } : undefined;
  });
  const { next, lost, doubled, altered } = check;
  return { counts, next, faults: [lost, doubled, altered] };
}

describe('DeltaEvents', () => {
  test('reads whole tokens', () => {
    expect(taken([delta(0, 8, 1), delta(8, 32, 4)])).toEqual({
      counts: [
        { end: 1, tokens: 1 },
        { end: 4, tokens: 3 },
      ],
      next: 4,
      faults: [0, 0, 0],
    });
  });

  test('waits for the last byte of a token that ends inside a character', () => {
    const end = (split + 1) * ORACLE_TOKEN_BYTES;
    const { counts, faults, next } = taken([delta(0, end - 1, split + 1), delta(end - 1, end + 8, split + 2)]);
    expect(counts.map((each) => each?.end)).toEqual([split + 1, split + 2]);
    expect(next).toBe(split + 2);
    expect(faults).toEqual([0, 0, 0]);
  });

  test.each([
    { name: 'a lost token', events: [delta(0, 8, 1), delta(16, 24, 3)], want: [1, 0, 0] },
    { name: 'a doubled one', events: [delta(0, 8, 1), delta(0, 8, 1)], want: [0, 1, 0] },
    { name: 'another text', events: [delta(8, 16, 1)], want: [0, 0, 1] },
  ])('counts $name', ({ events, want }) => {
    expect(taken(events).faults).toEqual(want);
  });

  test('leaves other events alone', () => {
    expect(taken([Buffer.from('{"type":"response.created","sequence_number":16}')]).counts).toEqual([undefined]);
  });

  test.each([
    { name: 'half a token', event: delta(0, 4, 1) },
    { name: 'a number that is no offset', event: Buffer.from(delta(0, 8, 1).toString().replace(':64', ':65')) },
    { name: 'no number', event: Buffer.from('{"type":"response.output_text.delta","delta":"abcdefg "}') },
  ])('refuses $name', ({ event }) => {
    expect(() => taken([event])).toThrow(RangeError);
  });
});

describe('endingOf', () => {
  test.each([
    { json: '{"type":"response.completed"}', want: 'response.completed' },
    { json: '{"type":"response.incomplete"}', want: 'response.incomplete' },
    { json: '{"type":"error","status":429}', want: '{"type":"error","status":429}' },
    { json: '{"type":"response.failed"}', want: '{"type":"response.failed"}' },
    { json: '{"type":"response.created"}', want: undefined },
    { json: '{"type":"response.output_item.added"}', want: undefined },
  ])('of $json is $want', ({ json, want }) => {
    expect(endingOf(json)).toBe(want);
  });
});
