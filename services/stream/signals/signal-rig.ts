/** A sender on a virtual clock between a scripted bus, a scripted gRPC path and an engine that answers; for tests. */
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { subjects } from '@reticle/proto/contract';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import type { Signal } from '@reticle/proto/gen/signal/v1/Signal';
import type { SignalAck__Input } from '@reticle/proto/gen/signal/v1/SignalAck';
import { BusError, type BusFailure } from '@reticle/services/bus';
import { engineKey, openSignal, sessionKey, signAck, type SignalKey } from '@reticle/services/bus/signals';
import { SignalSender, type SignalSendCount, type SignalTarget } from './signal-sender.ts';

export const SESSION = 's'.repeat(26);
export const ENGINE = 'e'.repeat(26);
export const CELL = 'local';
export const CELL_KEYS: readonly [SignalKey, SignalKey] = [
  { kid: 'k2', key: new Uint8Array(32).fill(2) },
  { kid: 'k1', key: new Uint8Array(32).fill(1) },
];
export const TARGET: SignalTarget = {
  engineId: ENGINE,
  address: 'host:7001',
  cell: CELL,
  sessionId: SESSION,
  tenant: 'acme',
  epoch: 3,
};

/** What becomes of one attempt: an answer after some time, a failure after some time, or nothing ever. */
export type Fate =
  | { readonly answerMs: number; readonly spoil?: (bytes: Uint8Array) => Uint8Array }
  | { readonly failMs: number; readonly failure?: BusFailure }
  | 'nothing';

export type SenderScript = {
  /** Fates of the attempts in order; the last one holds for all that follow. */
  readonly bus?: readonly Fate[];
  readonly rpc?: readonly Fate[];
  /** Default: APPLIED. */
  readonly answer?: (signal: Signal, kid: string) => SignalAck__Input | undefined;
  /** Keys that the engine has; default both. */
  readonly engineCellKeys?: readonly SignalKey[];
};

export type SenderRig = {
  readonly clock: VirtualClock;
  readonly sender: SignalSender;
  /** Attempts as `<ms> <path>`. */
  readonly attempts: string[];
  readonly signals: Signal[];
  /** Every attempt's bytes. */
  readonly sent: Uint8Array[];
  readonly counts: SignalSendCount[];
  readonly settle: Settle;
};

export function senderRig({
  bus = ['nothing'],
  rpc = ['nothing'],
  answer,
  engineCellKeys = CELL_KEYS,
}: SenderScript = {}): SenderRig {
  const clock = new VirtualClock();
  const attempts: string[] = [];
  const sent: Uint8Array[] = [];
  const signals: Signal[] = [];
  const counts: SignalSendCount[] = [];
  const engineAnswer = engineOf({ engineCellKeys, ...(answer ? { answer } : {}) }, signals);
  const carry = (path: string, fates: readonly Fate[], bytes: Uint8Array): Promise<Uint8Array> => {
    const at = attempts.filter((each) => each.endsWith(path)).length;
    attempts.push(`${clock.nowMs()} ${path}`);
    sent.push(bytes);
    const fate = fates[Math.min(at, fates.length - 1)] ?? 'nothing';
    return new Promise((resolve, reject) => {
      if (fate === 'nothing') return;
      if ('failMs' in fate) {
        const fail = (): void => reject(new BusError(fate.failure ?? 'no-responders'));
        if (fate.failMs === 0) fail();
        else clock.after(fate.failMs, fail);
      } else clock.after(fate.answerMs, () => resolve((fate.spoil ?? ((same) => same))(engineAnswer(bytes))));
    });
  };
  const sender = new SignalSender({
    bus: { request: (_subject, bytes) => carry('bus', bus, bytes) },
    transport: { call: (_address, bytes) => carry('rpc', rpc, bytes) },
    clock,
    random: seededRandom(1),
    keys: CELL_KEYS,
    cell: CELL,
    origin: 'gw',
    observer: { count: (event) => counts.push(event) },
  });
  return { clock, sender, attempts, signals, sent, counts, settle: settling(clock) };
}

/** An engine that holds the session under the keys it was given; `seen` collects what it takes. */
function engineOf(
  { engineCellKeys = CELL_KEYS, answer }: Pick<SenderScript, 'engineCellKeys' | 'answer'>,
  seen: Signal[],
): (bytes: Uint8Array) => Uint8Array {
  const keysOf = (claimed: Signal): SignalKey[] =>
    engineCellKeys.map((each) => (claimed.drain ? engineKey(each, ENGINE) : sessionKey(each, SESSION)));
  return (bytes) => {
    const opened = openSignal(bytes, { bytesMax: 4 * 1024 * 1024, cell: CELL, engineId: ENGINE, keysOf });
    if (opened.fault !== undefined) {
      const code = 'session_not_found';
      const ack = { outcome: ControlOutcome.CONTROL_OUTCOME_NOT_FOUND, code };
      const { signalId = '' } = opened.claimed ?? {};
      const subject = subjects.interrupt(CELL, ENGINE, SESSION);
      const own = engineKey(engineCellKeys[0] as SignalKey, ENGINE);
      return signAck(own, subject, { signalId, engineId: ENGINE, code, ack });
    }
    const { signal, key, subject } = opened;
    seen.push(signal);
    const outcome = ControlOutcome.CONTROL_OUTCOME_APPLIED;
    const given = answer?.(signal, key.kid) ?? { ack: { turnId: signal.turnId, outcome, effectiveOffset: 7 } };
    return signAck(key, subject, { signalId: signal.signalId, engineId: ENGINE, ...given });
  };
}

export type Settled<Value> = { readonly value?: Value; readonly error?: unknown; readonly ms: number };
export type Settle = <Value>(promise: Promise<Value>) => Promise<Settled<Value>>;

/** Moves time by whole milliseconds until a promise settles, for five seconds at most. */
export function settling(clock: VirtualClock): Settle {
  return async (promise) => {
    const startMs = clock.nowMs();
    const ended = promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    let over = false;
    void ended.then(() => (over = true));
    for (;;) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      if (over || clock.nowMs() - startMs > 5_000) break;
      clock.advance(1);
    }
    return { ...(await ended), ms: clock.nowMs() - startMs };
  };
}
