/**
 * The engine host: owns every turn's offsets, ring, credit, epoch and cut between the links and one driver.
 *
 * Invariants
 *  1. Offsets of a turn are dense, and nothing at or past a cut's effective offset leaves after its receipt.
 *  2. A turn has one end; on each lane `Ended` is the last word.
 *  3. One attachment of a session is in force; older ones change nothing.
 *  4. The host is never re-entered: drivers report from their own pump, links from theirs.
 */
import { assert, ReticleError, wireDuration } from '@reticle/core/domain';
import type { Load } from '@reticle/proto/gen/engine/v1/Load';
import type { Capabilities__Input } from '@reticle/proto/gen/engine/v1/Capabilities';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { DriverEvents, EngineModel, ItemMark, StreamId } from '../contract.ts';
import { detach, drop, sweep } from './attachments.ts';
import { itemClosed, settleCut, settleUncut } from './cut-control.ts';
import { HostState, type PrefillOutcome } from './host-state.ts';
import { LinkChannel } from './link-channel.ts';
import { handleRequest, spokenProtocol } from './link-peer.ts';
import { LoadReporter } from './load-report.ts';
import { faultMessage, wireCapabilities } from './messages.ts';
import type { EngineHostOptions, EngineIdentity, HostLink, HostPeer } from './ports.ts';
import { HostSignals, type SignalOptions } from './signals.ts';
import { appendBatch, finish, halt, streamStarted, type TurnEnding } from './turn-lifecycle.ts';
import { announceEnd } from './records.ts';
import { failUnlaunched } from './turn-start.ts';
import type { Turn } from './turn.ts';

const SWEEP_MS = 1_000;

export class EngineHost {
  readonly #host: HostState;
  readonly #load: LoadReporter;
  readonly #cancelSweep: () => void;
  #cancelDrain: (() => void) | undefined;
  #drained: (() => void)[] = [];

  constructor(options: EngineHostOptions) {
    const host = new HostState(options);
    this.#host = host;
    this.#load = new LoadReporter(host);
    host.settleUncut = (turn) => settleUncut(host, turn);
    host.changed = () => {
      this.#load.changed();
      this.#tellDrained();
    };
    host.driver.connect(this.#events());
    let cancel = (): void => {};
    const tick = (): void => {
      cancel = host.clock.after(SWEEP_MS, tick);
      sweep(host);
    };
    cancel = host.clock.after(SWEEP_MS, tick);
    this.#cancelSweep = () => cancel();
  }

  get identity(): EngineIdentity {
    return this.#host.identity;
  }

  get model(): EngineModel {
    return this.#host.driver.model;
  }

  get capabilities(): Capabilities__Input {
    return wireCapabilities(this.#host.driver.capabilities);
  }

  /** The load at this moment. */
  load(): Load {
    return this.#load.current();
  }

  /** Tokens ever taken from the driver. */
  get generatedTokens(): number {
    return this.#host.tokens;
  }

  /** Calls `listener` with every load report; returns the function that stops it. */
  onLoad(listener: (load: Load) => void): () => void {
    return this.#load.listen(listener);
  }

  /** A gateway's link; what it sends goes to the returned peer, first of all its `Hello`. */
  connect(link: HostLink): HostPeer {
    const host = this.#host;
    const channel = new LinkChannel(link, announceEnd);
    host.channels.add(channel);
    let stopLoad = (): void => {};
    const port = {
      host,
      channel,
      welcome: () => {
        this.#welcome(channel);
        stopLoad = this.#load.listen((load) => channel.control({ load }));
      },
      fence: () => this.fence(),
    };
    const closed = (): void => {
      if (!host.channels.delete(channel)) return;
      channel.closed = true;
      stopLoad();
      for (const attachment of channel.sids.values()) detach(host, attachment, attachment.session.graceMs);
    };
    return {
      message: (request) => {
        if (!host.channels.has(channel)) return;
        handleRequest(port, request);
        host.flush();
        if (channel.closed) closed();
      },
      writable: () => channel.flush(host.progress),
      closed,
    };
  }

  #welcome(channel: LinkChannel): void {
    const { identity, driver } = this.#host;
    const { engineId, replicaEpoch, region } = identity;
    const { modelDigest } = driver.model;
    channel.control({
      welcome: {
        protocol: spokenProtocol(),
        engineId,
        replicaEpoch,
        modelDigest,
        region,
        capabilities: this.capabilities,
        load: this.load(),
      },
    });
  }

  /** Answers the controls that come by signal, and `locate` (PROTOCOL §3). One per host. */
  signals({ onDrained = () => {}, ...options }: SignalOptions & { readonly onDrained?: () => void }): HostSignals {
    return new HostSignals(this.#host, { ...options, drain: (ms, reason) => this.drain(ms, reason, onDrained) });
  }

  /**
   * Takes no new sessions or turns; gateways may come back to the sessions that are here, to serve or to move them.
   * Running turns finish, and at the bound the rest end FAILED `draining`, with their rings kept for those that come
   * to fetch them (PROTOCOL E11). `done` is called once, when no turn runs but those that nobody has come back to.
   */
  drain(timeLeftMs: number, reason: string, done: () => void): void {
    const host = this.#host;
    this.#drained.push(done);
    if (host.condition === 'ready') {
      host.condition = 'draining';
      for (const channel of host.channels) channel.control({ drain: { timeLeft: wireDuration(timeLeftMs), reason } });
    }
    this.#cancelDrain?.();
    this.#cancelDrain = host.clock.after(timeLeftMs, () => {
      for (const turn of this.#live()) halt(host, turn, 'drain');
    });
    host.changed();
  }

  /** A later replica has taken over: stops decoding, says so on every link and accepts nothing more (E8). */
  fence(): void {
    const host = this.#host;
    if (host.condition === 'fenced') return;
    host.condition = 'fenced';
    const error = new ReticleError('epoch_stale', 'a later replica has taken over');
    for (const channel of host.channels) {
      channel.control(faultMessage({ epoch: host.identity.replicaEpoch }, error));
      channel.close('fenced');
    }
    for (const session of host.sessions.values()) drop(host, session);
    host.changed();
  }

  /** Ends every link, timer and the driver. */
  close(): void {
    const host = this.#host;
    this.#cancelSweep();
    this.#cancelDrain?.();
    for (const turn of this.#live()) turn.cancelDuration?.();
    for (const session of host.sessions.values()) session.cancelGrace?.();
    for (const channel of host.channels) channel.close('the engine stops');
    host.channels.clear();
    this.#load.close();
    host.driver.close();
  }

  *#live(): Iterable<Turn> {
    for (const session of this.#host.sessions.values()) yield* session.liveTurns();
  }

  #tellDrained(): void {
    const { condition } = this.#host;
    if (condition === 'ready' || this.#drained.length === 0) return;
    if (condition !== 'failed') for (const turn of this.#live()) if (!turn.session.parked) return;
    const drained = this.#drained;
    this.#drained = [];
    this.#cancelDrain?.();
    for (const done of drained) this.#host.clock.after(0, done);
  }

  #events(): DriverEvents {
    const host = this.#host;
    const settleOperation = (op: number, outcome: PrefillOutcome): void => settled(host, op, outcome);
    return {
      prefilled: (op, result) => settleOperation(op, result),
      started: (stream, result) => {
        const turn = host.turnOf(stream);
        if (turn !== undefined) streamStarted(host, turn, result);
        host.failpoint('engine.before-started');
        host.flush();
      },
      mark: (stream, mark) => marked(host, stream, mark),
      step: (batch) => {
        appendBatch(host, batch);
        host.failpoint('engine.before-frame');
        host.flush();
      },
      ended: (stream, { finishReason, generated }) => this.#stopped(stream, { generated, finishReason }),
      halted: (stream, generated) => this.#stopped(stream, { generated }),
      failed: (subject, error) => {
        if ('op' in subject) settleOperation(subject.op, error);
        else this.#failed(subject.stream, error);
      },
      broken: () => this.#broken(),
    };
  }

  /**
   * The driver says nothing more: every gateway hears it for each of its sessions, and no turn ends here, since it may
   * go on elsewhere. What the host holds stays for gateways that come to fetch it, until the sessions are idle.
   */
  #broken(): void {
    const host = this.#host;
    if (host.condition === 'fenced' || host.condition === 'failed') return;
    host.condition = 'failed';
    for (const { attachment } of host.sessions.values())
      attachment?.channel.control(faultMessage({ sid: attachment.sid }, host.refusal()));
    host.flush();
    host.changed();
  }

  /** The stream has stopped by itself or because it was asked to. */
  #stopped(stream: StreamId, stop: { readonly generated: number; readonly finishReason?: string }): void {
    const host = this.#host;
    const turn = host.turnOf(stream);
    if (turn === undefined) return;
    assert(stop.generated === turn.ledger.generated, 'a stream ends behind the last row it emitted');
    if (turn.haltCause === 'cut') settleCut(host, turn, turn.ledger.generated);
    else {
      finish(host, turn, endingOf(turn, stop.finishReason));
      settleUncut(host, turn);
      if (turn.haltCause === 'drop') host.releaseContext(turn.final?.context);
    }
    host.flush();
  }

  #failed(stream: StreamId, error: ReticleError): void {
    const host = this.#host;
    const turn = host.turnOf(stream);
    if (turn === undefined) return;
    failUnlaunched(host, turn, error);
    settleUncut(host, turn);
    host.flush();
  }
}

function settled(host: HostState, op: number, outcome: PrefillOutcome): void {
  const settle = host.operations.get(op);
  host.operations.delete(op);
  host.progress++;
  settle?.(outcome);
  host.flush();
}

function marked(host: HostState, stream: StreamId, mark: ItemMark): void {
  const turn = host.turnOf(stream);
  if (turn === undefined) return;
  turn.marks.add(mark);
  turn.channel?.touch(turn);
  if (mark.closed) itemClosed(host, turn, mark.itemIndex, mark.atOffset);
}

function endingOf(turn: Turn, finishReason: string | undefined): TurnEnding {
  const endOffset = turn.ledger.generated;
  if (finishReason === 'length') return { status: TurnStatus.TURN_STATUS_INCOMPLETE, endOffset, finishReason };
  if (finishReason !== undefined) return { status: TurnStatus.TURN_STATUS_COMPLETED, endOffset, finishReason };
  if (turn.haltCause === 'drain') {
    const error = new ReticleError('draining', 'the engine has drained', { retryAfterMs: 0 });
    return { status: TurnStatus.TURN_STATUS_FAILED, endOffset, finishReason: 'draining', error };
  }
  return { status: TurnStatus.TURN_STATUS_INCOMPLETE, endOffset, finishReason: turn.haltCause ?? '' };
}
