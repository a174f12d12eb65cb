/**
 * A session's hold on its engine: the sid on the present link, and what waits for it.
 *
 *  state     open()     Opened   Fault      link lost
 *  closed    opening    –        –          –
 *  opening   opening*   open     closed     closed      (* the older call is refused: another holder came)
 *  open      opening    –        closed     closed         (detach, abandon and drop close it as well)
 *
 * Tasks given to `whenOpen` run in order once the session is open, or fail with what kept it closed.
 */
import { ReticleError, tierNumber, wireDuration } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Fault } from '@reticle/proto/gen/engine/v1/Fault';
import type { Adopt__Input } from '@reticle/proto/gen/engine/v1/Adopt';
import type { Opened } from '@reticle/proto/gen/engine/v1/Opened';
import type { Prefilled } from '@reticle/proto/gen/engine/v1/Prefilled';
import type { TurnInput } from '@reticle/services/session';
import type { EngineLink, SidReceiver } from './link/engine-link.ts';
import { unknownSession } from './resume-token.ts';
import { detachGraceMs, type SessionFacts, type SessionPorts } from './session-facts.ts';
import { errorOf, turnErrorOf, wireInput } from './wire-values.ts';

export type OpenRequest = {
  /** 0 for a session that no engine knows; else one above the last epoch. */
  readonly minEpoch: number;
  readonly holder: Uint8Array;
  readonly defaultCreditTokens: number;
  /** Lanes for turns that run on; made on the link that was found. */
  readonly adopt: (link: EngineLink) => Adopt__Input[];
};

export type BindingOptions = {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  /** The link died under an open session. */
  readonly onLost: () => void;
  /** The engine refuses this session from here on (another gateway took it, fenced). */
  readonly onFault: (error: ReticleError) => void;
};

export type PrefillRequest = {
  readonly input: readonly TurnInput[];
  /** Empty: the session's root. */
  readonly name: string;
  readonly parentTurnId: string;
};

export type Task = {
  readonly run: (link: EngineLink, sid: number) => void;
  readonly failed: (error: ReticleError) => void;
};
type Pending<T> = { readonly resolve: (value: T) => void; readonly reject: (error: ReticleError) => void };

export class SessionBinding implements SidReceiver {
  readonly #options: BindingOptions;
  readonly #prefills = new Map<number, Pending<Prefilled>>();
  #state: 'closed' | 'opening' | 'open' = 'closed';
  #link: EngineLink | undefined;
  #sid = 0;
  #nextOp = 1;
  #attempt = 0;
  #opening: Pending<Opened> | undefined;
  #cancelOpening: () => void = () => {};
  #tasks: Task[] = [];

  constructor(options: BindingOptions) {
    this.#options = options;
  }

  get state(): 'closed' | 'opening' | 'open' {
    return this.#state;
  }

  get link(): EngineLink | undefined {
    return this.#link;
  }

  /** Opens the session at its engine and raises its epoch. A later call replaces one that is under way. */
  async open(request: OpenRequest): Promise<Opened> {
    const { facts, ports } = this.#options;
    const attempt = ++this.#attempt;
    this.#refuseOpening(new ReticleError('epoch_stale', 'another attachment took this session'));
    this.#state = 'opening';
    let link: EngineLink;
    try {
      const engine = ports.engines.get(facts.engine.engineId) ?? facts.engine;
      link = await ports.links.linkTo(engine);
      // Dead links tell nobody; one may have died while this waited its turn.
      if (!link.alive) throw new ReticleError('engine_lost', 'the engine of this session was lost');
      if (link.facts.modelDigest !== facts.engine.modelDigest) {
        throw new ReticleError('engine_lost', 'the engine of this session serves another model');
      }
    } catch (error) {
      if (attempt === this.#attempt) this.#fail(error as ReticleError);
      throw error;
    }
    if (attempt !== this.#attempt) throw new ReticleError('epoch_stale', 'another attachment took this session');
    return this.#ask(link, request);
  }

  #ask(link: EngineLink, request: OpenRequest): Promise<Opened> {
    const { facts, ports } = this.#options;
    this.#link?.closeSid(this.#sid);
    this.#link = link;
    this.#sid = link.openSid(this);
    link.send({
      open: {
        sid: this.#sid,
        sessionId: facts.sessionId,
        tenant: facts.tenant,
        tier: tierNumber(facts.tier) as 1 | 2 | 3 | 4,
        minEpoch: request.minEpoch,
        holder: request.holder,
        kvScope: ports.kvScope(facts.tenant, facts.engine.modelDigest),
        idleTtl: wireDuration(facts.idleTtlMs),
        detachGrace: wireDuration(detachGraceMs(facts.tier)),
        adopt: request.adopt(link),
        defaultCreditTokens: request.defaultCreditTokens,
      },
    });
    return new Promise((resolve, reject) => {
      const opening: Pending<Opened> = { resolve, reject };
      this.#opening = opening;
      // A link can live while its engine does not come to an answer; who waits is told.
      this.#cancelOpening = ports.clock.after(limits.linkDeadMs, () => {
        if (this.#opening === opening)
          this.#fail(new ReticleError('engine_lost', 'the engine did not open the session'));
      });
    });
  }

  whenOpen(task: Task): void {
    if (this.#state === 'open' && this.#link !== undefined) task.run(this.#link, this.#sid);
    else if (this.#state === 'opening') this.#tasks.push(task);
    else task.failed(new ReticleError('engine_lost', 'the session has no engine', { retryAfterMs: limits.linkDeadMs }));
  }

  /** Evaluates input. Without a name it becomes the session's root, with one a context that turns can continue. */
  prefill({ input, name, parentTurnId }: PrefillRequest): Promise<Prefilled> {
    return new Promise((resolve, reject) => {
      this.whenOpen({
        failed: reject,
        run: (link, sid) => {
          const op = this.#nextOp++;
          this.#prefills.set(op, { resolve, reject });
          link.send({ prefill: { sid, op, parentTurnId, draftId: name, append: wireInput(input) } });
        },
      });
    });
  }

  /** R6: without a client the engine runs on for its grace. The sid is void from here; work opens the session again. */
  detach(): void {
    if (this.#state !== 'open') return;
    this.#link?.send({ release: { sid: this.#sid, mode: 'RELEASE_MODE_DETACH' } });
    this.abandon(new ReticleError('engine_lost', 'the session was let go'));
  }

  /** Gives the engine up: what waited for it fails. */
  abandon(error: ReticleError): void {
    this.#attempt += 1;
    this.#fail(error);
  }

  /** The session is over. */
  drop(): void {
    if (this.#state === 'open') this.#link?.send({ release: { sid: this.#sid, mode: 'RELEASE_MODE_DROP' } });
    this.abandon(unknownSession());
  }

  opened(message: Opened): void {
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#opening = undefined;
    this.#cancelOpening();
    this.#state = 'open';
    opening.resolve(message);
  }

  /** Runs what waited; called by the owner once it knows the new epoch and lanes. */
  flush(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) this.whenOpen(task);
  }

  prefilled(message: Prefilled): void {
    const pending = this.#prefills.get(message.op);
    this.#prefills.delete(message.op);
    pending?.resolve(message);
  }

  fault(message: Fault): void {
    const error = errorOf(turnErrorOf(message.error));
    const pending = this.#prefills.get(message.op);
    if (pending !== undefined) {
      this.#prefills.delete(message.op);
      pending.reject(error);
      return;
    }
    const wasOpen = this.#state === 'open';
    this.#fail(error);
    if (wasOpen) this.#options.onFault(error);
  }

  lost(): void {
    const wasOpen = this.#state === 'open';
    this.#link = undefined;
    this.#fail(
      new ReticleError('engine_lost', 'the engine of this session was lost', { retryAfterMs: limits.linkDeadMs }),
    );
    if (wasOpen) this.#options.onLost();
  }

  #fail(error: ReticleError): void {
    this.#state = 'closed';
    this.#link?.closeSid(this.#sid);
    this.#link = undefined;
    this.#refuseOpening(error);
    for (const pending of this.#prefills.values()) pending.reject(error);
    this.#prefills.clear();
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task.failed(error);
  }

  #refuseOpening(error: ReticleError): void {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#cancelOpening();
    opening?.reject(error);
  }
}
