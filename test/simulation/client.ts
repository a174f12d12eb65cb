/**
 * One session's client, a small state machine that follows PROTOCOL §7:
 *
 *     creating ──session──▶ away ──attach──▶ attaching ──Attached──▶ attached ──all done──▶ closing ──▶ over
 *                            ▲                   │ refused, broken      │ broken, ended, leaves
 *                            └───────────────────┴──────────────────────┘
 *
 * It comes back with its token and a cursor for every turn whose terminal it has not seen, sends again what is above
 * `last_applied_seq`, and trims at receipts. What it does in between is its workload's choice.
 */
import type { ClientCommand, ControlAck, Interrupt, ServerEvent } from '@reticle/services/session';
import { call, ClientConnection, type CallOutcome } from './client-connection.ts';
import { ClientTurn, type TurnPlan } from './client-turn.ts';
import type { ClientSpec, ClientSurroundings } from './client-spec.ts';
import { begunBy, CommandLog, describeCommand, signalOf, type Command, type Numbered } from './command-log.ts';
import { expectations, isRetried } from './expectations.ts';
import type { Frame, FromGateway, WireError } from './front-messages.ts';
import { answererOf } from './front-watch.ts';
import { nodeOf } from './link-wire.ts';
import type { Dice } from './seeds.ts';
import { noteAnswer, UNANSWERED, type SentSignal } from './sent-signal.ts';
import { SimProcess } from './sim-process.ts';
import { Workload } from './workload.ts';

export type ClientState = 'creating' | 'away' | 'attaching' | 'attached' | 'closing' | 'over';

export class SimClient {
  readonly spec: ClientSpec;
  readonly process: SimProcess;
  readonly turns = new Map<string, ClientTurn>();
  readonly signals = new Map<string, SentSignal>();
  /** Why the session was given up; undefined while it lives or after it was closed in order. */
  gaveUp: string | undefined;
  readonly #around: ClientSurroundings;
  readonly #dice: Dice;
  readonly #workload: Workload;
  #state: ClientState = 'creating';
  #sessionId = '';
  #token = '';
  #epoch = 0;
  readonly #log: CommandLog;
  #connection: ClientConnection | undefined;
  /** The gateway of the present or last attachment. */
  #gateway: string;
  /** The one that had the session last. */
  #holder = '';
  #awayMs = 0;
  /** Since when the session may be without a client: since it was asked for, which may be answered much later. */
  #aloneMs = 0;
  /** Budget past what it has acknowledged. */
  readonly creditTokens: number;

  constructor(spec: ClientSpec, around: ClientSurroundings) {
    this.spec = spec;
    this.#around = around;
    this.process = new SimProcess(around.world, { name: spec.node, node: spec.node });
    this.#dice = around.world.dice(`client ${spec.node}`);
    this.creditTokens = this.#dice.integer(8, 512);
    this.#log = new CommandLog({
      isAnswered: (command) => this.#isAnswered(command),
      resendsFlow: this.#dice.chance(0.5) && expectations.flowsSentAgain,
    });
    this.#gateway = this.#dice.pick(around.gateways());
    this.#workload = new Workload(this, this.#dice);
    this.process.clock.after(this.#dice.between(300, 1_500), () => this.#create());
  }

  get state(): ClientState {
    return this.#state;
  }

  get sessionId(): string {
    return this.#sessionId;
  }

  /** Where calls from outside the stream go: any gateway that may serve them. */
  get sideGateway(): string {
    return expectations.signalsElsewhere ? this.#dice.pick(this.#around.gateways()) : this.#gateway;
  }

  /** A context may be gone with the gateway that alone knew of it. */
  get mayLackContexts(): boolean {
    return !expectations.failover || (!expectations.contextsSurvive && this.#around.gatewayDied());
  }

  get liveTurns(): ClientTurn[] {
    return [...this.turns.values()].filter((turn) => !turn.over);
  }

  later(delayMs: number, run: () => void): void {
    this.process.clock.after(delayMs, run);
  }

  violated(rule: string, text: string): void {
    this.#around.world.violated(rule, `${this.spec.node} (session ${this.#sessionId.slice(0, 4)}): ${text}`);
  }

  note(text: string): void {
    this.#around.world.note('client', `${this.spec.node} ${text}`);
  }

  /** A new turn of this session, not yet sent. */
  turn(plan: TurnPlan): ClientTurn {
    const turn = new ClientTurn(plan, {
      chain: this.spec.chain,
      root: this.#around.root,
      violated: (rule, text) => this.violated(rule, text),
      host: () => this.#around.hosts.hostOf(this.#sessionId),
      askedToCut: (turnId) => [...this.signals.values()].some(({ interrupt }) => interrupt.turnId === turnId),
    });
    turn.credit = this.creditTokens;
    this.turns.set(plan.turnId, turn);
    return turn;
  }

  signal(interrupt: Interrupt): void {
    const { mode, keepThroughOffset, signalId } = interrupt;
    this.signals.set(signalId, { interrupt, asked: { mode, keepThroughOffset }, ...UNANSWERED });
  }

  /** Numbers a command, keeps it until it is known to be applied, and sends it when attached. */
  send(command: Command): void {
    const numbered = this.#log.add(command);
    if (this.#state === 'attached') this.#transmit(numbered);
  }

  /** A call on a connection of its own. */
  call(request: Parameters<typeof call>[1], done: (outcome: CallOutcome) => void, gateway = this.sideGateway): void {
    call({ network: this.#around.network, process: this.process, address: gateway }, request, done);
  }

  /** Reads a turn along, without any part in it. */
  observe(turn: ClientTurn, nextOffset: number): void {
    const { network } = this.#around;
    let at = nextOffset;
    const connection = new ClientConnection({
      network,
      process: this.process,
      address: this.sideGateway,
      closed: () => {},
      message: (message) => {
        if (message.kind === 'tokens') {
          const { firstOffset, tokenCount } = message.frame;
          if (firstOffset !== at) this.violated('dense', `replay of ${turn.turnId}: ${firstOffset}, wanted ${at}`);
          at = firstOffset + tokenCount;
          turn.observed(message.frame);
        } else if (message.kind === 'end') connection.close();
      },
    });
    const { sessionId } = this;
    const request = { sessionId, turnId: turn.turnId, nextOffset, framePolicy: POLICY };
    connection.send({ kind: 'replay', tenant: this.spec.tenant, request });
    this.later(this.#dice.between(50, 4_000), () => connection.close());
  }

  /** Leaves without a word and comes back after a while. */
  leave(awayMs: number): void {
    if (this.#state !== 'attached') return;
    this.note('leaves');
    this.#connection?.close();
    this.#away('left', awayMs);
  }

  /** The work is done: every turn has its terminal. */
  finish(closes: boolean): void {
    if (this.#state !== 'attached') return;
    if (!closes) {
      this.#connection?.close();
      this.#over();
      return;
    }
    this.#state = 'closing';
    this.#connection?.close();
    this.#close(0);
  }

  #close(attempt: number): void {
    const { tenant } = this.spec;
    this.call(
      { kind: 'call', tenant, call: { method: 'close', sessionId: this.#sessionId } },
      (outcome) => {
        if (outcome.kind !== 'answer' && attempt < 3) this.later(200, () => this.#close(attempt + 1));
        else this.#over();
      },
      this.#gateway,
    );
  }

  #create(): void {
    this.#aloneMs ||= this.#around.world.nowMs;
    const { tenant, chain, prefix, idleTtlMs } = this.spec;
    const request = {
      requestId: this.spec.node,
      model: chain.servedName,
      allowedRegions: [],
      cacheKey: '',
      prefix: prefix.map((json) => ({ kind: 'item' as const, json })),
      idleTtlMs,
      bodyDigest: this.spec.node,
    };
    this.call(
      { kind: 'call', tenant, call: { method: 'create', request } },
      (outcome) => this.#created(outcome),
      this.#gateway,
    );
  }

  #created(outcome: CallOutcome): void {
    if (outcome.kind === 'answer') {
      const { session, resumeToken } = outcome.value as { session: { sessionId: string }; resumeToken: string };
      this.#sessionId = session.sessionId;
      this.#token = resumeToken;
      this.#holder = this.#gateway;
      this.#away('created', 0);
      return;
    }
    if (outcome.kind === 'refused' && !isRetried(outcome.code) && outcome.code !== 'model_not_found') {
      this.violated('typed', `create was refused: ${outcome.code} ${outcome.message}`);
    }
    this.#gateway = this.#dice.pick(this.#around.gateways());
    this.later(this.#dice.between(100, 400), () => this.#create());
  }

  #away(why: string, awayMs = this.#dice.between(10, 200)): void {
    this.note(`away: ${why}`);
    this.#connection = undefined;
    if (this.#state !== 'attaching') this.#awayMs = this.#around.world.nowMs;
    if (this.#state === 'attached') this.#aloneMs = this.#awayMs;
    this.#state = 'away';
    this.later(awayMs, () => this.#attach());
  }

  #attach(): void {
    if (this.#state !== 'away') return;
    const { network, gateways } = this.#around;
    if (expectations.takeover) this.#gateway = this.#dice.pick(gateways());
    this.#state = 'attaching';
    const connection: ClientConnection = new ClientConnection({
      network,
      process: this.process,
      address: this.#gateway,
      message: (message) => {
        if (this.#connection === connection) this.#message(message);
      },
      closed: (reason) => {
        if (this.#connection === connection) this.#away(reason);
      },
    });
    this.#connection = connection;
    const cursors = this.liveTurns
      .filter((turn) => !turn.plan.warm)
      .map(({ turnId, position }) => ({ turnId, nextOffset: position, creditTokens: this.creditTokens }));
    connection.send({
      kind: 'attach',
      tenant: this.spec.tenant,
      request: { resumeToken: this.#token, cursors, defaultCreditTokens: this.creditTokens, framePolicy: POLICY },
    });
  }

  #message(message: FromGateway): void {
    if (message.kind === 'event') this.#event(message.event);
    else if (message.kind === 'tokens') this.#tokens(message.frame);
    else if (message.kind === 'end') this.#ended(message.error);
  }

  #ended(error: WireError | undefined): void {
    this.#connection?.close();
    const awayMs = this.#around.world.nowMs - this.#awayMs;
    if (error !== undefined && !(isRetried(error.code) && awayMs < PATIENCE_MS)) {
      this.#giveUp(error);
      return;
    }
    // Longer and longer, as a client does that means well.
    const retryAfterMs = error?.retryAfterMs ?? 0;
    const againMs = Math.max(retryAfterMs * this.#dice.unit(), awayMs / 3) + 20;
    this.#away(`ended ${error?.code ?? 'ok'}`, Math.min(againMs, 2_000));
  }

  #giveUp({ code, message }: WireError): void {
    const { idleTtlMs } = this.spec;
    const reason = this.#around.mayEnd({ code, gatewayNode: nodeOf(this.#holder), sinceMs: this.#aloneMs, idleTtlMs });
    if (reason === undefined) this.violated('typed', `attach was refused: ${code} ${message}`);
    this.gaveUp = `${code}: ${reason ?? 'no reason'}`;
    this.note(`gives up: ${this.gaveUp}`);
    this.#over();
  }

  #over(): void {
    this.#state = 'over';
    this.#connection = undefined;
  }

  #event(event: ServerEvent): void {
    switch (event.kind) {
      case 'attached':
        this.#attached(event);
        return;
      case 'turn-started':
        this.#token = event.resumeToken;
        this.#known(event.turnId, 'TurnStarted')?.started(event);
        this.#workload.progressed(event.turnId);
        return;
      case 'control-ack':
        this.answered(event);
        return;
      case 'turn-ended':
        this.note(`terminal ${event.turnId} ${event.status} ${event.endOffset} ${event.error?.code ?? ''}`);
        this.#known(event.turnId, 'TurnEnded')?.ended(event);
        this.#workload.ended(event);
        return;
      case 'go-away':
        this.#token = event.resumeToken;
        return;
      default:
    }
  }

  #known(turnId: string, what: string): ClientTurn | undefined {
    const turn = this.turns.get(turnId);
    if (turn === undefined) this.violated('foreign', `${what} of ${turnId}, which this client never started`);
    return turn;
  }

  #attached({ session, resumeToken, lastAppliedSeq }: Extract<ServerEvent, { kind: 'attached' }>): void {
    if (session.sessionId !== this.#sessionId) this.violated('foreign', `attached to ${session.sessionId}`);
    if (session.epoch <= this.#epoch) this.violated('epoch', `attached at ${session.epoch} after ${this.#epoch}`);
    this.#epoch = session.epoch;
    this.#holder = this.#gateway;
    this.#token = resumeToken;
    this.#state = 'attached';
    for (const turn of this.liveTurns) turn.resumed(this.creditTokens);
    for (const numbered of this.#log.resend(lastAppliedSeq)) {
      const again = this.turns.get(begunBy(numbered.command) ?? '');
      if (again !== undefined) again.repeats += 1;
      this.#transmit(numbered);
    }
    this.#workload.attached();
  }

  #isAnswered(command: Command): boolean {
    const signalId = signalOf(command);
    if (signalId !== undefined && this.signals.get(signalId)?.answer === undefined) return false;
    const turn = this.turns.get(begunBy(command) ?? '');
    return turn === undefined || turn.position > 0 || turn.over;
  }

  #transmit({ seq, command }: Numbered): void {
    this.#around.world.tell('client', () => `${this.spec.node} sends ${seq} ${describeCommand(command)}`);
    this.#connection?.send({ kind: 'command', command: { seq, ...command } as ClientCommand });
  }

  /** A receipt, in the stream or as the answer of a call: every copy of a control gets the same. */
  answered(ack: ControlAck, outside = false): void {
    const sent = this.signals.get(ack.signalId);
    const turn = this.turns.get(ack.turnId);
    if (sent === undefined || turn === undefined) {
      this.violated('foreign', `receipt of signal ${ack.signalId}, turn ${ack.turnId}`);
      return;
    }
    if (ack.outcome !== 'applied' && ack.outcome !== 'already-ended') return;
    const { hosts } = this.#around;
    const by = answererOf(hosts, this.#sessionId, ack);
    const moved = noteAnswer(sent, ack, { outside, host: hosts.hostOf(this.#sessionId), by });
    if (moved !== undefined) this.violated('receipt', moved);
    if (outside) turn.ackedOutside(ack, sent.asked, by);
    else turn.acked(ack, sent.asked);
  }

  #tokens(frame: Frame): void {
    const turn = this.#known(frame.turnId, 'tokens');
    if (turn === undefined) return;
    turn.frame(frame);
    if (turn.credit > 0 && turn.position - turn.acknowledged >= turn.credit / 4) this.acknowledge(turn, turn.credit);
    this.#workload.progressed(frame.turnId);
  }

  acknowledge(turn: ClientTurn, creditTokens: number): void {
    turn.acknowledged = turn.position;
    const { turnId, position: receivedThroughOffset } = turn;
    this.send({ kind: 'flow', flow: { turnId, receivedThroughOffset, creditTokens } });
  }
}

/** How long a client comes again when it is refused for a while. */
const PATIENCE_MS = 20_000;
const POLICY = { includeTokenIds: true, omitText: false } as const;
