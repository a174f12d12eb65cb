/**
 * Keys of signals (PROTOCOL S4). Gateways and operator hold the cell's keys; a host holds only what is derived
 * from them: one key per session that was opened at it, and its own engine key, for drains.
 */
import { assert } from '@reticle/core/domain';
import { hmacSha256 } from '@reticle/core/process';
import type { SignalKeys, SignalKeys__Input } from '@reticle/proto/gen/signal/v1/SignalKeys';
import { messageCodec, strictDecode } from '@reticle/proto/load';

/** A key and the id that names it on the wire. Cell keys and derived keys have the same form. */
export type SignalKey = {
  /** `[a-z0-9]{1,16}`; a derived key keeps the id of its cell key. */
  readonly kid: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
};

const KID = /^[a-z0-9]{1,16}$/;
const KEY_BYTES = 32;
/** A rotation has two keys in force; more would only be leftovers (PROTOCOL S4). */
const KEYS_MAX = 2;
const TYPE = 'reticle.signal.v1.SignalKeys';

/** HMAC-SHA-256(cell key, "session" ‖ session id). */
export function sessionKey({ kid, key }: SignalKey, sessionId: string): SignalKey {
  return { kid, key: derive(key, 'session', sessionId) };
}

/** HMAC-SHA-256(cell key, "engine" ‖ engine id). */
export function engineKey({ kid, key }: SignalKey, engineId: string): SignalKey {
  return { kid, key: derive(key, 'engine', engineId) };
}

/** `Open.signal_key`: the session's keys, newest first, two at most. */
export function sessionSignalKeys(cellKeys: readonly SignalKey[], sessionId: string): Uint8Array {
  return encodeKeys(cellKeys.slice(0, KEYS_MAX).map((each) => sessionKey(each, sessionId)));
}

/** What is mounted at an engine's start: its keys, newest first, two at most. */
export function engineSignalKeys(cellKeys: readonly SignalKey[], engineId: string): Uint8Array {
  return encodeKeys(cellKeys.slice(0, KEYS_MAX).map((each) => engineKey(each, engineId)));
}

/** The keys of a serialised `SignalKeys`; none for no bytes, undefined for bytes that hold no such keys. */
export function readSignalKeys(bytes: Uint8Array): readonly SignalKey[] | undefined {
  const { ok } = strictDecode<SignalKeys>(TYPE, bytes);
  if (ok === undefined || ok.keys.length > KEYS_MAX) return undefined;
  const keys = ok.keys.map(({ kid, key }) => ({ kid, key: Uint8Array.from(key) }));
  return keys.every(({ kid, key }) => KID.test(kid) && key.length === KEY_BYTES) ? keys : undefined;
}

function encodeKeys(keys: readonly SignalKey[]): Uint8Array {
  return messageCodec<SignalKeys__Input, SignalKeys>(TYPE).encode({ keys: [...keys] });
}

function derive(key: Uint8Array, purpose: string, id: string): Uint8Array {
  assert(key.length === KEY_BYTES, 'a cell key has 32 bytes');
  return hmacSha256(key).update(purpose).update(id).digest();
}
