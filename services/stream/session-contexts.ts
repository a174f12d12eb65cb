/**
 * What the engine in force has of a session's contexts, and making again what it lacks (PROTOCOL E6): the root and
 * warm contexts are prefilled, an ended turn is started with its kept tokens forced and cut behind them.
 *
 * Invariants
 *  K1 A name is `known` only after the engine in force has said so.
 *  K2 Nothing is made twice at one engine: who needs a context that is being made waits for it.
 *  K3 `forgotten` voids everything under way: it belonged to another engine.
 */
import { isReticleError, ReticleError, type Tier } from '@reticle/core/domain';
import type { CutDone } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Ended } from '@reticle/proto/gen/engine/v1/Ended';
import type { Fault } from '@reticle/proto/gen/engine/v1/Fault';
import type { EngineLink, LaneReceiver } from './link/engine-link.ts';
import type { SessionBinding } from './session-binding.ts';
import { TurnRecords, type TurnPlanRecord } from './turn-records.ts';
import { errorOf, turnErrorOf, wireCut, wireStart } from './wire-values.ts';

/** Name of the session's root. */
const ROOT = '';
/** Credit of a lane that nobody reads. */
const REPLAY_CREDIT = 1;

export class SessionContexts {
  readonly records = new TurnRecords();
  readonly #binding: SessionBinding;
  readonly #tier: Tier;
  readonly #known = new Set<string>();
  readonly #making = new Map<string, Promise<void>>();
  readonly #awaited = new Map<string, ((made: boolean) => void)[]>();
  readonly #replays = new Set<ReplayLane>();
  /** Raised whenever what is under way becomes void. */
  #era = 0;

  constructor(binding: SessionBinding, tier: Tier) {
    this.#binding = binding;
    this.#tier = tier;
  }

  /** The engine has this context. */
  learned(name: string): void {
    this.#known.add(name);
    this.#answer(name, true);
  }

  /** True when the engine has this context. */
  knows(name: string): boolean {
    return this.#known.has(name);
  }

  /** A turn has ended with this output. What waits for an end that the engine does not have asks again. */
  ended(name: string, kept: Uint32Array): void {
    this.records.ended(name, kept);
    if (!this.#known.has(name)) this.#answer(name, false);
  }

  #answer(name: string, made: boolean): void {
    const waiters = this.#awaited.get(name) ?? [];
    this.#awaited.delete(name);
    for (const waiter of waiters) waiter(made);
  }

  /** Another engine, or one that forgot: nothing is known (K3). */
  forgotten(): void {
    this.#known.clear();
    this.interrupted();
  }

  /** The link is gone: what was being made is asked for again by whoever needs it. */
  interrupted(): void {
    this.#era += 1;
    this.#making.clear();
    for (const replay of this.#replays) replay.lost();
    this.#replays.clear();
    for (const name of this.#awaited.keys()) this.#answer(name, false);
  }

  forget(name: string): void {
    this.#known.delete(name);
    this.records.forget(name);
  }

  /** True when the engine has everything that a child of `parentTurnId` needs. */
  has(parentTurnId: string): boolean {
    const rooted = this.records.root.length === 0 || this.#known.has(ROOT);
    return rooted && (parentTurnId === ROOT || this.#known.has(parentTurnId));
  }

  /**
   * Makes what a child of `parentTurnId` needs. Rejects with what the engine refused, or `turn_not_found` when the
   * record of an ancestor is gone.
   */
  async ensure(parentTurnId: string): Promise<void> {
    if (this.records.root.length > 0 && !this.#known.has(ROOT)) await this.#once(ROOT, () => this.#makeRoot());
    const missing = this.records.missingAncestors(parentTurnId, (name) => this.#known.has(name));
    if (missing === undefined) {
      throw new ReticleError('turn_not_found', 'what the turn continues is no longer remembered', {
        param: 'parent_turn_id',
      });
    }
    for (const record of missing) {
      const { turnId } = record.plan;
      if (!this.#known.has(turnId)) await this.#once(turnId, () => this.#make(record));
    }
  }

  #once(name: string, make: () => Promise<void>): Promise<void> {
    const making = this.#making.get(name);
    if (making !== undefined) return making;
    const made = make().then(
      () => {
        if (this.#making.get(name) !== made) throw superseded();
        this.#making.delete(name);
        this.learned(name);
      },
      (error: unknown) => {
        if (this.#making.get(name) === made) this.#making.delete(name);
        throw error;
      },
    );
    this.#making.set(name, made);
    return made;
  }

  async #makeRoot(): Promise<void> {
    await this.#binding.prefill({ input: this.records.root, name: ROOT, parentTurnId: ROOT });
  }

  async #make({ plan, kept }: TurnPlanRecord): Promise<void> {
    const { turnId, input, parentTurnId } = plan;
    if (plan.maxOutputTokens === 0) {
      await this.#binding.prefill({ input, name: turnId, parentTurnId });
      return;
    }
    // A turn that still runs is made again by itself; its end makes the context.
    if (kept === undefined) return this.#ending(turnId);
    await this.#replay({ plan, kept });
  }

  #ending(turnId: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiters = this.#awaited.get(turnId) ?? [];
      waiters.push((made) => (made ? resolve() : reject(superseded())));
      this.#awaited.set(turnId, waiters);
    });
  }

  /** An ended turn again: everything it kept is forced, and the cut behind it makes the context. */
  #replay({ plan, kept }: { plan: TurnPlanRecord['plan']; kept: Uint32Array }): Promise<void> {
    const era = this.#era;
    return new Promise((resolve, reject) => {
      this.#binding.whenOpen({
        failed: reject,
        run: (link, sid) => {
          // Asked for before the session was opened anew: of two lanes of one turn the engine answers the later alone.
          if (era !== this.#era) {
            reject(superseded());
            return;
          }
          const receiver = new ReplayLane(link, resolve, reject);
          this.#replays.add(receiver);
          const lane = link.openLane(receiver);
          receiver.lane = lane;
          // Not a token further than it kept; 0 would mean no limit, so a turn that kept nothing is cut at once.
          const limit = kept.length === 0 ? {} : { maxOutputTokens: kept.length };
          const handles = { sid, lane, tier: this.#tier, forced: kept, creditTokens: REPLAY_CREDIT, ...limit };
          const cut = (): void => {
            const mode = 'keep-through-offset';
            const control = { signalId: '', mode, keepThroughOffset: kept.length, reason: 'replay' } as const;
            link.send({ cut: wireCut(lane, 0, control, undefined) });
          };
          link.send({ start: { ...wireStart(plan, handles), clientSeq: 0 } });
          // Cut once it has started, so that the engine's ring holds the text for whoever reads the turn later.
          if (kept.length > 0) receiver.onStarted = cut;
          else cut();
        },
      });
    });
  }
}

/** The lane of a turn that is made again: only its end matters. */
class ReplayLane implements LaneReceiver {
  readonly #link: EngineLink;
  readonly #resolve: () => void;
  readonly #reject: (error: ReticleError) => void;
  #over = false;
  lane = 0;
  onStarted: () => void = () => {};

  constructor(link: EngineLink, resolve: () => void, reject: (error: ReticleError) => void) {
    this.#link = link;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get owed(): boolean {
    return !this.#over;
  }

  started(): void {
    this.onStarted();
  }

  row(): boolean {
    return true;
  }

  mark(): void {}

  cutDone(_message: CutDone): void {}

  ended(message: Ended): void {
    this.#close();
    if (message.error === null) this.#resolve();
    else this.#reject(errorOf(turnErrorOf(message.error)));
  }

  fault(message: Fault): void {
    this.#close();
    this.#reject(errorOf(turnErrorOf(message.error)));
  }

  /** The link is gone. */
  lost(): void {
    this.#close();
    this.#reject(superseded());
  }

  #close(): void {
    this.#over = true;
    this.#link.closeLane(this.lane);
  }
}

/** What was under way belonged to an engine that is gone; whoever asked asks again at the next one. */
function superseded(): ReticleError {
  return new ReticleError('engine_lost', 'the engine of this session was lost');
}

/** True for refusals after which another engine may do what this one would not. */
export function isElsewhere(error: unknown): boolean {
  return isReticleError(error) && ELSEWHERE.has(error.code);
}

const ELSEWHERE: ReadonlySet<string> = new Set(['engine_lost', 'no_capacity', 'draining', 'overloaded']);
