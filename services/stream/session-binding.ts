/**
 * A session's hold on its engine: the sid on the present link, and what waits for it.
 *
 *  state     open()     Opened   Fault      link lost
 *  closed    opening    –        –          –
 *  opening   opening*   open     closed     closed      (* the older call is refused: another holder came)
 *  open      opening    –        closed     closed         (detach, abandon and drop close it as well)
 *
 * Tasks given to `whenOpen` run in order once the session is open, or fail with what kept it closed. While the
 * session is being moved (`hold`) they wait as well.
 */
import { ReticleError, tierNumber, wireDuration } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Fault } from '@reticle/proto/gen/engine/v1/Fault';
import type { Adopt__Input } from '@reticle/proto/gen/engine/v1/Adopt';
import type { Opened } from '@reticle/proto/gen/engine/v1/Opened';
import type { Prefilled } from '@reticle/proto/gen/engine/v1/Prefilled';
import type { Started } from '@reticle/proto/gen/engine/v1/Started';
import type { Transcript, Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import type { TurnInput } from '@reticle/services/session';
import type { EngineEntry } from './engine-directory.ts';
import type { EngineLink, LinkLoss, SidReceiver } from './link/engine-link.ts';
import { handingRequest } from './handed-records.ts';
import { unknownSession } from './resume-token.ts';
import { detachGraceMs, type SessionFacts, type SessionPorts } from './session-facts.ts';
import { errorOf, turnErrorOf, wireInput } from './wire-values.ts';

export type OpenRequest = {
  /** 0 for a session that no engine knows; else one above the last epoch. */
  readonly minEpoch: number;
  readonly holder: Uint8Array;
  readonly defaultCreditTokens: number;
  readonly idleTtlMs: number;
  /** What goes with the Open, as it is when the link was found and the Open leaves. */
  readonly ofNow: (link: EngineLink) => OpenContent;
  /** Another gateway served the session: the records of its contexts come before `onOpened` (E6). */
  readonly wantTranscript: boolean;
  /** The session's prefix, for an engine that does not know the session. */
  readonly root: readonly TurnInput[];
  /** The engine does not have the session yet: without an answer in time it must not keep it later either. */
  readonly isNew: boolean;
  /** How long the engine may take to be reached; default `limits.linkDeadMs`. */
  readonly boundMs?: number;
  /** The engine has answered; nothing that it sends after its answer is heard before this returns. */
  readonly onOpened: (opened: Opened, link: EngineLink) => void;
};

export type OpenContent = {
  /** Lanes for turns that run on. */
  readonly adopt: Adopt__Input[];
  /** The session's records, for an engine that does not know the session; they follow the Open. */
  readonly records: readonly (readonly Transcript__Input[])[];
  readonly lastClientSeq: number;
};

export type BindingOptions = {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  /** The engine or the link to it is gone under an open session. */
  readonly onLost: (cause: LinkLoss) => void;
  /** Another gateway has taken this session. */
  readonly onTaken: (error: ReticleError) => void;
  readonly onTranscript: (message: Transcript) => void;
  readonly onHostStarted: (message: Started, link: EngineLink) => void;
  readonly onDraining: (timeLeftMs: number) => void;
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
  #opening: (Pending<Opened> & Pick<OpenRequest, 'onOpened'>) | undefined;
  #held = false;
  #previous: { readonly link: EngineLink; readonly sid: number } | undefined;
  /** The engine that has the session, or had it last. */
  engine: EngineEntry;
  #cancelOpening: () => void = () => {};
  #tasks: Task[] = [];

  constructor(options: BindingOptions, engine: EngineEntry) {
    this.#options = options;
    this.engine = engine;
  }

  get state(): 'closed' | 'opening' | 'open' {
    return this.#state;
  }

  /** True while an engine is being looked for; tasks wait. */
  get held(): boolean {
    return this.#held;
  }

  /** Opens the session at an engine and raises its epoch. A later call replaces one that is under way. */
  async open(engine: EngineEntry, request: OpenRequest): Promise<Opened> {
    const { facts, ports } = this.#options;
    const attempt = ++this.#attempt;
    this.#refuseOpening(() => new ReticleError('epoch_stale', 'another attachment took this session'));
    this.#state = 'opening';
    let link: EngineLink;
    try {
      link = await ports.links.linkTo(engine, request.boundMs);
      // Dead links tell nobody; one may have died while this waited its turn.
      if (!link.alive) throw new ReticleError('engine_lost', 'the engine of this session was lost');
      if (link.facts.modelDigest !== facts.modelDigest) {
        throw new ReticleError('engine_lost', 'the engine of this session serves another model');
      }
    } catch (error) {
      if (attempt === this.#attempt) this.#fail(error as ReticleError);
      throw error;
    }
    if (attempt !== this.#attempt) throw new ReticleError('epoch_stale', 'another attachment took this session');
    this.engine = engine;
    return this.#ask(link, request);
  }

  #ask(link: EngineLink, request: OpenRequest): Promise<Opened> {
    const { facts, ports } = this.#options;
    this.#previous = this.#link === undefined ? undefined : { link: this.#link, sid: this.#sid };
    this.#link?.closeSid(this.#sid);
    this.#link = link;
    this.#sid = link.openSid(this);
    const { adopt, records, lastClientSeq } = request.ofNow(link);
    link.send({
      open: {
        sid: this.#sid,
        sessionId: facts.sessionId,
        tenant: facts.tenant,
        tier: tierNumber(facts.tier) as 1 | 2 | 3 | 4,
        minEpoch: request.minEpoch,
        holder: request.holder,
        kvScope: ports.kvScope(facts.tenant, facts.modelDigest),
        signalKey: ports.signalKeys(facts.sessionId),
        wantTranscript: request.wantTranscript,
        // A gateway that takes a session over leaves it as long as it was kept.
        ...(request.wantTranscript ? {} : { idleTtl: wireDuration(request.idleTtlMs) }),
        root: wireInput(request.root),
        records: records.length,
        lastClientSeq,
        detachGrace: wireDuration(detachGraceMs(facts.tier)),
        adopt,
        defaultCreditTokens: request.defaultCreditTokens,
      },
    });
    for (const message of records.flat()) link.send(handingRequest(this.#sid, message));
    return new Promise((resolve, reject) => {
      const opening = { resolve, reject, onOpened: request.onOpened };
      this.#opening = opening;
      // A link can live while its engine does not come to an answer; who waits is told.
      this.#cancelOpening = ports.clock.after(limits.linkDeadMs, () => {
        if (this.#opening !== opening) return;
        // The Open may still arrive: nobody would be there for the session, so it is let go behind it.
        const mode = request.isNew ? 'RELEASE_MODE_DROP' : 'RELEASE_MODE_DETACH';
        link.send({ release: { sid: this.#sid, mode } });
        this.#fail(new ReticleError('engine_lost', 'the engine did not open the session'));
      });
    });
  }

  /** A session that went to another engine is wiped at the one it leaves; what that still sends reaches nobody. */
  #leavePrevious(): void {
    if (this.#previous === undefined) return;
    const { link, sid } = this.#previous;
    this.#previous = undefined;
    if (link.facts.engineId === this.#link?.facts.engineId) return;
    link.send({ release: { sid, mode: 'RELEASE_MODE_DROP' } });
  }

  /** The session is looking for an engine: tasks wait for {@link flush} instead of failing in between. */
  hold(): void {
    this.#held = true;
  }

  /** The search is over; without an engine, what waited fails with `error`. */
  settle(error?: ReticleError): void {
    this.#held = false;
    if (error !== undefined && this.#state === 'closed') this.#failTasks(error);
  }

  whenOpen(task: Task): void {
    if (this.#held) this.#tasks.push(task);
    else if (this.#state === 'open' && this.#link !== undefined) task.run(this.#link, this.#sid);
    else if (this.#state === 'opening') this.#tasks.push(task);
    else task.failed(new ReticleError('engine_lost', 'the session has no engine', { retryAfterMs: limits.linkDeadMs }));
  }

  /** Hands a record to an engine that has answered, ahead of what waits. */
  hand(record: readonly Transcript__Input[]): void {
    if (this.#state !== 'open') return;
    for (const message of record) this.#link?.send(handingRequest(this.#sid, message));
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

  /** The session is another gateway's: what this one has or asks of the engine is let go, also an Open on its way. */
  letGo(error: ReticleError): void {
    if (this.#state !== 'closed') this.#link?.send({ release: { sid: this.#sid, mode: 'RELEASE_MODE_DETACH' } });
    this.abandon(error);
  }

  /** Gives the engine up: what waited for it fails. */
  abandon(error: ReticleError): void {
    this.#attempt += 1;
    this.#fail(error);
  }

  /** The session is over. */
  drop(): void {
    if (this.#link !== undefined) this.#link?.send({ release: { sid: this.#sid, mode: 'RELEASE_MODE_DROP' } });
    this.abandon(unknownSession());
  }

  opened(message: Opened): void {
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#opening = undefined;
    this.#cancelOpening();
    this.#state = 'open';
    const link = this.#link;
    this.#leavePrevious();
    if (link !== undefined) opening.onOpened(message, link);
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
    if (!wasOpen) return;
    if (error.code === 'epoch_stale') this.#options.onTaken(error);
    else this.#options.onLost('hung');
  }

  transcript(message: Transcript): void {
    this.#options.onTranscript(message);
  }

  hostStarted(message: Started, link: EngineLink): void {
    this.#options.onHostStarted(message, link);
  }

  draining(timeLeftMs: number): void {
    this.#options.onDraining(timeLeftMs);
  }

  lost(cause: LinkLoss): void {
    const wasOpen = this.#state === 'open';
    this.#link = undefined;
    this.#fail(
      new ReticleError('engine_lost', 'the engine of this session was lost', { retryAfterMs: limits.linkDeadMs }),
    );
    if (wasOpen) this.#options.onLost(cause);
  }

  #fail(error: ReticleError): void {
    this.#state = 'closed';
    this.#link?.closeSid(this.#sid);
    this.#link = undefined;
    this.#refuseOpening(() => error);
    for (const pending of this.#prefills.values()) pending.reject(error);
    this.#prefills.clear();
    if (!this.#held) this.#failTasks(error);
  }

  #failTasks(error: ReticleError): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task.failed(error);
  }

  /** The error is made for an open that is under way alone: its stack costs more than the rest of an open. */
  #refuseOpening(error: () => ReticleError): void {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#cancelOpening();
    opening?.reject(error());
  }
}
