/** JSON Web Tokens in compact form (RFC 7515, RFC 7519): reading and the signature. Knows nothing of who may sign. */
import { constants, verify, type KeyObject } from 'node:crypto';
import type { JwtAlgorithm } from '@reticle/core/domain';

export type JsonObject = Readonly<Record<string, unknown>>;

/** A token that has the form of one; nothing in it is proved. */
export type SignedToken = {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  /** What was signed. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
};

const FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

/** True for three base64url parts, the last of which may be empty (`none`). */
export function hasTokenForm(text: string): boolean {
  return FORM.test(text);
}

/** Undefined for what is no token: parts that are not canonical base64url, not UTF-8, or no JSON objects. */
export function parseToken(text: string): SignedToken | undefined {
  if (!hasTokenForm(text)) return undefined;
  const [head = '', body = '', tail = ''] = text.split('.');
  const [headBytes, bodyBytes, signature] = [head, body, tail].map(decodePart);
  if (headBytes === undefined || bodyBytes === undefined || signature === undefined) return undefined;
  const header = parseObject(headBytes);
  const payload = parseObject(bodyBytes);
  if (header === undefined || payload === undefined) return undefined;
  return { header, payload, signed: Buffer.from(`${head}.${body}`), signature };
}

/** A field of the object itself. */
export function fieldOf(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** One text for the same bytes: what Node forgives (padding, other alphabets, spare bits) is refused. */
function decodePart(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

function parseObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    // Any other text is no token either.
    return undefined;
  }
}

type Scheme = {
  readonly hash: string | null;
  readonly padding?: number;
  /** Of a signature whose length the key alone does not give. */
  readonly bytes?: number;
};

const PSS = constants.RSA_PKCS1_PSS_PADDING;

/** RFC 7518 §3.1, RFC 8037 §3.1 (with Ed25519). */
const schemes: Readonly<Record<JwtAlgorithm, Scheme>> = {
  RS256: { hash: 'sha256' },
  RS384: { hash: 'sha384' },
  RS512: { hash: 'sha512' },
  PS256: { hash: 'sha256', padding: PSS },
  PS384: { hash: 'sha384', padding: PSS },
  PS512: { hash: 'sha512', padding: PSS },
  ES256: { hash: 'sha256', bytes: 64 },
  ES384: { hash: 'sha384', bytes: 96 },
  ES512: { hash: 'sha512', bytes: 132 },
  EdDSA: { hash: null, bytes: 64 },
};

/** Whether the key, which must be one of the algorithm's, made the signature. */
export function isSigned({ signed, signature }: SignedToken, algorithm: JwtAlgorithm, key: KeyObject): boolean {
  const { hash, padding, bytes } = schemes[algorithm];
  if (bytes !== undefined && signature.length !== bytes) return false;
  const pss = padding === undefined ? {} : { padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return verify(hash, signed, { key, ...pss, dsaEncoding: 'ieee-p1363' }, signature);
}
