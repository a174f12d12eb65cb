/**
 * Who holds a session (PROTOCOL §3, `reticle.locate`). The question proves that its asker holds the cell's key and
 * means one tenant's session, so that only the owner answers, and only to gateways.
 */
import { isRandomId } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Locate, Locate__Input } from '@reticle/proto/gen/signal/v1/Locate';
import type { Located, Located__Input } from '@reticle/proto/gen/signal/v1/Located';
import { messageCodec, strictDecode } from '@reticle/proto/load';
import { sessionKey, type SignalKey } from './keys.ts';
import { sameMac, tagOf } from './mac.ts';

const LOCATE = 'reticle.signal.v1.Locate';
const LOCATED = 'reticle.signal.v1.Located';

/** The question under one of the cell's keys. */
export function locateRequest(cellKey: SignalKey, sessionId: string, tenant: string): Uint8Array {
  const { key } = sessionKey(cellKey, sessionId);
  return messageCodec<Locate__Input, Locate>(LOCATE).encode({ sessionId, ...tagsOf(key, sessionId, tenant) });
}

/** The session asked for; undefined for bytes that ask nothing. Never throws. */
export function readLocate(bytes: Uint8Array): Locate | undefined {
  if (bytes.length > limits.signalBytesMax) return undefined;
  const { ok } = strictDecode<Locate>(LOCATE, bytes);
  return ok !== undefined && isRandomId(ok.sessionId) ? ok : undefined;
}

/** True when the asker holds one of the session's keys and means its tenant. */
export function provesLocate(locate: Locate, keys: readonly SignalKey[], tenant: string): boolean {
  return keys.some(({ key }) => {
    const tags = tagsOf(key, locate.sessionId, tenant);
    const session = sameMac(locate.sessionKeyTag, tags.sessionKeyTag);
    return sameMac(locate.tenantTag, tags.tenantTag) && session;
  });
}

export function encodeLocated(located: Located__Input): Uint8Array {
  return messageCodec<Located__Input, Located>(LOCATED).encode(located);
}

/** The owner's answer about this session; undefined for anything else. Unsigned: dial only an engine that presence names. */
export function readLocated(bytes: Uint8Array, sessionId: string): Located | undefined {
  if (bytes.length > limits.signalBytesMax) return undefined;
  const { ok } = strictDecode<Located>(LOCATED, bytes);
  return ok !== undefined && ok.sessionId === sessionId && isRandomId(ok.engineId) ? ok : undefined;
}

function tagsOf(
  key: Uint8Array,
  sessionId: string,
  tenant: string,
): { sessionKeyTag: Uint8Array; tenantTag: Uint8Array } {
  return { sessionKeyTag: tagOf(key, 'locate', sessionId), tenantTag: tagOf(key, 'tenant', tenant) };
}
