import { createHash } from 'node:crypto';
import { messageCodec } from '@reticle/proto/load';

const codecs = new Map<string, ReturnType<typeof messageCodec>>();

/**
 * SHA-256 of a decoded message's own encoding: two requests are the same body when their known fields are,
 * whatever order, padding or unknown fields they came with.
 */
export function bodyDigest(typeName: string, message: object): string {
  let codec = codecs.get(typeName);
  if (codec === undefined) {
    codec = messageCodec(typeName);
    codecs.set(typeName, codec);
  }
  return createHash('sha256').update(codec.encode(message)).digest('base64url');
}
