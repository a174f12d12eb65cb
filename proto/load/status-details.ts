/**
 * `google.rpc.Status` as it travels in `grpc-status-details-bin` (PROTOCOL §6.3). grpc-js offers nothing for
 * it, so the six message types stand here as protobufjs reflection, with the field numbers of googleapis'
 * google/rpc/status.proto and error_details.proto.
 */
import protobuf from 'protobufjs';
import { ERROR_DOMAIN } from '../contract/index.ts';

export type FieldViolation = { readonly field: string; readonly description: string };
export type QuotaViolation = { readonly subject: string; readonly description: string };

export type StatusDetails = {
  /** gRPC status number. */
  readonly grpcCode: number;
  readonly message: string;
  /** Code of the registry in lower case; it travels in upper case as `ErrorInfo.reason`. */
  readonly code: string;
  /** `ErrorInfo.metadata`: small facts such as `limit`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** `RetryInfo`, milliseconds. */
  readonly retryDelayMs?: number;
  /** `BadRequest`. */
  readonly fieldViolations?: readonly FieldViolation[];
  /** `QuotaFailure`. */
  readonly quotaViolations?: readonly QuotaViolation[];
};

const string = (id: number): { type: string; id: number } => ({ type: 'string', id });
const many = (type: string, id: number): { rule: 'repeated'; type: string; id: number } => ({
  rule: 'repeated',
  type,
  id,
});

const metadata: protobuf.IMapField = { keyType: 'string', type: 'string', id: 3 };

const root = protobuf.Root.fromJSON({
  nested: {
    Any: { fields: { typeUrl: string(1), value: { type: 'bytes', id: 2 } } },
    Status: { fields: { code: { type: 'int32', id: 1 }, message: string(2), details: many('Any', 3) } },
    ErrorInfo: { fields: { reason: string(1), domain: string(2), metadata } },
    Duration: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
    RetryInfo: { fields: { retryDelay: { type: 'Duration', id: 1 } } },
    FieldViolation: { fields: { field: string(1), description: string(2) } },
    BadRequest: { fields: { fieldViolations: many('FieldViolation', 1) } },
    Violation: { fields: { subject: string(1), description: string(2) } },
    QuotaFailure: { fields: { violations: many('Violation', 1) } },
  },
});

const URL_PREFIX = 'type.googleapis.com/google.rpc.';

type Any = { readonly typeUrl: string; readonly value: Uint8Array };

/** The bytes of `grpc-status-details-bin`: ErrorInfo always, the others when they are given. */
export function encodeStatusDetails(status: StatusDetails): Uint8Array {
  const { fieldViolations = [], quotaViolations = [] } = status;
  const info = { reason: status.code.toUpperCase(), domain: ERROR_DOMAIN, metadata: status.metadata };
  const details = [pack('ErrorInfo', info)];
  if (status.retryDelayMs !== undefined) details.push(pack('RetryInfo', { retryDelay: duration(status.retryDelayMs) }));
  if (fieldViolations.length > 0) details.push(pack('BadRequest', { fieldViolations }));
  if (quotaViolations.length > 0) details.push(pack('QuotaFailure', { violations: quotaViolations }));
  return encode('Status', { code: status.grpcCode, message: status.message, details });
}

/**
 * Reads what {@link encodeStatusDetails} wrote; unknown details are ignored. Undefined for bytes that are
 * not such a status, or whose ErrorInfo is missing or of another domain.
 */
export function decodeStatusDetails(bytes: Uint8Array): StatusDetails | undefined {
  try {
    const status = decode<{ code: number; message: string; details: Any[] }>('Status', bytes);
    const find = <Message>(name: string): Message | undefined => {
      const any = status.details.find((detail) => detail.typeUrl === URL_PREFIX + name);
      return any === undefined ? undefined : decode<Message>(name, any.value);
    };
    return assemble(status, find);
  } catch {
    // protobufjs reports malformed bytes by exceptions of several kinds; all of them mean the same here.
    return undefined;
  }
}

function assemble(
  status: { readonly code: number; readonly message: string },
  find: <Message>(name: string) => Message | undefined,
): StatusDetails | undefined {
  const info = find<{ reason: string; domain: string; metadata: Record<string, string> }>('ErrorInfo');
  if (info?.domain !== ERROR_DOMAIN) return undefined;
  const retry = find<{ retryDelay: { seconds: number; nanos: number } | null }>('RetryInfo')?.retryDelay;
  const fields = find<{ fieldViolations: FieldViolation[] }>('BadRequest')?.fieldViolations;
  const quotas = find<{ violations: QuotaViolation[] }>('QuotaFailure')?.violations;
  return {
    grpcCode: status.code,
    message: status.message,
    code: info.reason.toLowerCase(),
    metadata: info.metadata,
    ...(retry === undefined || retry === null ? {} : { retryDelayMs: retry.seconds * 1_000 + retry.nanos / 1e6 }),
    ...(fields === undefined ? {} : { fieldViolations: fields }),
    ...(quotas === undefined ? {} : { quotaViolations: quotas }),
  };
}

function duration(ms: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(ms / 1_000);
  return { seconds, nanos: Math.floor((ms - seconds * 1_000) * 1e6) };
}

function pack(name: string, message: object): Any {
  return { typeUrl: URL_PREFIX + name, value: encode(name, message) };
}

function encode(name: string, message: object): Uint8Array {
  const type = root.lookupType(name);
  return type.encode(type.fromObject(message)).finish();
}

function decode<Message>(name: string, bytes: Uint8Array): Message {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: Number, defaults: true }) as Message;
}
