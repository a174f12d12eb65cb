/** A host whose session {@link SESSION} has signal keys, and the means to sign for it; for tests. */
import { subjects } from '@reticle/proto/contract';
import type { Signal__Input } from '@reticle/proto/gen/signal/v1/Signal';
import type { SignalAck } from '@reticle/proto/gen/signal/v1/SignalAck';
import {
  engineKey,
  engineSignalKeys,
  openAck,
  sessionKey,
  sessionSignalKeys,
  signSignal,
  type SignalKey,
} from '@reticle/services/bus/signals';
import type { FakeDriverOptions } from './fake-driver.ts';
import { rig, SESSION, type Rig } from './host-rig.ts';
import type { HostSignals } from './signals.ts';

export const ENGINE = 'e'.repeat(26);
export const SIGNAL = 'q'.repeat(26);
/** Epoch of the session after the rig's two opens. */
export const EPOCH = 2;
const CELL = 'local';
export const Outcome = { applied: 1, alreadyEnded: 2, notFound: 3, stale: 4, pending: 6, refused: 7 } as const;
/** An id that is nobody's. */
export const OTHER = 'o'.repeat(26);
export const CELL_KEYS: readonly [SignalKey, SignalKey] = [
  { kid: 'k2', key: new Uint8Array(32).fill(2) },
  { kid: 'k1', key: new Uint8Array(32).fill(1) },
];

export type Sent = {
  /** Default: the newest key of the session. */
  readonly key?: SignalKey;
  /** Signed for this subject; default: the session's. */
  readonly signedFor?: string;
  /** Default: over the bus. */
  readonly direct?: boolean;
  /** Changes the bytes on their way. */
  readonly spoil?: (bytes: Uint8Array) => Uint8Array;
};

export type SignalRig = Rig & {
  readonly signals: HostSignals;
  /** Signs and delivers a signal for turn t1; the answer's bytes. */
  readonly send: (over?: Signal__Input, sent?: Sent) => Promise<Uint8Array | undefined>;
};

/** The session's lane-giving sid is 2. */
export function signalRig(options: Partial<FakeDriverOptions> = {}): SignalRig {
  const made = rig(options);
  const { host, link, clock } = made;
  const signalKey = Buffer.from(sessionSignalKeys(CELL_KEYS, SESSION));
  link.open({ sid: 2, sessionId: SESSION, signalKey, defaultCreditTokens: 8_192, tier: 1 });
  const signals = host.signals({ cell: CELL, engineKeys: engineSignalKeys(CELL_KEYS, ENGINE) });
  const send = (over: Signal__Input = {}, sent: Sent = {}): Promise<Uint8Array | undefined> => {
    const { key = sessionKey(CELL_KEYS[0], SESSION), direct = false, spoil = (bytes) => bytes } = sent;
    const subject = subjectFor(over);
    const bytes = spoil(signSignal(key, sent.signedFor ?? subject, signalOf(over, clock.wallMs())));
    return direct ? signals.signal(bytes) : signals.signal(bytes, subject);
  };
  return { ...made, signals, send };
}

function signalOf(over: Signal__Input, issuedMs: number): Signal__Input {
  const named = over.drain || over.redirect || 'interrupt' in over;
  return {
    signalId: SIGNAL,
    tenant: 'acme',
    sessionId: SESSION,
    turnId: 't1',
    epoch: EPOCH,
    issuedMs,
    expiresMs: issuedMs + 60_000,
    origin: 'gw',
    ...(named ? {} : { interrupt: { turnId: 't1', mode: 3 } }),
    ...over,
  };
}

export function subjectFor({ drain, sessionId = SESSION }: Signal__Input): string {
  return drain ? subjects.drain(CELL, ENGINE) : subjects.interrupt(CELL, ENGINE, sessionId);
}

/** The answer, when a gateway would take it. */
export function readAck(bytes: Uint8Array | undefined, subject = subjectFor({})): SignalAck | undefined {
  const keys = CELL_KEYS.flatMap((each) => [sessionKey(each, SESSION), engineKey(each, ENGINE)]);
  return bytes === undefined ? undefined : openAck(bytes, subject, keys);
}

/** A redirect of t1 to t2 with five tokens. */
export function redirect(successor: object = {}, cut: object = {}): Signal__Input {
  return {
    redirect: {
      cut: { turnId: 't1', mode: 3, ...cut },
      successor: { turnId: 't2', input: [{ itemJson: 'more' }], maxOutputTokens: 5, ...successor },
    },
  };
}
