/**
 * Responses of this gateway: which session a request continues, the turn it becomes, and what is kept of it.
 *
 * A session is a conversation's context; `previous_response_id` names session and turn, so a fork is a turn with the
 * same parent (PROTOCOL §4.1). Without it a request of Codex goes on in the session of its thread, and any other has a
 * session of its own.
 */
import { createHash } from 'node:crypto';
import { base32, RANDOM_ID_BYTES, ReticleError, type ModelDefaults } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import { within } from '@reticle/core/process';
import { limits } from '@reticle/proto/contract';
import type { ControlAck, CutMode, StartTurn } from '@reticle/services/session';
import { tiersFor, type Caller, type SessionFront } from '@reticle/services/stream';
import { Conversation, type ConversationOptions, type Place } from './conversation.ts';
import type { CreateResponse } from './create-response.ts';
import { checkCalls } from './decode-input.ts';
import { mayHelpAnew } from './dialect.ts';
import { withDefaults } from './model-defaults.ts';
import { ResponseIds, type NamedResponse, type ResponseRef } from './response-id.ts';
import type { ResponseProfile } from './response-profile.ts';
import { isCall, ResponseRecord } from './response-record.ts';
import { hasMoved, refusedTakeover, UNKNOWN_REQUEST, unknownResponse, type Have } from './taken-response.ts';
import type { Thread } from './thread.ts';
import { Threads } from './threads.ts';

/** How long a response can be read after its terminal: as long as the service replays its tokens, or a background result is kept (§4.1). */
const KEPT_MS = limits.ringKeepMs;
const BACKGROUND_KEPT_MS = 10 * 60_000;

/** A turn that is cut ends within this, or its session is given up. */
const CUT_MS = 2_000;
/** A session that was lost refuses within this; what takes longer was admitted and waits. */
const TAKEN_MS = 250;

export type ResponsesOptions = {
  readonly front: SessionFront;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: ResponseIds;
  /** What a model gives to requests that leave it open. */
  readonly defaultsOf: (model: string) => ModelDefaults | undefined;
};

/** One response that this gateway serves, running or over. */
export type ServedResponse = ResponseRef & {
  readonly tenant: string;
  readonly profile: ResponseProfile;
  readonly record: ResponseRecord;
  readonly conversation: Conversation;
  /** What was asked for, without its input: what follows the response inherits it. */
  readonly settings: CreateResponse;
};

export type RedirectRequest = {
  readonly mode: CutMode;
  readonly keepThroughOffset?: number;
  readonly create: CreateResponse;
};

export class Responses {
  readonly #options: ResponsesOptions;
  readonly #served = new Map<string, ServedResponse>();
  readonly #conversations = new Map<string, Conversation>();
  readonly #recovering = new Map<string, Promise<ServedResponse>>();
  /** Call ids of the conversations whose every turn was served here. */
  readonly #calls = new WeakMap<Conversation, Set<string>>();
  readonly #threads: Threads;

  constructor(options: ResponsesOptions) {
    this.#options = options;
    this.#threads = new Threads(options.clock);
  }

  /** Responses that are held. */
  get size(): number {
    return this.#served.size;
  }

  /** A request as it is read from here on: with what its model gives where it says nothing. */
  complete(create: CreateResponse): CreateResponse {
    return withDefaults(create, this.#options.defaultsOf(create.model));
  }

  /**
   * Starts a response; its record tells the rest.
   *
   * @throws ReticleError what refuses the session; a turn that is refused ends its record instead
   */
  async create(caller: Caller, create: CreateResponse): Promise<ServedResponse> {
    const { previousResponseId } = create;
    const thread = this.#threads.of(caller, create);
    if (previousResponseId !== undefined) return this.#createAfter(caller, create, { previousResponseId, thread });
    if (thread !== undefined) return thread.alone(() => this.#createInThread(caller, create, thread));
    const served = this.#hold(caller, create, await this.#newConversation(caller, create));
    this.#start(create, served, '');
    return served;
  }

  async #createAfter(
    caller: Caller,
    create: CreateResponse,
    { previousResponseId, thread }: { readonly previousResponseId: string; readonly thread: Thread | undefined },
  ): Promise<ServedResponse> {
    const { conversation, turnId: parentTurnId } = this.#parent(caller, previousResponseId);
    checkAsked(caller, create, conversation);
    this.#checkCalls(conversation, create);
    const begins = await thread?.pointAfter(parentTurnId, create);
    const served = this.#hold(caller, create, conversation);
    // It may have moved to another session meanwhile.
    if (thread?.sessionId === conversation.sessionId) {
      thread.follow({ ...served, generates: create.generate, begins });
    }
    this.#start(create, served, parentTurnId);
    return served;
  }

  /** A request of a thread sends the whole conversation: it goes on where that is warm, or in a session of its own. */
  async #createInThread(caller: Caller, create: CreateResponse, thread: Thread): Promise<ServedResponse> {
    if (create.generate && !(await this.#stopRunning(thread))) thread.moveTo(undefined);
    const { parentTurnId, items, begins } = await thread.place(create);
    const { sessionId } = thread;
    if (sessionId !== undefined) {
      const rest = { ...create, items: create.items.slice(items) };
      const conversation = this.#conversations.get(sessionId) ?? this.#converse(caller, sessionId);
      const served = this.#hold(caller, rest, conversation);
      thread.follow({ ...served, generates: create.generate, begins });
      this.#start(rest, served, parentTurnId);
      if (await this.#isTaken(served)) return served;
    }
    const conversation = await this.#newConversation(caller, create);
    thread.moveTo(conversation.sessionId);
    const served = this.#hold(caller, create, conversation);
    thread.follow({ ...served, generates: create.generate, begins });
    this.#start(create, served, '');
    return served;
  }

  /** Ends what still runs in a thread: its client has moved on. False for a turn that does not end in time. */
  async #stopRunning({ running, sessionId }: Thread): Promise<boolean> {
    const conversation = this.#conversations.get(sessionId ?? '');
    for (const { turnId } of running) {
      // A session that is lost meanwhile has ended the record.
      conversation?.cut({ turnId, mode: 'discard-partial-items', reason: 'user' }).catch(() => {});
    }
    return within(this.#options.clock, Promise.all(running.map(({ record }) => record.whenEnded())), CUT_MS);
  }

  /** False for a turn that its session cannot take: it is lost, or has forgotten what the turn goes on from. */
  async #isTaken({ record }: ServedResponse): Promise<boolean> {
    const begun = (): boolean => record.started !== undefined || record.ended !== undefined;
    await within(this.#options.clock, record.until(begun), TAKEN_MS);
    const error = record.started === undefined ? record.ended?.error : undefined;
    return error === undefined || !mayHelpAnew(error.code);
  }

  #start(create: CreateResponse, { conversation, turnId, record }: ServedResponse, parentTurnId: string): void {
    conversation.start(startTurn(create, { turnId, parentTurnId }), record, create.trace);
  }

  /**
   * Starts so many answers to one request, as sibling turns of a session of its own (Chat's `n`).
   *
   * @throws ReticleError what refuses the session
   */
  async createChoices(caller: Caller, create: CreateResponse, count: number): Promise<readonly ServedResponse[]> {
    const conversation = await this.#newConversation(caller, create);
    return Array.from({ length: count }, (_, choice) => {
      const own = choice === 0 ? create : { ...create, params: { ...create.params, choice } };
      const served = this.#hold(caller, own, conversation);
      this.#start(own, served, '');
      return served;
    });
  }

  /** @throws ReticleError `turn_not_found`, the same for unknown, foreign, forged and forgotten ids */
  find(caller: Caller, responseId: string): ServedResponse {
    const served = this.held(caller, responseId);
    if (served === undefined) throw unknownResponse();
    return served;
  }

  /** A response that this gateway serves, running or over. */
  held(caller: Caller, responseId: string): ServedResponse | undefined {
    const served = this.#served.get(responseId);
    return served?.tenant === caller.tenant ? served : undefined;
  }

  /**
   * As {@link find}, but a response that another gateway of the cell serves is taken over, with its session. Resolves when
   * it is here as far as its client has it, or has ended.
   *
   * Rejects with `turn_not_found` as {@link find} throws it, and with what refuses the takeover.
   */
  async recover(caller: Caller, responseId: string, have: Have): Promise<ServedResponse> {
    const ref = this.#options.ids.open(responseId, caller.tenant);
    if (ref === undefined) throw unknownResponse();
    const pending = this.#recovering.get(responseId);
    if (pending !== undefined) return pending;
    const served = this.#served.get(responseId);
    const known = this.#conversations.get(ref.sessionId);
    // Where turns of the session run, every response of it that can be read is held; to take it over would end them.
    if ((known?.running ?? 0) > 0 || (served !== undefined && !hasMoved(served))) return this.find(caller, responseId);
    known?.close();
    const taking = this.#takeOver(caller, ref, have).finally(() => this.#recovering.delete(responseId));
    this.#recovering.set(responseId, taking);
    return taking;
  }

  /** The record begins anew: what its client has of it comes again first, and nobody else takes it. */
  async #takeOver(caller: Caller, ref: NamedResponse, { offset, resumeToken }: Have): Promise<ServedResponse> {
    const conversation = this.#converse(caller, ref.sessionId, resumeToken === undefined ? {} : { resumeToken });
    const record = new ResponseRecord(ref.turnId);
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = record.listen(() => {
      conversation.flushed(ref.turnId, Math.min(record.end, offset));
      if (record.ended === undefined && (record.started === undefined || record.end < offset)) return;
      stop();
      resolve();
    });
    conversation.follow(ref.turnId, record);
    await promise;
    const { started } = record;
    if (started !== undefined) {
      const create = { ...UNKNOWN_REQUEST, model: started.model };
      return this.#hold(caller, create, conversation, { record, createdAt: ref.createdAt });
    }
    // A token may have been of another session: nothing may go on with it under this one's name.
    conversation.close();
    this.#conversations.delete(ref.sessionId);
    throw refusedTakeover(record);
  }

  /**
   * The turn whose client was given this token.
   *
   * @throws ReticleError `turn_not_found`, the same for unknown, foreign, forged and forgotten tokens
   */
  findByToken(caller: Caller, resumeToken: string): ServedResponse {
    for (const served of this.#served.values()) {
      const { record, conversation, tenant } = served;
      const given = [record.started?.resumeToken, conversation.resumeToken];
      if (tenant === caller.tenant && given.includes(resumeToken)) return served;
    }
    throw unknownResponse();
  }

  /** Ends a running response at a token; a finished one stays as it is. */
  async cut(served: ServedResponse, mode: CutMode, keepThroughOffset?: number): Promise<ControlAck | undefined> {
    if (served.record.ended !== undefined) return undefined;
    const { turnId, conversation } = served;
    const keep = keepThroughOffset === undefined ? {} : { keepThroughOffset };
    return conversation.cut({ turnId, mode, ...keep, reason: 'user' });
  }

  /**
   * Ends a running response whose client has left. Codex keeps no partial item, and sends its conversation without it;
   * others may read what there is.
   */
  leave(served: ServedResponse): void {
    const mode = served.profile.dialect === 'codex' ? 'discard-partial-items' : 'keep-generated';
    // Nobody waits for the receipt; a session that is out of reach ends its turns by itself.
    this.cut(served, mode).catch(() => {});
  }

  /**
   * Ends a running response and starts its successor in one message (R3); `receipt` is the cut's. A successor that cannot
   * start ends its record.
   */
  redirect(
    caller: Caller,
    served: ServedResponse,
    { mode, keepThroughOffset, create }: RedirectRequest,
  ): { readonly successor: ServedResponse; readonly receipt: Promise<ControlAck> } {
    const { conversation, turnId, profile } = served;
    const keep = keepThroughOffset === undefined ? {} : { keepThroughOffset };
    checkAsked(caller, create, conversation);
    const request = this.complete({ ...create, dialect: profile.dialect, previousResponseId: profile.id });
    const successor = this.#hold(caller, request, conversation);
    const start = startTurn(request, { turnId: successor.turnId, parentTurnId: turnId });
    const receipt = conversation.redirect({ turnId, mode, ...keep, reason: 'user' }, start, successor.record);
    return { successor, receipt };
  }

  /** What names a response that nothing was started for; whoever gave the id out answers for it. */
  unstarted(caller: Caller, create: CreateResponse): ResponseProfile {
    const { random } = this.#options;
    const turnId = ResponseIds.turnId((count) => random.bytes(count));
    return this.#profile(caller, create, {
      createdAt: this.#seconds(),
      sessionId: base32(random.bytes(RANDOM_ID_BYTES)),
      turnId,
    });
  }

  /** Ends every attachment; sessions live on at their engines. */
  close(): void {
    for (const conversation of this.#conversations.values()) conversation.close();
  }

  #parent(caller: Caller, responseId: string): { readonly conversation: Conversation; readonly turnId: string } {
    const ref = this.#options.ids.open(responseId, caller.tenant);
    if (ref === undefined) throw unknownResponse('previous_response_id');
    const known = this.#conversations.get(ref.sessionId);
    // Its attachment has the rights of whoever opened it; another key may have fewer.
    if (known?.place !== undefined) checkTier(caller, known.place);
    return { conversation: known ?? this.#converse(caller, ref.sessionId), turnId: ref.turnId };
  }

  /** Of a conversation that began elsewhere not every call is known, so nothing is refused (W14). */
  #checkCalls(conversation: Conversation, { calls }: CreateResponse): void {
    const known = this.#calls.get(conversation);
    if (known !== undefined && calls !== undefined) checkCalls(calls, (callId) => known.has(callId));
  }

  #noteCalls(conversation: Conversation, callIds: readonly string[]): void {
    const known = this.#calls.get(conversation);
    for (const callId of callIds) known?.add(callId);
  }

  async #newConversation(caller: Caller, { model, tier, cacheKey, trace }: CreateResponse): Promise<Conversation> {
    const { front, random } = this.#options;
    const { session, resumeToken } = await front.createSession(caller, {
      requestId: ResponseIds.turnId((count) => random.bytes(count)),
      model,
      ...(tier === undefined ? {} : { tier }),
      allowedRegions: [],
      cacheKey,
      prefix: [],
      trace,
      bodyDigest: '',
    });
    const conversation = this.#converse(caller, session.sessionId, { resumeToken, place: session });
    this.#calls.set(conversation, new Set());
    return conversation;
  }

  #converse(
    caller: Caller,
    sessionId: string,
    known: Pick<ConversationOptions, 'resumeToken' | 'place'> = {},
  ): Conversation {
    const { front, clock, random } = this.#options;
    const onIdle = (): void => {
      if (this.#conversations.get(sessionId) === conversation) this.#conversations.delete(sessionId);
    };
    const conversation: Conversation = new Conversation({ front, caller, clock, random, sessionId, onIdle, ...known });
    this.#conversations.set(sessionId, conversation);
    return conversation;
  }

  #hold(
    caller: Caller,
    create: CreateResponse,
    conversation: Conversation,
    made: { readonly record: ResponseRecord; readonly createdAt: number } = this.#newRecord(),
  ): ServedResponse {
    const { clock } = this.#options;
    const { sessionId } = conversation;
    const { record, createdAt } = made;
    const { turnId } = record;
    const profile = this.#profile(caller, create, { createdAt, sessionId, turnId });
    const { id } = profile;
    const { calls: _calls, ...asked } = create;
    const settings = { ...asked, items: [] };
    const served = { tenant: caller.tenant, sessionId, turnId, profile, record, conversation, settings };
    this.#served.set(id, served);
    const look = (): void => {
      if (record.ended === undefined) return;
      stop();
      const made = record.items.filter(({ kind }) => isCall(kind));
      this.#noteCalls(
        conversation,
        made.map(({ callId }) => callId),
      );
      clock.after(create.background ? BACKGROUND_KEPT_MS : KEPT_MS, () => {
        if (this.#served.get(id) === served) this.#served.delete(id);
      });
    };
    const stop = record.listen(look);
    // One that was taken over may be over.
    look();
    this.#noteCalls(conversation, create.calls?.made ?? []);
    return served;
  }

  #newRecord(): { readonly record: ResponseRecord; readonly createdAt: number } {
    const { random } = this.#options;
    return {
      record: new ResponseRecord(ResponseIds.turnId((count) => random.bytes(count))),
      createdAt: this.#seconds(),
    };
  }

  #seconds(): number {
    return Math.floor(this.#options.clock.wallMs() / 1_000);
  }

  #profile(caller: Caller, create: CreateResponse, ref: NamedResponse): ResponseProfile {
    return {
      ...create.echo,
      id: this.#options.ids.mint(ref, caller.tenant),
      createdAt: ref.createdAt,
      model: create.model,
      previousResponseId: create.previousResponseId,
      background: create.background,
      defaults: create.defaults ?? [],
      sessionId: ref.sessionId,
      dialect: create.dialect ?? 'openai',
    };
  }
}

function startTurn(
  create: CreateResponse,
  { turnId, parentTurnId }: { turnId: string; parentTurnId: string },
): StartTurn {
  const { items, params, maxOutputTokens, generate, tier } = create;
  return {
    turnId,
    parentTurnId,
    input: items,
    params,
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(tier === undefined ? {} : { tier }),
    prefillOnly: !generate,
    bodyDigest: createHash('sha256')
      .update(items.map(({ json }) => json).join('\0'))
      .digest('base64url'),
  };
}

/** What a request asks for in a conversation that another key may have opened. @throws ReticleError as {@link checkTier} */
function checkAsked(caller: Caller, { model, tier }: CreateResponse, { place }: Conversation): void {
  if (tier !== undefined) checkTier(caller, { model: place?.model ?? model, tier });
}

/** @throws ReticleError `tier_required` for what the caller may not use */
function checkTier(caller: Caller, { model, tier }: Place): void {
  if (tiersFor(caller, model).includes(tier)) return;
  throw new ReticleError('tier_required', 'the key may not use this tier', { param: 'tier' });
}
