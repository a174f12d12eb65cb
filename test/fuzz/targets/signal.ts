/** What comes over the bus: bytes → a signal, or a fault; nothing that was not signed is one. */
import { isDeepStrictEqual } from 'node:util';
import { limits } from '@reticle/proto/contract';
import type { Signal, Signal__Input } from '@reticle/proto/gen/signal/v1/Signal';
import {
  engineKey,
  isFresh,
  openAck,
  openSignal,
  sessionKey,
  signalSubject,
  signAck,
  signSignal,
} from '@reticle/services/bus/signals';
import { OracleBroken, type FuzzTarget } from '../target.ts';

const CELL = 'eu-1';
const ENGINE = 'b'.repeat(26);
const SESSION = 'a'.repeat(26);
const cellKey = { kid: 'k1', key: new Uint8Array(32).fill(1) };
const forSession = sessionKey(cellKey, SESSION);
const forEngine = engineKey(cellKey, ENGINE);

const interrupt: Signal__Input = {
  signalId: 'c'.repeat(26),
  tenant: 'acme',
  sessionId: SESSION,
  turnId: 't1',
  epoch: 3,
  issuedMs: 1_000,
  expiresMs: 61_000,
  origin: 'd'.repeat(26),
  interrupt: { turnId: 't1', mode: 2, keepThroughOffset: 40 },
};
const drain: Signal__Input = { signalId: 'e'.repeat(26), drain: { replicaEpoch: 2, deadlineMs: 5, reason: 'roll' } };

const subjectOf = (signal: Signal__Input): string => signalSubject(CELL, ENGINE, signal as never) ?? '';
const subject = subjectOf(interrupt);
const signed = [signSignal(forSession, subject, interrupt), signSignal(forEngine, subjectOf(drain), drain)];
const acks = [
  signAck(forSession, subject, { signalId: 'c'.repeat(26), epoch: 3, engineId: ENGINE, ack: { effectiveOffset: 5 } }),
];

const open = (bytes: Uint8Array): Signal | undefined => {
  const result = openSignal(bytes, {
    bytesMax: limits.signalBytesMax,
    cell: CELL,
    engineId: ENGINE,
    keysOf: (claimed) => (claimed.drain ? [forEngine] : [forSession]),
  });
  return result.fault === undefined ? result.signal : undefined;
};
const known = signed.map((bytes) => open(bytes));
const knownAcks = acks.map((bytes) => openAck(bytes, subject, [forSession]));
if ([...known, ...knownAcks].includes(undefined)) throw new OracleBroken('a signed seed does not open');

function run(bytes: Uint8Array): void {
  const signal = open(bytes);
  if (signal !== undefined) {
    isFresh(signal, 2_000);
    if (!known.some((each) => isDeepStrictEqual(each, signal))) throw new OracleBroken('a signal that nobody signed');
  }
  const ack = openAck(bytes, subject, [forSession]);
  if (ack !== undefined && !knownAcks.some((each) => isDeepStrictEqual(each, ack))) {
    throw new OracleBroken('an answer that nobody signed');
  }
}

export const target: FuzzTarget = {
  name: 'signal',
  sources: ['/services/bus/signals/', '/proto/load/strict'],
  dictionary: ['k1', 'acme', SESSION, 't1'].map((text) => Buffer.from(text)),
  bytesMax: limits.signalBytesMax + 64,
  seeds: [...signed, ...acks],
  run,
  allows: () => false,
};
