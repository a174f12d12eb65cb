/**
 * Signals at the host (PROTOCOL §3): controls that do not come on the turn's link, drains, and the answers to
 * `locate`. Both paths, bus and gRPC, end here, and from here in the same call as a control in band (R9).
 *
 * | what a signal is                          | answer                                                            |
 * |-------------------------------------------|-------------------------------------------------------------------|
 * | too large · not a signal                  | REFUSED `request_too_large` · `invalid_request`                   |
 * | of an unknown session, key id, MAC, tenant| NOT_FOUND `session_not_found`, the same for all four              |
 * | answered before                           | that answer, verbatim                                             |
 * | past its time                             | STALE `turn_stale`                                                |
 * | for a turn that has ended, here or before | ALREADY_ENDED with its end                                        |
 * | for an unknown turn                       | STALE `turn_stale` while another runs, else NOT_FOUND             |
 * | of another epoch                          | STALE `epoch_stale` with the session's epoch                      |
 * | any other                                 | as in band: APPLIED, PENDING, REFUSED                             |
 *
 * Invariants
 *  1. What is not proven changes nothing, and what is answered about it is the same for every reason.
 *  2. One (session, turn, signal id) has one effect; copies that come while it is under way share its answer.
 *  3. An epoch above the session's is stale as well: its signer has seen the session at another engine, so what
 *     runs here is nobody's, and APPLIED would say of the turn what holds of its remains alone.
 */
import { assert, isClientId, isRandomId, isReticleError, ReticleError } from '@reticle/core/domain';
import { KeyedDedup } from '@reticle/core/flow';
import { limits, subjects, type ErrorCode } from '@reticle/proto/contract';
import type { CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { ControlAck__Input } from '@reticle/proto/gen/session/v1/ControlAck';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { KvAction } from '@reticle/proto/gen/session/v1/KvAction';
import type { EngineDrain } from '@reticle/proto/gen/signal/v1/EngineDrain';
import type { Signal } from '@reticle/proto/gen/signal/v1/Signal';
import {
  encodeLocated,
  isFresh,
  openSignal,
  provesLocate,
  readLocate,
  readSignalKeys,
  signAck,
  signalSubject,
  type OpenedSignal,
  type SignalKey,
} from '@reticle/services/bus/signals';
import { knownAnswer, signalCut, type SignalOrder } from './cut-control.ts';
import type { HostState } from './host-state.ts';
import type { SignalCount } from './ports.ts';
import type { Session } from './session.ts';
import { checkForm, orderOf } from './signals-order.ts';
import type { Turn } from './turn.ts';

export type SignalOptions = {
  /** The cell whose subjects the signals are signed for: the region's name unless it has several. */
  readonly cell: string;
  /** Serialised `SignalKeys` of this engine (`engineSignalKeys`): drains, and nacks about sessions it does not hold. */
  readonly engineKeys: Uint8Array;
};

type Drain = (timeLeftMs: number, reason: string) => void;
type Proven = Extract<OpenedSignal, { readonly signal: Signal }>;
type Unproven = Exclude<OpenedSignal, Proven>;
type Refusal = {
  readonly outcome: ControlOutcome;
  readonly code: ErrorCode;
  readonly count: SignalCount;
  /** The epoch in force, where another one is the reason. */
  readonly epoch?: number;
};

/** Bodies remembered to tell a repeat from another control under the same id; engine-wide. */
const BODIES_KEPT = 4_096;
const { CONTROL_OUTCOME_ALREADY_ENDED, CONTROL_OUTCOME_APPLIED } = ControlOutcome;
const { CONTROL_OUTCOME_NOT_FOUND, CONTROL_OUTCOME_REFUSED, CONTROL_OUTCOME_STALE } = ControlOutcome;

const EXPIRED: Refusal = { outcome: CONTROL_OUTCOME_STALE, code: 'turn_stale', count: 'signal_expired' };
const OTHER_TURN: Refusal = { outcome: CONTROL_OUTCOME_STALE, code: 'turn_stale', count: 'signal_stale' };
const NO_TURN: Refusal = { outcome: CONTROL_OUTCOME_NOT_FOUND, code: 'turn_not_found', count: 'signal_stale' };

const refused = (code: ErrorCode): Refusal => ({ outcome: CONTROL_OUTCOME_REFUSED, code, count: 'signal_refused' });
const otherEpoch = (epoch: number): Refusal => ({
  outcome: CONTROL_OUTCOME_STALE,
  code: 'epoch_stale',
  count: 'signal_stale',
  epoch,
});

export class HostSignals {
  readonly #host: HostState;
  readonly #cell: string;
  readonly #engineKeys: readonly SignalKey[];
  readonly #drain: Drain;
  readonly #drains = new KeyedDedup<string, true>(limits.signalAcksKept);
  readonly #bodies = new KeyedDedup<string, string>(BODIES_KEPT);
  readonly #inFlight = new Map<string, Promise<Uint8Array | undefined>>();

  constructor(host: HostState, { cell, engineKeys, drain }: SignalOptions & { readonly drain: Drain }) {
    const keys = readSignalKeys(engineKeys);
    assert(keys !== undefined, 'an engine is given its keys or none');
    this.#host = host;
    this.#cell = cell;
    this.#engineKeys = keys;
    this.#drain = drain;
  }

  /**
   * Takes a serialised `Signed` and gives a serialised `SignalAck`; undefined when the turn's engine does not come
   * to an answer within `signalGiveUpMs`. `subject`: where the bus delivered it; absent on the gRPC path.
   * Never rejects, on any bytes.
   */
  signal(bytes: Uint8Array, subject?: string): Promise<Uint8Array | undefined> {
    const opened = openSignal(bytes, {
      bytesMax: subject === undefined ? limits.messageBytesMax : limits.signalBytesMax,
      cell: this.#cell,
      engineId: this.#host.identity.engineId,
      ...(subject === undefined ? {} : { subject }),
      keysOf: (claimed) =>
        claimed.drain ? this.#engineKeys : (this.#host.sessions.get(claimed.sessionId)?.signalKeys ?? []),
    });
    if (opened.fault !== undefined) return Promise.resolve(this.#unproven(opened, subject));
    if (opened.signal.drain) return Promise.resolve(this.#drained(opened, opened.signal.drain));
    return this.#control(opened, { bytes: bytes.length, onBus: subject !== undefined });
  }

  /** Answers who holds a session, for one that is held here, to an asker that proves the cell's key; else nothing. */
  locate(bytes: Uint8Array, address: string): Uint8Array | undefined {
    const locate = readLocate(bytes);
    const session = locate && this.#host.sessions.get(locate.sessionId);
    if (locate !== undefined && session === undefined) return undefined;
    if (locate === undefined || session === undefined || !provesLocate(locate, session.signalKeys, session.tenant)) {
      this.#count('locate_refused');
      return undefined;
    }
    const { sessionId, epoch, tier } = session;
    return encodeLocated({ sessionId, engineId: this.#host.identity.engineId, address, epoch, tier });
  }

  #unproven({ fault, claimed }: Unproven, subject: string | undefined): Uint8Array {
    this.#count(`signal_${fault}`);
    if (claimed === undefined) {
      const code = fault === 'oversize' ? 'request_too_large' : 'invalid_request';
      return this.#nack(undefined, this.#subjectOf(undefined, subject), { outcome: CONTROL_OUTCOME_REFUSED, code });
    }
    return this.#unknownSession(claimed, subject);
  }

  /** One answer for everything that a signer without the right to the session may come upon; signed by the engine. */
  #unknownSession(claimed: Signal, subject: string | undefined): Uint8Array {
    const code = claimed.drain ? 'invalid_request' : 'session_not_found';
    return this.#nack(claimed, this.#subjectOf(claimed, subject), { outcome: CONTROL_OUTCOME_NOT_FOUND, code });
  }

  #subjectOf(claimed: Signal | undefined, subject: string | undefined): string {
    const { engineId } = this.#host.identity;
    const own = claimed && signalSubject(this.#cell, engineId, claimed);
    return subject ?? own ?? subjects.drain(this.#cell, engineId);
  }

  /** An operator's drain; the signal id keeps copies from moving its deadline. */
  #drained(opened: Proven, { replicaEpoch, deadlineMs, reason }: EngineDrain): Uint8Array {
    const { signalId } = opened.signal;
    const own = this.#host.identity.replicaEpoch;
    const applied = { outcome: CONTROL_OUTCOME_APPLIED };
    if (this.#drains.has(signalId)) return this.#ack(opened, applied);
    if (!isRandomId(signalId)) return this.#refuse(opened, refused('invalid_request'));
    if (!isFresh(opened.signal, this.#host.clock.wallMs())) return this.#refuse(opened, EXPIRED);
    if (replicaEpoch !== own) return this.#refuse(opened, otherEpoch(own));
    this.#count('signal_taken');
    this.#drains.set(signalId, true);
    this.#drain(deadlineMs, reason);
    return this.#ack(opened, applied);
  }

  #control(opened: Proven, from: { readonly bytes: number; readonly onBus: boolean }): Promise<Uint8Array | undefined> {
    const { signal } = opened;
    const session = this.#host.sessions.get(signal.sessionId);
    if (session === undefined || session.tenant !== signal.tenant) {
      this.#count('signal_foreign');
      return Promise.resolve(this.#unknownSession(signal, opened.subject));
    }
    try {
      checkForm(signal, from);
      return this.#ordered(opened, session, orderOf(signal, session.tier));
    } catch (error) {
      if (!isReticleError(error)) throw error;
      return Promise.resolve(this.#refuse(opened, refused(error.code)));
    }
  }

  #ordered(opened: Proven, session: Session, order: SignalOrder): Promise<Uint8Array | undefined> {
    const { sessionId, turnId, signalId } = opened.signal;
    const body = `${order.mode} ${order.requested ?? ''} ${order.successor?.turnId ?? ''}`;
    const id = `${sessionId} ${turnId} ${signalId}`;
    if ((this.#bodies.get(id) ?? body) !== body)
      throw new ReticleError('idempotency_conflict', 'the signal id belongs to another control');
    const known = knownAnswer(session, turnId, signalId);
    if (known !== undefined) return Promise.resolve(this.#answer(opened, order, known));
    const turn = session.turns.get(turnId);
    const told = turn === undefined ? this.#toldEnd(opened.signal, session) : undefined;
    if (told !== undefined) return Promise.resolve(this.#answer(opened, order, told));
    const stale = this.#fence(opened.signal, session, turn);
    if (stale !== undefined) return Promise.resolve(this.#refuse(opened, stale));
    assert(turn !== undefined, 'the fence lets known turns through alone');
    this.#bodies.set(id, body);
    this.#count('signal_taken');
    return this.#cut(opened, turn, order);
  }

  /** The end of a turn of which this engine has the record alone: it came with the session from another one. */
  #toldEnd(signal: Signal, session: Session): CutDone__Input | undefined {
    const end = session.handed.settledEnd(signal.turnId);
    if (end === undefined || !isFresh(signal, this.#host.clock.wallMs())) return undefined;
    const { endOffset: effectiveOffset, generated: generatedOffset } = end;
    return { outcome: CONTROL_OUTCOME_ALREADY_ENDED, effectiveOffset, generatedOffset };
  }

  /** Why the control must not touch the turn (S6); undefined when it may. */
  #fence(signal: Signal, session: Session, turn: Turn | undefined): Refusal | undefined {
    if (!isFresh(signal, this.#host.clock.wallMs())) return EXPIRED;
    if (turn === undefined) return session.liveCount > 0 ? OTHER_TURN : NO_TURN;
    if (!turn.live) return undefined;
    if (signal.epoch !== session.epoch) return otherEpoch(session.epoch);
    return this.#host.condition === 'failed' ? refused('engine_lost') : undefined;
  }

  /** Copies that come before the answer wait for it too; each key id has its own, since the answer is signed by it. */
  #cut(opened: Proven, turn: Turn, order: SignalOrder): Promise<Uint8Array | undefined> {
    const { sessionId, turnId, signalId } = opened.signal;
    const id = `${opened.key.kid} ${sessionId} ${turnId} ${signalId}`;
    const waiting = this.#inFlight.get(id);
    if (waiting !== undefined) return waiting;
    const { clock } = this.#host;
    let open = true;
    const answered = new Promise<Uint8Array | undefined>((resolve) => {
      const settle = (ack: Uint8Array | undefined): void => {
        if (!open) return;
        open = false;
        cancel();
        this.#inFlight.delete(id);
        resolve(ack);
      };
      const cancel = clock.after(limits.signalGiveUpMs, () => settle(undefined));
      signalCut(this.#host, turn, order, (done, code) => settle(this.#answer(opened, order, done, code)));
    });
    if (open) this.#inFlight.set(id, answered);
    this.#host.flush();
    return answered;
  }

  /** A function of what is kept for repeats, so that a repeat is answered verbatim. */
  #answer(opened: Proven, order: SignalOrder, done: CutDone__Input, reason?: ErrorCode): Uint8Array {
    // A successor that came too late does not start.
    const late = done.outcome === CONTROL_OUTCOME_ALREADY_ENDED && order.successor !== undefined;
    return this.#ack(opened, { ...receiptOf(done), code: reason ?? (late ? 'turn_stale' : '') });
  }

  #refuse(opened: Proven, { outcome, code, count, epoch = 0 }: Refusal): Uint8Array {
    this.#count(count);
    return this.#ack(opened, { outcome, code, kvAction: KvAction.KV_ACTION_NONE }, epoch);
  }

  #ack({ signal, key, subject }: Proven, ack: ControlAck__Input, epoch = 0): Uint8Array {
    const { signalId, turnId } = signal;
    const { engineId } = this.#host.identity;
    const code = ack.code ?? '';
    return signAck(key, subject, { signalId, ack: { ...ack, signalId, turnId }, epoch, engineId, code });
  }

  /** Signed by the engine: there is no key of a session that both ends agree on. Echoes ids of the right form alone. */
  #nack(
    claimed: Signal | undefined,
    subject: string,
    { outcome, code }: Pick<Refusal, 'outcome' | 'code'>,
  ): Uint8Array {
    const { signalId: claimedId = '', turnId: claimedTurn = '' } = claimed ?? {};
    const signalId = isRandomId(claimedId) ? claimedId : '';
    const turnId = isClientId(claimedTurn) ? claimedTurn : '';
    const { engineId } = this.#host.identity;
    const ack = { signalId, turnId, outcome, code, kvAction: KvAction.KV_ACTION_NONE };
    return signAck(this.#engineKeys[0], subject, { signalId, ack, engineId, code });
  }

  #count(event: SignalCount): void {
    this.#host.observer.count(event);
  }
}

function receiptOf(done: CutDone__Input): ControlAck__Input {
  const { outcome = CONTROL_OUTCOME_REFUSED, effectiveOffset = 0, generatedOffset = 0, kvKeptTokens = 0 } = done;
  const { kvAction = KvAction.KV_ACTION_NONE } = done;
  const cut = outcome === CONTROL_OUTCOME_ALREADY_ENDED || outcome === CONTROL_OUTCOME_APPLIED;
  const wastedTokens = cut ? Math.max(0, generatedOffset - effectiveOffset) : 0;
  return { outcome, effectiveOffset, generatedOffset, wastedTokens, kvAction, kvKeptTokens };
}
