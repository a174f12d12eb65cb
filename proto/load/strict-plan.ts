import protobuf from 'protobufjs';

/** Wire types of protobuf. */
export const WireType = {
  varint: 0,
  fixed64: 1,
  lengthDelimited: 2,
  startGroup: 3,
  endGroup: 4,
  fixed32: 5,
} as const;

/** What the scanner must know of one field. */
export type FieldPlan = {
  /** As the .proto file spells it. */
  readonly name: string;
  readonly repeated: boolean;
  /** A repeated scalar: also accepted as one length-delimited value. */
  readonly packable: boolean;
  /** Wire type of one value. */
  readonly wire: 0 | 1 | 2 | 5;
  readonly kind: FieldKind;
  /** Set for `enum`. */
  readonly values: ReadonlySet<number> | undefined;
  /** Set for nested messages. */
  readonly message: protobuf.Type | undefined;
  /** The oneof it is a member of; an `optional` field's synthetic one does not count. */
  readonly oneof: string | undefined;
};

export type FieldKind =
  | 'unsigned32'
  | 'signed32'
  | 'unsigned64'
  | 'signed64'
  | 'bool'
  | 'enum'
  | 'fixed'
  | 'string'
  | 'bytes'
  | 'message';

const KINDS: Readonly<Record<string, FieldKind>> = {
  uint32: 'unsigned32',
  sint32: 'unsigned32',
  int32: 'signed32',
  uint64: 'unsigned64',
  sint64: 'unsigned64',
  int64: 'signed64',
  bool: 'bool',
  string: 'string',
  bytes: 'bytes',
};

const cache = new WeakMap<protobuf.Type, ReadonlyMap<number, FieldPlan>>();

/** Fields of a message type by number; made once per type. */
export function fieldPlans(type: protobuf.Type): ReadonlyMap<number, FieldPlan> {
  let plans = cache.get(type);
  if (plans === undefined) {
    plans = new Map(type.fieldsArray.map((field) => [field.id, planOf(field.resolve())]));
    cache.set(type, plans);
  }
  return plans;
}

function planOf(field: protobuf.Field): FieldPlan {
  if (field.map) throw new Error(`invariant: strict decoding knows no maps (${field.fullName})`);
  const wire = wireOf(field);
  const synthetic = field.options?.['proto3_optional'] === true;
  return {
    name: field.name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    repeated: field.repeated,
    packable: field.repeated && wire !== WireType.lengthDelimited,
    wire,
    kind: kindOf(field),
    values: field.resolvedType instanceof protobuf.Enum ? new Set(Object.values(field.resolvedType.values)) : undefined,
    message: field.resolvedType instanceof protobuf.Type ? field.resolvedType : undefined,
    oneof: synthetic ? undefined : field.partOf?.name,
  };
}

function wireOf(field: protobuf.Field): FieldPlan['wire'] {
  if (field.resolvedType instanceof protobuf.Type) return WireType.lengthDelimited;
  if (field.resolvedType instanceof protobuf.Enum) return WireType.varint;
  return protobuf.types.basic[field.type as keyof typeof protobuf.types.basic] as FieldPlan['wire'];
}

function kindOf(field: protobuf.Field): FieldKind {
  if (field.resolvedType instanceof protobuf.Enum) return 'enum';
  if (field.resolvedType instanceof protobuf.Type) return 'message';
  return KINDS[field.type] ?? 'fixed';
}
