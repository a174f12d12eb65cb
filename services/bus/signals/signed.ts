/**
 * Signals and their answers as authenticated bytes (PROTOCOL S4). Values in, values out: no state, no clock.
 *
 *     Signed.mac    = HMAC(key, subject ‖ 0 ‖ body)[0, 16)
 *     SignalAck.mac = HMAC(key, subject ‖ 1 ‖ every byte before the mac field)[0, 16); the field stands last, so
 *                     that a reader checks the bytes it was sent, fields that it does not know included
 *
 * The subject names cell, engine and session and is never read from the message: the bus supplies it, on the
 * gRPC path the host. A signal for one engine or session is none for another.
 */
import { isRandomId } from '@reticle/core/domain';
import { limits, subjects } from '@reticle/proto/contract';
import type { Signal, Signal__Input } from '@reticle/proto/gen/signal/v1/Signal';
import type { SignalAck, SignalAck__Input } from '@reticle/proto/gen/signal/v1/SignalAck';
import type { Signed, Signed__Input } from '@reticle/proto/gen/signal/v1/Signed';
import { messageCodec, strictDecode } from '@reticle/proto/load';
import type { SignalKey } from './keys.ts';
import { MAC_BYTES, MacKind, macOf, sameMac } from './mac.ts';

const SIGNED = 'reticle.signal.v1.Signed';
const SIGNAL = 'reticle.signal.v1.Signal';
const ACK = 'reticle.signal.v1.SignalAck';
/** Tag and length of `SignalAck.mac`: field 6, length-delimited, 16 bytes. */
const ACK_MAC_HEADER = Uint8Array.of(0x32, MAC_BYTES);
const ACK_TAIL_BYTES = ACK_MAC_HEADER.length + MAC_BYTES;

/** Serialises and signs. The result may be sent any number of times on either path. */
export function signSignal(key: SignalKey, subject: string, signal: Signal__Input): Uint8Array {
  const body = messageCodec<Signal__Input, Signal>(SIGNAL).encode(signal);
  const mac = macOf(key.key, subject, MacKind.signal, body);
  return messageCodec<Signed__Input, Signed>(SIGNED).encode({ kid: key.kid, body, mac });
}

/** Where a signal belongs: its engine's drain subject or its session's. Undefined for ids outside their alphabet. */
export function signalSubject(cell: string, engineId: string, signal: Signal): string | undefined {
  if (signal.drain) return subjects.drain(cell, engineId);
  return isRandomId(signal.sessionId) ? subjects.interrupt(cell, engineId, signal.sessionId) : undefined;
}

/** Why bytes are no signal; in the order of the checks. */
export type SignalFault = 'oversize' | 'malformed' | 'unknown_subject' | 'unknown_kid' | 'bad_mac';

export type OpenedSignal =
  | { readonly signal: Signal; readonly key: SignalKey; readonly subject: string; readonly fault?: never }
  | {
      readonly fault: SignalFault;
      /** What the bytes claim to be, for the nack alone; nothing of it is proven. */
      readonly claimed: Signal | undefined;
    };

export type SignalOpening = {
  readonly bytesMax: number;
  readonly cell: string;
  readonly engineId: string;
  /** The subject that the bytes came on; absent on the gRPC path. */
  readonly subject?: string;
  /** The keys that may have signed a signal that claims to be this one. */
  readonly keysOf: (claimed: Signal) => readonly SignalKey[];
};

/** Checks size, form, subject, key id and authenticator, in this order. Never throws on any bytes. */
export function openSignal(bytes: Uint8Array, opening: SignalOpening): OpenedSignal {
  if (bytes.length > opening.bytesMax) return { fault: 'oversize', claimed: undefined };
  const read = readSigned(bytes);
  if (read === undefined) return { fault: 'malformed', claimed: undefined };
  const { signed, claimed } = read;
  const subject = signalSubject(opening.cell, opening.engineId, claimed);
  if (subject === undefined || (opening.subject !== undefined && opening.subject !== subject))
    return { fault: 'unknown_subject', claimed };
  const key = opening.keysOf(claimed).find(({ kid }) => kid === signed.kid);
  if (key === undefined) return { fault: 'unknown_kid', claimed };
  if (!sameMac(signed.mac, macOf(key.key, subject, MacKind.signal, signed.body))) return { fault: 'bad_mac', claimed };
  return { signal: claimed, key, subject };
}

/** The envelope and the signal in it. No bytes are a message too, one that says nothing. */
function readSigned(bytes: Uint8Array): { readonly signed: Signed; readonly claimed: Signal } | undefined {
  const signed = strictDecode<Signed>(SIGNED, bytes).ok;
  if (signed === undefined || signed.body.length === 0) return undefined;
  const claimed = strictDecode<Signal>(SIGNAL, signed.body).ok;
  return claimed && { signed, claimed };
}

/**
 * True while a signal may be applied: `signalTtlMs` from its issue and `expires_ms`, whichever is earlier, with
 * `signalLeewayMs` for skew both ways (PROTOCOL S6). Correctness rests on the ids, not on this.
 */
export function isFresh(signal: Signal, wallMs: number): boolean {
  const expiresMs = Math.min(signal.expiresMs, signal.issuedMs + limits.signalTtlMs);
  return wallMs <= expiresMs + limits.signalLeewayMs && signal.issuedMs <= wallMs + limits.signalLeewayMs;
}

/** Serialises and signs an answer; without a key it stays unsigned, and no gateway takes it. */
export function signAck(key: SignalKey | undefined, subject: string, ack: Omit<SignalAck__Input, 'mac'>): Uint8Array {
  const head = messageCodec<SignalAck__Input, SignalAck>(ACK).encode(ack);
  if (key === undefined) return head;
  return Buffer.concat([head, ACK_MAC_HEADER, macOf(key.key, subject, MacKind.ack, head)]);
}

/** The answer, if one of the keys has signed it for this subject. Never throws on any bytes. */
export function openAck(bytes: Uint8Array, subject: string, keys: readonly SignalKey[]): SignalAck | undefined {
  if (bytes.length < ACK_TAIL_BYTES || bytes.length > limits.signalBytesMax) return undefined;
  const head = bytes.subarray(0, -ACK_TAIL_BYTES);
  const header = bytes.subarray(-ACK_TAIL_BYTES, -MAC_BYTES);
  if (!sameMac(header, ACK_MAC_HEADER)) return undefined;
  const mac = bytes.subarray(-MAC_BYTES);
  const signed = keys.some((each) => sameMac(mac, macOf(each.key, subject, MacKind.ack, head)));
  return signed ? strictDecode<SignalAck>(ACK, bytes).ok : undefined;
}
