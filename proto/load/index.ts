export {
  linkServiceDefinition,
  LOADER_OPTIONS,
  messageCodec,
  packageDefinition,
  PROTO_ROOT,
  protoFiles,
  protoRoot,
  sessionServiceDefinition,
} from './definitions.ts';
export { decodeStatusDetails, encodeStatusDetails } from './status-details.ts';
export type { FieldViolation, QuotaViolation, StatusDetails } from './status-details.ts';
export { strictDecode } from './strict.ts';
export type { Refusal, StrictResult } from './strict.ts';
