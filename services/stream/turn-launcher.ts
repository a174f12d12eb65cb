/**
 * Sending turns to the engine in force, for the first time or again (PROTOCOL E6), each behind what it continues.
 *
 * Invariant: of several launches of one turn the newest alone goes on; an older one that comes back is dropped.
 */
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import { findTurn, isLive, type SessionEvent, type SessionState } from '@reticle/services/session';
import type { EngineLink } from './link/engine-link.ts';
import type { SessionBinding } from './session-binding.ts';
import { isElsewhere, type SessionContexts } from './session-contexts.ts';
import type { SessionFacts, SessionPorts } from './session-facts.ts';
import type { TurnDesk } from './turn-desk.ts';
import { turnErrorFrom, wireStart } from './wire-values.ts';

export type LauncherOptions = {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  readonly binding: SessionBinding;
  readonly contexts: SessionContexts;
  readonly desk: TurnDesk;
  readonly state: () => SessionState;
  readonly dispatch: (event: () => SessionEvent) => void;
  /** An engine would not take a turn. True: it goes on at another one. */
  readonly refused: (turnId: string, error: ReticleError) => boolean;
};

export class TurnLauncher {
  readonly #options: LauncherOptions;
  readonly #launches = new Map<string, number>();
  /** Turns that never began and whose session was let go before they could. */
  readonly #stranded = new Set<string>();
  #nextLaunch = 1;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  /** Sends a turn to the engine: for the first time, or again from what was received of it. */
  launch(turnId: string): void {
    const launch = this.#nextLaunch++;
    this.#launches.set(turnId, launch);
    const record = this.#options.contexts.records.get(turnId);
    if (record === undefined) {
      this.#fail(turnId, new ReticleError('engine_lost', 'what the turn began with is no longer remembered'));
      return;
    }
    const { parentTurnId } = record.plan;
    this.#options.binding.whenOpen({
      failed: (error) => this.#fail(turnId, error),
      run: (link, sid) => {
        if (this.#launches.get(turnId) !== launch) return;
        if (this.#options.contexts.has(parentTurnId)) this.#send(turnId, link, sid);
        else this.#prepare(turnId, parentTurnId, launch);
      },
    });
  }

  #prepare(turnId: string, parentTurnId: string, launch: number): void {
    const isMine = (): boolean => this.#launches.get(turnId) === launch;
    this.#options.contexts.ensure(parentTurnId).then(
      () => {
        if (isMine()) this.#relaunch(turnId);
      },
      (error: unknown) => {
        if (!isMine()) return;
        if (isElsewhere(error) && this.#unlaunched(turnId, error as ReticleError)) return;
        this.#fail(turnId, error);
      },
    );
  }

  /** The session has an engine again. */
  opened(): void {
    const stranded = [...this.#stranded];
    this.#stranded.clear();
    for (const turnId of stranded) if (this.#isQueued(turnId)) this.launch(turnId);
  }

  /** No engine was found. */
  lost(): void {
    const error = new ReticleError('engine_lost', 'the session has no engine', { retryAfterMs: limits.linkDeadMs });
    for (const turnId of this.#stranded) this.#fail(turnId, error);
    this.#stranded.clear();
  }

  /** What the turn continues could not be made. True when it will be tried again. */
  #unlaunched(turnId: string, error: ReticleError): boolean {
    if (error.code !== 'engine_lost') return this.#options.refused(turnId, error);
    this.#relaunch(turnId);
    return true;
  }

  #relaunch(turnId: string): void {
    const { held, state } = this.#options.binding;
    const isQueued = this.#isQueued(turnId);
    // A turn that had begun is orphaned, and begun again, when the session is open again.
    if (state === 'open' || (isQueued && (held || state === 'opening'))) this.launch(turnId);
    else if (isQueued) this.#stranded.add(turnId);
  }

  #isQueued(turnId: string): boolean {
    return findTurn(this.#options.state(), turnId)?.phase === 'queued';
  }

  #send(turnId: string, link: EngineLink, sid: number): void {
    const { desk, dispatch, facts, state } = this.#options;
    const turn = findTurn(state(), turnId);
    const record = this.#options.contexts.records.get(turnId);
    if (turn === undefined || record === undefined || !isLive(turn)) return;
    this.#launches.delete(turnId);
    const seat = desk.reseat(turnId, link);
    if (seat === undefined) return;
    const maxOutputTokens = turn.receipt?.effectiveOffset ?? turn.endsAt;
    dispatch(() => ({ kind: 'turn', turnId, event: { kind: 'dispatched' } }));
    const rest = maxOutputTokens === undefined ? {} : { maxOutputTokens };
    const meter = desk.meter(turnId);
    meter.sentTo(link.facts.engineId);
    const { traceparent } = meter;
    link.send({ start: wireStart(record.plan, { sid, tier: facts.tier, traceparent, ...seat, ...rest }) });
    this.#options.ports.failpoint('gateway.start-sent');
  }

  #fail(turnId: string, error: unknown): void {
    const { desk, dispatch } = this.#options;
    const failure = turnErrorFrom(error);
    dispatch(() => ({
      kind: 'turn',
      turnId,
      event: { kind: 'failed', error: failure, progress: desk.progress(turnId) },
    }));
  }
}
