/**
 * Decoding that refuses what protobufjs lets through or reports as an exception (PROTOCOL §0, §1.1 "Library
 * limits"): a scanner walks the bytes along the schema, and only bytes it accepts reach the library.
 *
 * Refused: messages over `limits.messageBytesMax`, truncated or malformed bytes, groups, nesting over
 * `limits.nestingDepthMax`, invalid UTF-8 in strings, unknown enum values, integers outside their type,
 * 64-bit integers outside ±(2^53−1), a known field with another wire type, two members of one oneof.
 * Unknown fields are ignored; repeated scalars may be packed or not.
 */
import { isUtf8 } from 'node:buffer';
import type protobuf from 'protobufjs';
import { limits, type ErrorCode } from '../contract/index.ts';
import { protoRoot } from './definitions.ts';
import { fieldPlans, WireType, type FieldPlan } from './strict-plan.ts';

/** Why bytes were refused: a code of the registry, a constant text, and the field (`start_turn.input[2].item_json`). */
export type Refusal = { readonly code: ErrorCode; readonly message: string; readonly param: string };

export type StrictResult<Output> =
  | { readonly ok: Output; readonly refusal?: never }
  | { readonly refusal: Refusal; readonly ok?: never };

/** Decodes one message by its full name into the shape of proto/gen. Never throws on any bytes. */
export function strictDecode<Output extends object>(typeName: string, bytes: Uint8Array): StrictResult<Output> {
  let type = types.get(typeName);
  if (type === undefined) types.set(typeName, (type = protoRoot().lookupType(typeName)));
  return strictDecodeType(type, bytes);
}

/** A lookup walks the namespaces, which costs more than a small message. */
const types = new Map<string, protobuf.Type>();

/** As {@link strictDecode}, for a type that is at hand. */
export function strictDecodeType<Output extends object>(type: protobuf.Type, bytes: Uint8Array): StrictResult<Output> {
  if (bytes.length > limits.messageBytesMax) {
    return { refusal: { code: 'request_too_large', message: 'the message is larger than 4 MiB', param: '' } };
  }
  const refusal = new Scanner(bytes).message(type, bytes.length, 1);
  if (refusal !== undefined) return { refusal };
  return { ok: type.toObject(type.decode(bytes), CONVERSION) as Output };
}

/** The shape of proto/gen, as `messageCodec` gives it. */
const CONVERSION = { longs: Number, defaults: true, arrays: true, oneofs: true } as const;

const VARINT_BYTES_MAX = 10;
/** Bytes of a varint that the library reads as 32 bits; it skips blindly past the fifth. */
const VARINT32_BYTES_MAX = 5;
const SAFE_HIGH_MAX = 0x1f_ffff;

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #path: string[] = [];
  #at = 0;
  /** The last varint: 32 bits each, and its length in bytes. */
  #low = 0;
  #high = 0;
  #size = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Scans fields up to `end`; undefined when nothing is wrong. */
  message(type: protobuf.Type, end: number, depth: number): Refusal | undefined {
    if (depth > limits.nestingDepthMax) return this.#refuse('invalid_request', 'the message nests too deeply');
    const plans = fieldPlans(type);
    const counts = new Map<FieldPlan, number>();
    const members = new Map<string, FieldPlan>();
    while (this.#at < end) {
      if (!this.#varint32(end)) return this.#malformed();
      const wire = this.#low & 7;
      const plan = plans.get(this.#low >>> 3);
      if (this.#low >>> 3 === 0 || wire > WireType.fixed32) return this.#malformed();
      if (wire === WireType.startGroup || wire === WireType.endGroup) return this.#malformed();
      const refusal =
        plan === undefined ? this.#skip(wire, end) : this.#known({ plan, wire, end, depth, counts, members });
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #known(field: {
    readonly plan: FieldPlan;
    readonly wire: number;
    readonly end: number;
    readonly depth: number;
    readonly counts: Map<FieldPlan, number>;
    readonly members: Map<string, FieldPlan>;
  }): Refusal | undefined {
    const { plan, wire, end, counts, members } = field;
    const count = counts.get(plan) ?? 0;
    counts.set(plan, count + 1);
    this.#path.push(plan.repeated ? `${plan.name}[${count}]` : plan.name);
    const refusal = this.#oneof(plan, members) ?? this.#value(plan, wire, { end, depth: field.depth });
    if (refusal === undefined) this.#path.pop();
    return refusal;
  }

  /** Two members would leave it to the reader which one counts. */
  #oneof(plan: FieldPlan, members: Map<string, FieldPlan>): Refusal | undefined {
    if (plan.oneof === undefined) return undefined;
    const before = members.get(plan.oneof);
    members.set(plan.oneof, plan);
    if (before === undefined || before === plan) return undefined;
    return this.#refuse('invalid_request', 'only one member of a oneof may be set');
  }

  #value(plan: FieldPlan, wire: number, inside: { end: number; depth: number }): Refusal | undefined {
    if (wire === plan.wire) return this.#one(plan, inside.end, inside.depth);
    if (!plan.packable || wire !== WireType.lengthDelimited) {
      return this.#refuse('missing_required_parameter', 'the field has another type');
    }
    const end = this.#length(inside.end);
    if (end === undefined) return this.#malformed();
    while (this.#at < end) {
      const refusal = this.#one(plan, end, inside.depth);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #one(plan: FieldPlan, end: number, depth: number): Refusal | undefined {
    switch (plan.wire) {
      case WireType.varint:
        return this.#integer(plan, end);
      case WireType.fixed64:
        return this.#advance(8, end);
      case WireType.fixed32:
        return this.#advance(4, end);
      case WireType.lengthDelimited:
        return this.#delimited(plan, end, depth);
    }
  }

  #integer(plan: FieldPlan, end: number): Refusal | undefined {
    if (!this.#varint(end)) return this.#malformed();
    if (plan.kind === 'unsigned64' || plan.kind === 'signed64') {
      if (this.#isSafe(plan.kind === 'signed64')) return undefined;
      return this.#refuse('value_out_of_range', 'the number is above 2^53-1');
    }
    if (this.#fitsType(plan)) return undefined;
    const text = plan.kind === 'enum' ? 'the value is not one of the enum' : 'the number is outside its type';
    return this.#refuse('invalid_request', text);
  }

  #fitsType(plan: FieldPlan): boolean {
    if (!this.#fits32()) return plan.kind === 'signed32' && this.#isNegative32();
    if (plan.kind === 'bool') return this.#low <= 1;
    return plan.kind !== 'enum' || plan.values?.has(this.#low) === true;
  }

  #delimited(plan: FieldPlan, end: number, depth: number): Refusal | undefined {
    const last = this.#length(end);
    if (last === undefined) return this.#malformed();
    if (plan.message !== undefined) return this.message(plan.message, last, depth + 1);
    const text = this.#bytes.subarray(this.#at, last);
    this.#at = last;
    if (plan.kind !== 'string' || isUtf8(text)) return undefined;
    return this.#refuse('invalid_request', 'the text is not valid UTF-8');
  }

  #skip(wire: number, end: number): Refusal | undefined {
    switch (wire) {
      case WireType.varint:
        return this.#varint(end) ? undefined : this.#malformed();
      case WireType.fixed64:
        return this.#advance(8, end);
      case WireType.fixed32:
        return this.#advance(4, end);
      default: {
        const last = this.#length(end);
        if (last === undefined) return this.#malformed();
        this.#at = last;
        return undefined;
      }
    }
  }

  #advance(count: number, end: number): Refusal | undefined {
    this.#at += count;
    return this.#at <= end ? undefined : this.#malformed();
  }

  /** End of a length-delimited value, or undefined when it does not fit. */
  #length(end: number): number | undefined {
    if (!this.#varint32(end)) return undefined;
    const last = this.#at + this.#low;
    return last <= end ? last : undefined;
  }

  #varint32(end: number): boolean {
    return this.#varint(end) && this.#fits32();
  }

  #varint(end: number): boolean {
    let low = 0;
    let high = 0;
    const start = this.#at;
    while (this.#at < end && this.#at - start < VARINT_BYTES_MAX) {
      const byte = this.#bytes[this.#at++] as number;
      const shift = 7 * (this.#at - start - 1);
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift === 28) high |= bits >>> 4;
      if (shift > 28) high |= bits << (shift - 32);
      if (byte >= 0x80) continue;
      this.#low = low >>> 0;
      this.#high = high >>> 0;
      this.#size = this.#at - start;
      return shift < 63 || bits <= 1;
    }
    return false;
  }

  #fits32(): boolean {
    return this.#high === 0 && this.#size <= VARINT32_BYTES_MAX;
  }

  /** A negative int32 is sign-extended to ten bytes. */
  #isNegative32(): boolean {
    return this.#high === 0xffff_ffff && this.#low >= 0x8000_0000 && this.#size === VARINT_BYTES_MAX;
  }

  #isSafe(signed: boolean): boolean {
    if (this.#high <= SAFE_HIGH_MAX) return true;
    return signed && this.#high >= ~SAFE_HIGH_MAX >>> 0 && !(this.#high === ~SAFE_HIGH_MAX >>> 0 && this.#low === 0);
  }

  #malformed(): Refusal {
    return this.#refuse('invalid_request', 'the message is not valid protobuf');
  }

  #refuse(code: ErrorCode, message: string): Refusal {
    return { code, message, param: this.#path.join('.') };
  }
}
