import { describe, expect, test } from '@jest/globals';
import { protoRoot } from '@reticle/proto/load';
import fc from 'fast-check';
import { StepFrameReader, StepFrameWriter, TokenFrameWriter, type StepRow } from './index.ts';

const linkResponse = protoRoot().lookupType('reticle.engine.v1.LinkResponse');
const converseResponse = protoRoot().lookupType('reticle.session.v1.ConverseResponse');
const replayResponse = protoRoot().lookupType('reticle.session.v1.ReplayTurnResponse');
const CONVERSION = { longs: Number, defaults: true, arrays: true } as const;

const uint32 = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }));
const token = fc.record({ id: uint32, text: fc.uint8Array({ maxLength: 12 }) });
const row = fc.record({ lane: uint32, firstOffset: uint32, tokens: fc.array(token, { minLength: 1, maxLength: 9 }) });
const mark = fc.record({
  turnId: fc.string({ maxLength: 8 }),
  itemIndex: uint32,
  kind: fc.integer({ min: 0, max: 4 }),
  atOffset: uint32,
  closed: fc.boolean(),
  itemId: fc.string({ maxLength: 8 }),
  callId: fc.string({ maxLength: 8 }),
  toolName: fc.string({ maxLength: 8 }),
});
const frame = fc.record({
  step: fc.maxSafeNat(),
  micros: uint32,
  rows: fc.array(row, { maxLength: 12 }),
  items: fc.array(fc.record({ lane: uint32, mark }), { maxLength: 2 }),
});
type Frame = typeof frame extends fc.Arbitrary<infer Value> ? Value : never;

function columns(tokens: readonly { id: number; text: Uint8Array }[]): Omit<StepRow, 'lane' | 'firstOffset'> {
  const text = Buffer.concat(tokens.map((each) => each.text));
  return {
    count: tokens.length,
    ids: Uint32Array.from(tokens, (each) => each.id),
    lengths: Uint32Array.from(tokens, (each) => each.text.length),
    at: 0,
    text,
    textStart: 0,
    textEnd: text.length,
  };
}

function write(writer: StepFrameWriter, value: Frame): Uint8Array {
  writer.begin(value.step, value.micros);
  for (const each of value.rows)
    writer.row({ lane: each.lane, firstOffset: each.firstOffset, ...columns(each.tokens) });
  for (const item of value.items) writer.item(item.lane, item.mark);
  return writer.finish();
}

function plain(value: Frame): object {
  const tokens = value.rows.flatMap((each) => each.tokens);
  const single = value.rows.every((each) => each.tokens.length === 1);
  return {
    step: value.step,
    micros: value.micros,
    lane: value.rows.map((each) => each.lane),
    firstOffset: value.rows.map((each) => each.firstOffset),
    tokenCount: single ? [] : value.rows.map((each) => each.tokens.length),
    tokenId: tokens.map((each) => each.id),
    textLength: tokens.map((each) => each.text.length),
    text: Buffer.concat(tokens.map((each) => each.text)),
    items: value.items,
  };
}

describe('StepFrame coder', () => {
  test('protobufjs reads what the writer wrote', () => {
    const writer = new StepFrameWriter();
    fc.assert(
      fc.property(frame, (value) => {
        const decoded = linkResponse.toObject(linkResponse.decode(write(writer, value)), CONVERSION);
        expect(decoded['step']).toEqual({ ...plain(value), logprobs: [] });
      }),
    );
  });

  test('the reader reads what protobufjs wrote', () => {
    const reader = new StepFrameReader();
    fc.assert(
      fc.property(frame, (value) => {
        const bytes = linkResponse.encode(linkResponse.fromObject({ step: plain(value) })).finish();
        expect(reader.read(bytes)).toBe(true);
        const text = reader.text.subarray(reader.textStart, reader.textEnd);
        const single = value.rows.every((each) => each.tokens.length === 1);
        expect({
          step: reader.step,
          micros: reader.micros,
          lane: [...reader.lane.subarray(0, reader.rows)],
          firstOffset: [...reader.firstOffset.subarray(0, reader.rows)],
          tokenCount: single ? [] : [...reader.tokenCount.subarray(0, reader.rows)],
          tokenId: [...reader.tokenIds.subarray(0, reader.tokens)],
          textLength: [...reader.textLengths.subarray(0, reader.tokens)],
          text: Buffer.from(text),
          items: reader.items,
        }).toEqual(plain(value));
      }),
    );
  });

  test('other link messages are left to the library', () => {
    const bytes = linkResponse.encode(linkResponse.fromObject({ pong: { nonce: 7 } })).finish();
    expect(new StepFrameReader().read(bytes)).toBe(false);
  });

  test('damaged frames throw RangeError and nothing else', () => {
    const reader = new StepFrameReader();
    const writer = new StepFrameWriter();
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(frame, damage, fc.nat(), (value, flips, cut) => {
        const bytes = Buffer.from(write(writer, value));
        for (const [at, byte] of flips) bytes[1 + (at % Math.max(1, bytes.length - 1))] = byte;
        const short = bytes.subarray(0, bytes.length - (cut % bytes.length));
        try {
          reader.read(short);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});

describe('TokenFrame encoder', () => {
  const run = fc.record({
    firstOffset: uint32,
    itemIndex: uint32,
    engineMicros: uint32,
    tokens: fc.array(token, { minLength: 1, maxLength: 64 }),
    includeTokenIds: fc.boolean(),
    omitText: fc.boolean(),
    turnId: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  });

  test.each([
    { name: 'Converse', envelope: 'converse' as const, type: converseResponse },
    { name: 'ReplayTurn', envelope: 'replay' as const, type: replayResponse },
  ])('$name frames equal protobufjs byte for byte', ({ envelope, type }) => {
    fc.assert(
      fc.property(run, (value) => {
        const { count, lengths, ...rest } = columns(value.tokens);
        let textEnd = rest.textStart;
        const textEnds = lengths.map((length) => (textEnd += length));
        const bytes = new TokenFrameWriter(value.turnId, envelope).encode(
          { ...value, ...rest, idsAt: 0, textEnds, textEndsAt: 0, tokenCount: count },
          value,
        );
        const wanted: Record<string, unknown> = { turnId: value.turnId, tokenCount: count };
        if (value.firstOffset > 0) wanted['firstOffset'] = value.firstOffset;
        if (value.itemIndex > 0) wanted['itemIndex'] = value.itemIndex;
        if (value.engineMicros > 0) wanted['engineMicros'] = value.engineMicros;
        if (value.includeTokenIds) wanted['tokenIds'] = value.tokens.map((each) => each.id);
        if (!value.omitText) {
          if (rest.text.length > 0) wanted['text'] = rest.text;
          if (count > 1) wanted['textLengths'] = value.tokens.map((each) => each.text.length);
        }
        expect(Buffer.from(bytes)).toEqual(Buffer.from(type.encode(type.fromObject({ tokenFrame: wanted })).finish()));
      }),
    );
  });
});
