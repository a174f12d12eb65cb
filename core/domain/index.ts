export { JWKS_URL, jwtAlgorithms } from './access.ts';
export type {
  Elsewhere,
  GatewayAccess,
  GatewayDoor,
  IssuerSpec,
  JwtAlgorithm,
  KeyRecord,
  LocalAccess,
  TenantAccess,
  TierModels,
  TlsPair,
} from './access.ts';
export { assert, assertNever } from './assert.ts';
export { CHAIN_FORMAT, parseChainDocument } from './chain-document.ts';
export type { ChainDocument, ChainStage } from './chain-document.ts';
export { durationMs, wireDuration } from './duration.ts';
export type { WireDuration } from './duration.ts';
export { GrammarWalk, parseTextFormat, schemaGrammar } from './grammar/index.ts';
export type { Grammar } from './grammar/index.ts';
export { base32, fromBase32, isClientId, isRandomId, RANDOM_ID_BYTES } from './ids.ts';
export type { LocalChain, LocalPlatformSpec, LocalPlatformState, ModelDefaults } from './local-platform.ts';
export { nearestName } from './nearest-name.ts';
export { isOffset, OFFSET_MAX } from './offset.ts';
export type { Offset } from './offset.ts';
export { isRegion } from './region.ts';
export { isReticleError, ReticleError } from './reticle-error.ts';
export type { ReticleErrorOptions } from './reticle-error.ts';
export { isTier, tierNumber, tierOfNumber, tiers } from './tier.ts';
export type { Tier } from './tier.ts';
export { allowedBy, checkToolChoice, parseToolChoice, parseToolList, parseTools } from './tools/index.ts';
export type { Tool, ToolChoice, ToolSet } from './tools/index.ts';
export { parseSimScript, ruleMatches } from './sim-script.ts';
export type { ScriptedItem, ScriptRule, SimScript } from './sim-script.ts';
export { formatTraceparent, parseTraceparent } from './trace-context.ts';
export type { TraceContext } from './trace-context.ts';
