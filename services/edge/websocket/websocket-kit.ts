/** For tests: a socket session over a scripted socket, a scripted session layer and a clock that tests move. */
import { base32, RANDOM_ID_BYTES } from '@reticle/core/domain';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import type { ClientCommand, ControlAck, ServerEvent, TurnEnded } from '@reticle/services/session';
import type { Caller, SessionFront, TokenRun } from '@reticle/services/stream';
import { controlAck, runOf, ScriptedFront, sessionView, type ScriptedAttachment } from '../grpc/edge-kit.ts';
import { errorAnswerer } from '../http/error-answer.ts';
import { ended, mark, started } from '../openai/openai-kit.ts';
import { ResponseIds } from '../openai/response-id.ts';
import { Responses } from '../openai/responses.ts';
import type { SocketPort } from './socket-port.ts';
import { SocketSession, type SocketSessionOptions } from './socket-session.ts';

export type Told = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Holds what was sent; takes it at once unless told not to. */
export class ScriptedSocket implements SocketPort {
  readonly told: Told[] = [];
  readonly goodbyes: { readonly code: number; readonly reason: string }[] = [];
  readonly pongs: Uint8Array[] = [];
  pings = 0;
  isDestroyed = false;
  isReading = true;
  isTaking = true;
  backlogBytes = 0;
  readonly #waiting: (() => void)[] = [];

  send(messages: readonly string[], taken: () => void): void {
    for (const message of messages) this.told.push(JSON.parse(message) as Told);
    if (this.isTaking) {
      taken();
      return;
    }
    this.backlogBytes += messages.join('').length;
    this.#waiting.push(taken);
  }

  /** The kernel takes everything that waits. */
  take(): void {
    this.backlogBytes = 0;
    for (const taken of this.#waiting.splice(0)) taken();
  }

  /** The kernel takes the first of what waits. */
  takeOne(): void {
    this.#waiting.shift()?.();
  }

  ping(): void {
    this.pings += 1;
  }

  pong(data: Uint8Array): void {
    this.pongs.push(data);
  }

  read(on: boolean): void {
    this.isReading = on;
  }

  close(code: number, reason: string): void {
    this.goodbyes.push({ code, reason });
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

/** A session layer whose sessions are told apart. */
export class ManySessions extends ScriptedFront {
  readonly #random = seededRandom(11);

  override async createSession(...[caller, request]: Parameters<SessionFront['createSession']>) {
    const created = await super.createSession(caller, request);
    const sessionId = base32(this.#random.bytes(RANDOM_ID_BYTES));
    return { ...created, session: { ...sessionView, sessionId } };
  }
}

type Start = Extract<ClientCommand, { kind: 'start-turn' }>['start'];

export const caller: Caller = { tenant: 'acme', keyId: 'k1', models: [], tiers: ['fast'], defaultTier: 'fast' };

export class SessionRig {
  readonly clock = new VirtualClock();
  readonly front = new ManySessions();
  readonly socket = new ScriptedSocket();
  readonly commands: ClientCommand[] = [];
  readonly session: SocketSession;
  #attachment: ScriptedAttachment | undefined;

  constructor(over: Partial<SocketSessionOptions> = {}) {
    const random = seededRandom(5);
    const { clock, front } = this;
    front.on('attach', (attachment: ScriptedAttachment) => {
      this.#attachment = attachment;
      attachment.on('command', (command: ClientCommand) => this.commands.push(command));
    });
    const responses = new Responses({
      front,
      clock,
      random,
      ids: new ResponseIds([random.bytes(32)]),
      defaultsOf: () => undefined,
    });
    this.session = new SocketSession({
      port: this.socket,
      caller,
      responses,
      clock,
      random,
      answerOf: errorAnswerer({ log: memoryLogger(), random }),
      requestId: 'req1',
      dialect: 'openai',
      wantsReticleEvents: false,
      continues: false,
      partialOnInterrupt: 'discard',
      defer: (callback) => callback(),
      ...over,
    });
  }

  get told(): readonly Told[] {
    return this.socket.told;
  }

  types(): string[] {
    return this.told.map(({ type }) => type.replace('response.', ''));
  }

  /** Says something and lets what it causes happen. */
  async say(message: object | string): Promise<void> {
    this.session.message(typeof message === 'string' ? message : JSON.stringify(message));
    await settled();
  }

  async create(body: object = {}): Promise<void> {
    await this.say({ type: 'response.create', model: 'spark-ref', input: 'Hi', ...body });
  }

  /** Turns that were asked for, in order; the successor of a redirect is one. */
  get starts(): readonly Start[] {
    return this.commands.flatMap((command) => {
      if (command.kind === 'redirect') return [command.redirect.successor];
      return command.kind === 'start-turn' ? [command.start] : [];
    });
  }

  of<Kind extends ClientCommand['kind']>(kind: Kind): readonly Extract<ClientCommand, { kind: Kind }>[] {
    return this.commands.filter((command): command is Extract<ClientCommand, { kind: Kind }> => command.kind === kind);
  }

  get lastStart(): Start {
    const start = this.starts.at(-1);
    if (start === undefined) throw new Error('no turn was asked for');
    return start;
  }

  /** Id of the newest response that was told. */
  get responseId(): string {
    const { response } = this.told.findLast(({ type }) => type === 'response.created') as unknown as {
      response: { id: string };
    };
    return response.id;
  }

  /** The session layer says something of the newest turn. */
  event(event: ServerEvent): void {
    this.#attachment?.sink.event(event);
  }

  start(turnId = this.lastStart.turnId): void {
    this.event({ ...started, turnId });
  }

  /** A turn that has started and told one message so far. */
  async running(body: object = {}, text = 'hello'): Promise<void> {
    await this.create(body);
    this.start();
    this.open();
    this.tokens(0, text);
  }

  open(over: Partial<Parameters<typeof mark>[1]> = {}): void {
    this.event({ ...mark(0, over), turnId: this.lastStart.turnId });
  }

  tokens(firstOffset: number, text: string, turnId = this.lastStart.turnId): void {
    this.raw(runOf(turnId, firstOffset, text));
  }

  /** The session layer breaks at the next command. */
  break(): void {
    if (this.#attachment !== undefined) this.#attachment.failNext = new Error('secret of a defect');
  }

  raw(run: TokenRun): void {
    this.#attachment?.sink.tokens(run);
  }

  end(endOffset: number, over: Partial<TurnEnded> = {}): void {
    this.event({ ...ended(endOffset, over), turnId: over.turnId ?? this.lastStart.turnId });
  }

  /** Answers the newest control. */
  answer(over: Partial<ControlAck>): void {
    const last = this.commands.findLast(({ kind }) => kind === 'interrupt' || kind === 'redirect');
    if (last?.kind !== 'interrupt' && last?.kind !== 'redirect') throw new Error('no control was asked for');
    const { signalId, turnId } = last.kind === 'redirect' ? last.redirect.cut : last.interrupt;
    this.event({ ...controlAck, signalId, turnId, ...over });
  }
}

/** Promises that are settled have told so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Lets the loop turn until something holds; how often it turned. */
export async function until(met: () => boolean): Promise<number> {
  let turns = 0;
  for (; !met(); turns += 1) {
    if (turns > 100_000) throw new Error('the loop turned for nothing');
    await settled();
  }
  return turns;
}
