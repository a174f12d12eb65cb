/**
 * A gateway's signals (PROTOCOL §3): controls of sessions that it does not hold, drains, and the question who holds
 * a session. Every control ends with the engine's answer or with `engine_lost` within `signalGiveUpMs`; after
 * `engine_lost` it may or may not have been applied, and the same signal id asks again safely.
 */
import { assert, base32, isRandomId, RANDOM_ID_BYTES, ReticleError } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import { limits, subjects } from '@reticle/proto/contract';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import type { Signal__Input } from '@reticle/proto/gen/signal/v1/Signal';
import type { SignalAck } from '@reticle/proto/gen/signal/v1/SignalAck';
import type { Bus } from '@reticle/services/bus';
import {
  engineKey,
  locateRequest,
  openAck,
  readLocated,
  sessionKey,
  signSignal,
  type SignalKey,
} from '@reticle/services/bus/signals';
import type { ControlAck, Interrupt, Redirect } from '@reticle/services/session';
import { hedge, type Attempt } from './hedge.ts';
import type { SignalTransport } from './signal-transport.ts';
import { controlAckOf, locatedOf, wireInterrupt, wireRedirect, type Located } from './signal-values.ts';

/** Things worth counting; a composition root maps them to instruments. */
export type SignalSendCount = 'signal_sent' | 'signal_hedged' | 'signal_bad_ack' | 'signal_resigned' | 'signal_lost';

export interface SignalSendObserver {
  count(event: SignalSendCount): void;
}

export type SignalSenderOptions = {
  readonly bus: Pick<Bus, 'request'>;
  readonly transport: SignalTransport;
  readonly clock: Clock;
  readonly random: Random;
  /** The cell's keys, newest first. The newest signs; an engine that knows the session by the other is asked again. */
  readonly keys: readonly [SignalKey, ...SignalKey[]];
  readonly cell: string;
  /** Who sends, for the engine's log. */
  readonly origin: string;
  readonly observer?: SignalSendObserver;
};

/** The session whose turn is meant, and the engine that holds it as far as is known. */
export type SignalTarget = {
  readonly engineId: string;
  /** `host:port` of its LinkService. */
  readonly address: string;
  /** The engine's cell. */
  readonly cell: string;
  readonly sessionId: string;
  readonly tenant: string;
  /** The session's epoch as last told; an older one is made good by one more round. */
  readonly epoch: number;
};

export type DrainTarget = {
  readonly engineId: string;
  readonly address: string;
  readonly cell: string;
  /** Exactly the replica that is meant. */
  readonly replicaEpoch: number;
};

const SILENT: SignalSendObserver = { count() {} };

export class SignalSender {
  readonly #options: SignalSenderOptions;
  readonly #observer: SignalSendObserver;

  constructor(options: SignalSenderOptions) {
    this.#options = options;
    this.#observer = options.observer ?? SILENT;
  }

  /**
   * Cuts a turn, by bus and, when that is slow or away, by gRPC. A `pending` receipt is an answer too.
   * @throws ReticleError `session_not_found` when the engine does not hold the tenant's session, `engine_lost`,
   * `request_too_large` for a reason that makes the signal too large
   */
  interrupt(target: SignalTarget, interrupt: Interrupt): Promise<ControlAck> {
    const action = { turnId: interrupt.turnId, interrupt: wireInterrupt(interrupt) };
    return this.#control(target, { ...action, signalId: interrupt.signalId }, ['bus', 'rpc']);
  }

  /**
   * Cuts a turn and starts its successor, by gRPC alone (PROTOCOL S3). The successor is told on the link of the
   * session's gateway. Rejects as {@link interrupt} does; the caller has checked the successor's parameters.
   */
  redirect(target: SignalTarget, redirect: Redirect): Promise<ControlAck> {
    const { turnId, signalId } = redirect.cut;
    return this.#control(target, { turnId, signalId, redirect: wireRedirect(redirect) }, ['rpc']);
  }

  /** Asks an engine to drain. Rejects with `engine_lost`, or with the code of the engine's refusal. */
  async drain(target: DrainTarget, deadlineMs: number, reason: string): Promise<void> {
    const { engineId, cell, replicaEpoch } = target;
    const signalId = base32(this.#options.random.bytes(RANDOM_ID_BYTES));
    const ack = await this.#ask(target, {
      subject: subjects.drain(cell, engineId),
      keyOf: (cellKey) => engineKey(cellKey, engineId),
      signal: { signalId, drain: { replicaEpoch, deadlineMs, reason } },
      paths: ['bus', 'rpc'],
      clientCaused: false,
    });
    if (ack.ack?.outcome === ControlOutcome.CONTROL_OUTCOME_APPLIED) return;
    throw new ReticleError(controlAckOf(ack).code ?? 'internal', 'the engine refuses to drain');
  }

  /** Who holds the tenant's session; undefined when nobody says so within `locateMs`. Never rejects. */
  locate(sessionId: string, tenant: string): Promise<Located | undefined> {
    const { bus, clock, keys, cell } = this.#options;
    if (!isRandomId(sessionId)) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const cancel = clock.after(limits.locateMs, () => resolve(undefined));
      let waiting = keys.length;
      const none = (): void => {
        waiting -= 1;
        if (waiting > 0) return;
        cancel();
        resolve(undefined);
      };
      for (const key of keys) {
        const request = locateRequest(key, sessionId, tenant);
        bus.request(subjects.locate(cell), request, limits.locateMs).then((bytes) => {
          const located = readLocated(bytes, sessionId);
          if (located === undefined) {
            none();
            return;
          }
          cancel();
          resolve(locatedOf(located));
        }, none);
      }
    });
  }

  async #control(
    target: SignalTarget,
    control: Pick<Signal__Input, 'interrupt' | 'redirect'> & { readonly turnId: string; readonly signalId: string },
    paths: readonly Path[],
  ): Promise<ControlAck> {
    const { engineId, cell, sessionId, tenant, epoch } = target;
    const ack = await this.#ask(target, {
      subject: subjects.interrupt(cell, engineId, sessionId),
      keyOf: (cellKey) => sessionKey(cellKey, sessionId),
      signal: { ...control, sessionId, tenant, epoch },
      paths,
      clientCaused: true,
    });
    if (ack.code === 'session_not_found')
      throw new ReticleError('session_not_found', 'the engine does not hold the session');
    return controlAckOf(ack);
  }

  /**
   * Sends until there is an answer that is final for the caller. All of it shares one deadline. Signs again once with
   * the cell's other key for an engine that knows the session by that one alone, and once with a later epoch of the
   * session when a client meant the turn and not its owner (S6).
   */
  async #ask(at: { readonly engineId: string; readonly address: string }, question: Question): Promise<SignalAck> {
    const { clock, keys, origin } = this.#options;
    const deadlineMs = clock.nowMs() + limits.signalGiveUpMs;
    const issuedMs = clock.wallMs();
    const times = { issuedMs, expiresMs: issuedMs + limits.signalTtlMs };
    const others = keys.slice(1);
    let key: SignalKey = keys[0];
    let epoch = Number(question.signal.epoch ?? 0);
    let resigned = !question.clientCaused;
    this.#observer.count('signal_sent');
    for (;;) {
      const signal = { ...question.signal, ...times, epoch, origin };
      const ack = await this.#send(at, { question, key, signal, deadlineMs });
      const other = isUnproven(ack) ? others.shift() : undefined;
      const later = ack.ack?.outcome === ControlOutcome.CONTROL_OUTCOME_STALE && ack.epoch > epoch;
      if (other !== undefined) key = other;
      else if (later && !resigned) {
        resigned = true;
        epoch = ack.epoch;
        this.#observer.count('signal_resigned');
      } else return ack;
    }
  }

  async #send(
    { engineId, address }: { readonly engineId: string; readonly address: string },
    { question, key, signal, deadlineMs }: Sending,
  ): Promise<SignalAck> {
    const { bus, transport, clock, keys } = this.#options;
    const { subject, paths, keyOf } = question;
    const bytes = signSignal(keyOf(key), subject, signal);
    if (bytes.length > (paths.includes('bus') ? limits.signalBytesMax : limits.messageBytesMax))
      throw new ReticleError('request_too_large', 'the control does not fit into a signal');
    // An engine that does not hold the session answers with a key of its own.
    const ackKeys = [...keys.map(keyOf), ...keys.map((each) => engineKey(each, engineId))];
    const accept = (given: Uint8Array): SignalAck | undefined => {
      const ack = openAck(given, subject, ackKeys);
      if (ack?.signalId === signal.signalId && ack?.engineId === engineId) return ack;
      this.#observer.count('signal_bad_ack');
      return undefined;
    };
    const ways: Record<Path, Attempt> = {
      bus: (timeoutMs) => bus.request(subject, bytes, timeoutMs),
      rpc: (timeoutMs) => transport.call(address, bytes, timeoutMs),
    };
    const [first, second] = paths;
    assert(first !== undefined, 'a signal has a path');
    const ack = await hedge({
      clock,
      first: ways[first],
      ...(second === undefined ? {} : { second: ways[second] }),
      accept,
      deadlineMs,
      onHedge: () => this.#observer.count('signal_hedged'),
    });
    if (ack !== undefined) return ack;
    this.#observer.count('signal_lost');
    throw new ReticleError('engine_lost', 'the engine does not answer');
  }
}

/** The engine could make nothing of the signature, or does not hold the session. */
function isUnproven({ ack, code }: SignalAck): boolean {
  return ack?.outcome === ControlOutcome.CONTROL_OUTCOME_NOT_FOUND && code !== 'turn_not_found';
}

type Path = 'bus' | 'rpc';

type Question = {
  readonly subject: string;
  readonly keyOf: (cellKey: SignalKey) => SignalKey;
  readonly signal: Signal__Input;
  readonly paths: readonly Path[];
  /** A client meant the turn, whoever owns it. */
  readonly clientCaused: boolean;
};

type Sending = {
  readonly question: Question;
  readonly key: SignalKey;
  readonly signal: Signal__Input;
  readonly deadlineMs: number;
};
