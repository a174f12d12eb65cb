/**
 * Names of responses (PROTOCOL §4.1): `resp_` + base32(created 4 ‖ session 16 ‖ turn 8 ‖ tag 8). Any gateway of the cell
 * reads session, turn and age out of it, so no store maps one to the other; the tag binds it to its tenant. In the place
 * of the engine's hash (§4.1) is the moment of creation: a session moves between engines, and is found without it.
 */
import { timingSafeEqual } from 'node:crypto';
import { assert, base32, fromBase32 } from '@reticle/core/domain';
import { hmacSha256 } from '@reticle/core/process';

const PREFIX = 'resp_';
const FORM = /^resp_([a-z2-7]{58})$/;
/** Unix seconds, big endian. */
const CREATED_BYTES = 4;
const SESSION_BYTES = 16;
const TURN_BYTES = 8;
const TAG_BYTES = 8;
const BODY_BYTES = CREATED_BYTES + SESSION_BYTES + TURN_BYTES;

export type ResponseRef = { readonly sessionId: string; readonly turnId: string };
/** `createdAt` in Unix seconds. */
export type NamedResponse = ResponseRef & { readonly createdAt: number };

export class ResponseIds {
  readonly #keys: readonly Uint8Array[];

  /** @param cellKeys secrets shared by the gateways of the cell; the first mints, all are accepted */
  constructor(cellKeys: readonly Uint8Array[]) {
    assert(cellKeys.length > 0, 'response ids are made with a key');
    this.#keys = cellKeys.map((key) => hmacSha256(key).update('reticle response id').digest());
  }

  /** A turn id that a response id can carry: 8 random bytes. */
  static turnId(bytes: (count: number) => Uint8Array): string {
    return base32(bytes(TURN_BYTES));
  }

  mint({ createdAt, sessionId, turnId }: NamedResponse, tenant: string): string {
    const created = Buffer.alloc(CREATED_BYTES);
    created.writeUInt32BE(createdAt);
    const body = Buffer.concat([created, bytesOf(sessionId, SESSION_BYTES), bytesOf(turnId, TURN_BYTES)]);
    const [key] = this.#keys;
    assert(key !== undefined, 'the first key mints');
    return PREFIX + base32(Buffer.concat([body, tag(key, tenant, body)]));
  }

  /** Undefined for a text that is no id of this tenant in this cell: forged, foreign and unknown are one (§4.1). */
  open(text: string, tenant: string): NamedResponse | undefined {
    const [, encoded] = FORM.exec(text) ?? [];
    const bytes = encoded === undefined ? undefined : fromBase32(encoded);
    if (bytes === undefined || PREFIX + base32(bytes) !== text) return undefined;
    const body = bytes.subarray(0, BODY_BYTES);
    const sealed = bytes.subarray(BODY_BYTES);
    if (!this.#keys.some((key) => timingSafeEqual(tag(key, tenant, body), sealed))) return undefined;
    return {
      createdAt: new DataView(body.buffer, body.byteOffset).getUint32(0),
      sessionId: base32(body.subarray(CREATED_BYTES, CREATED_BYTES + SESSION_BYTES)),
      turnId: base32(body.subarray(CREATED_BYTES + SESSION_BYTES)),
    };
  }
}

function tag(key: Uint8Array, tenant: string, body: Uint8Array): Uint8Array {
  return hmacSha256(key).update(tenant).update('\0').update(body).digest().subarray(0, TAG_BYTES);
}

function bytesOf(id: string, count: number): Uint8Array {
  const bytes = fromBase32(id);
  assert(bytes?.length === count, 'an id of ours has its length');
  return bytes;
}
