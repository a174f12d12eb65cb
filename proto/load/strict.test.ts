import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { limits } from '../contract/index.ts';
import { messageCodec, protoRoot } from './definitions.ts';
import { strictDecode, strictDecodeType } from './strict.ts';

const CONVERSE = 'reticle.session.v1.ConverseRequest';
const START = 'reticle.session.v1.StartTurn';
const PARAMS = 'reticle.session.v1.Params';
const SPAN = 'reticle.session.v1.TokenSpan';
const DURATION = 'google.protobuf.Duration';

const bytes = (...parts: (number | readonly number[] | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));
const field = (id: number, wire: number): number => (id << 3) | wire;
const delimited = (id: number, body: Uint8Array | readonly number[]): Uint8Array =>
  bytes(field(id, 2), body.length, [...body]);
const MINUS_ONE = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

describe('strict decoding: refused', () => {
  test.each([
    { name: 'a field number 0', type: CONVERSE, input: bytes(0x00, 0x01), wantParam: '' },
    { name: 'a truncated tag', type: CONVERSE, input: bytes(0x80), wantParam: '' },
    { name: 'a varint without its end', type: CONVERSE, input: bytes(field(1, 0), 0xff, 0xff), wantParam: 'seq' },
    {
      name: 'eleven bytes of varint',
      type: PARAMS,
      input: bytes(
        field(3, 0),
        MINUS_ONE.map(() => 0xff),
        0x01,
      ),
      wantParam: 'seed',
    },
    {
      name: 'a varint past 64 bits',
      type: PARAMS,
      input: bytes(field(3, 0), MINUS_ONE.slice(0, 9), 0x02),
      wantParam: 'seed',
    },
    { name: 'a length past the end', type: START, input: bytes(field(1, 2), 5, 0x61), wantParam: 'turn_id' },
    {
      name: 'a length of 2^32',
      type: START,
      input: bytes(field(1, 2), 0x80, 0x80, 0x80, 0x80, 0x10),
      wantParam: 'turn_id',
    },
    {
      name: 'a nested length past its parent',
      type: CONVERSE,
      input: bytes(delimited(3, [field(1, 2), 4]), 0x61, 0x61, 0x61, 0x61),
      wantParam: 'start_turn.turn_id',
    },
    { name: 'a fixed value cut short', type: PARAMS, input: bytes(field(1, 1), 0, 0, 0), wantParam: 'temperature' },
    { name: 'an unknown fixed32 cut short', type: CONVERSE, input: bytes(field(15, 5), 0), wantParam: '' },
    { name: 'a group', type: CONVERSE, input: bytes(field(9, 3), field(9, 4)), wantParam: '' },
    {
      name: 'groups nested 200 deep',
      type: CONVERSE,
      input: bytes(Array.from({ length: 200 }, () => field(9, 3))),
      wantParam: '',
    },
    { name: 'wire type 7', type: CONVERSE, input: bytes(field(9, 7), 0), wantParam: '' },
    {
      name: 'invalid UTF-8',
      type: CONVERSE,
      input: delimited(3, delimited(1, [0xff, 0xfe])),
      wantParam: 'start_turn.turn_id',
    },
    {
      name: 'half a surrogate pair as UTF-8',
      type: START,
      input: delimited(1, [0xed, 0xa0, 0x80]),
      wantParam: 'turn_id',
    },
    {
      name: 'invalid UTF-8 in a repeated item',
      type: START,
      input: bytes(delimited(3, []), delimited(3, delimited(1, [0x80]))),
      wantParam: 'input[1].item_json',
    },
    { name: 'an unknown enum value', type: START, input: bytes(field(9, 0), 5), wantParam: 'tier' },
    { name: 'a negative enum value', type: START, input: bytes(field(9, 0), MINUS_ONE), wantParam: 'tier' },
    {
      name: 'a uint32 of 33 bits',
      type: START,
      input: bytes(field(6, 0), 0x80, 0x80, 0x80, 0x80, 0x10),
      wantParam: 'max_output_tokens',
    },
    { name: 'a negative uint32', type: START, input: bytes(field(6, 0), MINUS_ONE), wantParam: 'max_output_tokens' },
    {
      name: 'a padded uint32, which the library would skip past',
      type: START,
      input: bytes(field(6, 0), 0x81, 0x80, 0x80, 0x80, 0x80, 0x00),
      wantParam: 'max_output_tokens',
    },
    {
      name: 'a packed uint32 of 33 bits',
      type: SPAN,
      input: delimited(1, [1, 0x80, 0x80, 0x80, 0x80, 0x10]),
      wantParam: 'token_ids[0]',
    },
    {
      name: 'an int32 of 33 bits',
      type: DURATION,
      input: bytes(field(2, 0), 0x80, 0x80, 0x80, 0x80, 0x10),
      wantParam: 'nanos',
    },
    { name: 'a bool that is 2', type: START, input: bytes(field(11, 0), 2), wantParam: 'prefill_only' },
    {
      name: 'two members of one oneof',
      type: CONVERSE,
      input: bytes(delimited(2, []), delimited(3, [])),
      wantParam: 'start_turn',
    },
  ])('$name', ({ type, input, wantParam }) => {
    const { refusal } = strictDecode(type, input);
    expect({ code: refusal?.code, param: refusal?.param }).toEqual({ code: 'invalid_request', param: wantParam });
  });

  test.each([
    {
      name: 'a uint64 of 2^53',
      type: PARAMS,
      input: bytes(field(3, 0), 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10),
      want: 'value_out_of_range',
    },
    {
      name: 'an int64 of -2^53',
      type: DURATION,
      input: bytes(field(1, 0), 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xf0, 0xff, 0x01),
      want: 'value_out_of_range',
    },
    {
      name: 'a number where a text belongs',
      type: START,
      input: bytes(field(1, 0), 1),
      want: 'missing_required_parameter',
    },
    {
      name: 'a text where a number belongs',
      type: CONVERSE,
      input: delimited(1, [0x61]),
      want: 'missing_required_parameter',
    },
    {
      name: 'a fixed64 where a message belongs',
      type: CONVERSE,
      input: bytes(field(3, 1), new Uint8Array(8)),
      want: 'missing_required_parameter',
    },
    {
      name: 'a byte over the limit',
      type: CONVERSE,
      input: new Uint8Array(limits.messageBytesMax + 1),
      want: 'request_too_large',
    },
  ])('$name is $want', ({ type, input, want }) => {
    expect(strictDecode(type, input).refusal?.code).toBe(want);
  });

  const nested = protobuf.parse('syntax="proto3"; message Tree { Tree child = 1; string name = 2; }').root;
  const tree = nested.lookupType('Tree');
  const deep = (levels: number): Uint8Array => {
    let message: object = { name: 'leaf' };
    for (let level = 1; level < levels; level++) message = { child: message };
    return tree.encode(tree.fromObject(message)).finish();
  };

  test('nesting is accepted to its limit and not past it', () => {
    expect(strictDecodeType(tree, deep(limits.nestingDepthMax)).refusal).toBeUndefined();
    expect(strictDecodeType(tree, deep(limits.nestingDepthMax + 1)).refusal?.message).toMatch(/nests too deeply/);
  });
});

describe('strict decoding: accepted', () => {
  test.each([
    { name: 'nothing at all', type: START, input: bytes(), want: { turnId: '', input: [] } },
    {
      name: 'unknown fields of every wire type',
      type: CONVERSE,
      input: bytes(
        field(15, 0),
        1,
        field(15, 1),
        new Uint8Array(8),
        delimited(15, [1]),
        field(15, 5),
        new Uint8Array(4),
        field(1, 0),
        7,
      ),
      want: { seq: 7 },
    },
    { name: 'packed numbers', type: SPAN, input: delimited(1, [1, 2, 0x80, 0x01]), want: { tokenIds: [1, 2, 128] } },
    {
      name: 'numbers that are not packed',
      type: SPAN,
      input: bytes(field(1, 0), 1, field(1, 0), 2),
      want: { tokenIds: [1, 2] },
    },
    {
      name: 'the largest uint32',
      type: START,
      input: bytes(field(6, 0), 0xff, 0xff, 0xff, 0xff, 0x0f),
      want: { maxOutputTokens: 0xffff_ffff },
    },
    {
      name: 'the largest safe uint64',
      type: PARAMS,
      input: bytes(field(3, 0), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f),
      want: { seed: Number.MAX_SAFE_INTEGER },
    },
    {
      name: 'negative int64 and int32',
      type: DURATION,
      input: bytes(field(1, 0), MINUS_ONE, field(2, 0), MINUS_ONE),
      want: { seconds: -1, nanos: -1 },
    },
    {
      name: 'a field given twice: the last one counts',
      type: CONVERSE,
      input: bytes(field(1, 0), 1, field(1, 0), 2),
      want: { seq: 2 },
    },
  ])('$name', ({ type, input, want }) => {
    expect(strictDecode(type, input).ok).toMatchObject(want);
  });
});

describe('strict decoding: properties', () => {
  const types = [
    CONVERSE,
    START,
    PARAMS,
    DURATION,
    'reticle.session.v1.ReplayTurnRequest',
    'reticle.engine.v1.StepFrame',
  ];

  test('no bytes make it throw, and what it accepts the library decodes alike', () => {
    const noise = fc.array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 0x62 })), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(fc.constantFrom(...types), noise, (type, input) => {
        const wire = Uint8Array.from(input);
        const result = strictDecode(type, wire);
        if (result.refusal === undefined) expect(result.ok).toEqual(messageCodec(type).decode(wire));
      }),
      { numRuns: 3_000 },
    );
  });

  test('a mutated message never throws', () => {
    const start = {
      turnId: 't1',
      input: [{ itemJson: '{"role":"user"}' }, { tokens: { tokenIds: [1, 2, 300] } }],
      maxOutputTokens: 9,
      maxDuration: { seconds: 4, nanos: 5 },
    };
    const valid = messageCodec<object, object>(CONVERSE).encode({ seq: 3, startTurn: start });
    fc.assert(
      fc.property(
        fc.nat(valid.length - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(valid.length),
        (at, byte, length) => {
          const mutated = valid.slice(0, length);
          if (at < length) mutated[at] = byte;
          const { ok, refusal } = strictDecode(CONVERSE, mutated);
          expect((ok === undefined) !== (refusal === undefined)).toBe(true);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test('every message that the library encodes passes and comes back equal', () => {
    fc.assert(
      fc.property(
        fc
          .constantFrom(...types)
          .chain((name) => fc.tuple(fc.constant(name), arbitraryOf(protoRoot().lookupType(name)))),
        ([name, message]) => {
          const wire = messageCodec(name).encode(message);
          expect(strictDecode(name, wire)).toEqual({ ok: messageCodec(name).decode(wire) });
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** Random values of a message type; of a oneof, at most one member. */
function arbitraryOf(type: protobuf.Type): fc.Arbitrary<object> {
  const single = type.fieldsArray.filter((each) => each.partOf === null || each.options?.['proto3_optional'] === true);
  const parts: fc.Arbitrary<object>[] = [record(single)];
  for (const oneof of type.oneofsArray) {
    const members = oneof.fieldsArray.filter((each) => each.options?.['proto3_optional'] !== true);
    if (members.length > 0) parts.push(fc.oneof(...members.map((member) => record([member]))));
  }
  return fc.tuple(...parts).map((each) => Object.assign({}, ...each) as object);
}

function record(fields: readonly protobuf.Field[]): fc.Arbitrary<object> {
  return fc.record(Object.fromEntries(fields.map((each) => [each.name, valueOf(each.resolve())])), {
    requiredKeys: [],
  });
}

function valueOf(each: protobuf.Field): fc.Arbitrary<unknown> {
  const one = scalarOf(each);
  return each.repeated ? fc.array(one, { maxLength: 3 }) : one;
}

const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  uint32: fc.integer({ min: 0, max: 0xffff_ffff }),
  int32: fc.integer(),
  uint64: fc.maxSafeNat(),
  fixed64: fc.maxSafeNat(),
  int64: fc.maxSafeInteger(),
  bool: fc.boolean(),
  string: fc.string({ unit: 'grapheme', maxLength: 8 }),
  bytes: fc.uint8Array({ maxLength: 8 }),
  double: fc.double({ noNaN: true }),
  float: fc.float({ noNaN: true }),
};

function scalarOf(each: protobuf.Field): fc.Arbitrary<unknown> {
  if (each.resolvedType instanceof protobuf.Enum) return fc.constantFrom(...Object.values(each.resolvedType.values));
  if (each.resolvedType instanceof protobuf.Type) return arbitraryOf(each.resolvedType);
  const scalar = scalars[each.type];
  if (scalar === undefined) throw new Error(`no values for ${each.type}`);
  return scalar;
}
