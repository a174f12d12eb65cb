/** Sessions that come, talk for a few turns and go, every token known in advance. */
import { seededRandom, type Random } from '@reticle/core/flow';
import { flatChain, OracleContext, type OracleTurn } from '../kit/index.ts';
import { interrupt, randomId, redirect, start, turnOf, userItem } from '../kit/commands.ts';
import { modes, type InputItem__Input, type StartTurn__Input } from '../kit/wire.ts';
import { tenants, type Cluster, type TenantName } from './cluster.ts';
import { ResilientSession, SessionLost, type SessionPorts } from './resilient-session.ts';
import { WatchedTurn } from './watched-turn.ts';

/** Words of the sessions' turns; a run's mix is fixed by its seed. */
export type TrafficOptions = {
  readonly sessions: number;
  readonly turnsPerSession: number;
  readonly turnTokensMin: number;
  readonly turnTokensMax: number;
};

/** Every stream of the runner's engines speaks at this speed, so that load is sessions × this. */
export const TOKENS_PER_SECOND = 50;

export const faultChain = flatChain(TOKENS_PER_SECOND);

export type TrafficPorts = Pick<SessionPorts, 'nowMs' | 'silenceMs' | 'onLost' | 'onReconnected' | 'onReceipt'> & {
  /** A turn that will say nothing more. */
  readonly onTurn: (turn: WatchedTurn) => void;
  /** A session ended early. */
  readonly onSessionLost: (sessionId: string, why: string) => void;
};

const PARTS = 'abcdefghijklmnopqrstuvwxyz234567';
const CANARY_LETTERS = 6;
const PAUSE_MS = 10;

export class Traffic {
  readonly #cluster: Cluster;
  readonly #options: TrafficOptions;
  readonly #ports: TrafficPorts;
  readonly #random: Random;
  readonly #sessions = new Set<ResilientSession>();
  readonly #loops: Promise<void>[] = [];
  #stopped = false;
  #tokens = 0;

  constructor(cluster: Cluster, options: TrafficOptions & { readonly seed: number }, ports: TrafficPorts) {
    this.#cluster = cluster;
    this.#options = options;
    this.#ports = ports;
    this.#random = seededRandom(options.seed);
  }

  /** Tokens that clients have received so far. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Turns that run now, with the gateway their client talks to. */
  get live(): readonly { readonly turn: WatchedTurn; readonly gateway: number }[] {
    return [...this.#sessions].flatMap((session) =>
      session.unfinished.map((turn) => ({ turn, gateway: session.gateway })),
    );
  }

  start(): void {
    for (let index = 0; index < this.#options.sessions; index += 1) this.#loops.push(this.#loop(index));
  }

  /** Lets every session finish what it is at, and then no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  async #loop(index: number): Promise<void> {
    // Staggered, so that turns are at every stage at any moment.
    await pause(this.#random.unit() * 2_000);
    while (!this.#stopped) await this.#session(tenants[index % tenants.length] ?? 'acme');
  }

  async #session(tenant: TenantName): Promise<void> {
    const { nowMs, silenceMs, onLost, onReconnected, onReceipt, onSessionLost, onTurn } = this.#ports;
    const session = new ResilientSession({
      nowMs,
      silenceMs,
      onLost,
      onReconnected,
      onReceipt,
      random: this.#random,
      gateways: this.#cluster.gateways.map(({ proxy }) => proxy.address),
      key: this.#cluster.keyOf(tenant),
      model: this.#cluster.chain.servedName,
      onTokens: (count) => (this.#tokens += count),
    });
    this.#sessions.add(session);
    try {
      await new Talk(session, { random: this.#random, cluster: this.#cluster, options: this.#options, nowMs }).run(
        () => this.#stopped,
      );
      await session.close();
    } catch (error) {
      if (!(error instanceof SessionLost)) throw error;
      onSessionLost(session.sessionId, error.message);
      await pause(PAUSE_MS);
    } finally {
      this.#sessions.delete(session);
      for (const turn of session.turns) onTurn(turn);
    }
  }
}

type TalkPorts = {
  readonly random: Random;
  readonly cluster: Cluster;
  readonly options: TrafficOptions;
  readonly nowMs: () => number;
};

/** One session's conversation. */
class Talk {
  readonly #session: ResilientSession;
  readonly #ports: TalkPorts;
  readonly #canary: string;
  #context: OracleContext;
  #parent = '';
  #turns = 0;

  constructor(session: ResilientSession, ports: TalkPorts) {
    this.#session = session;
    this.#ports = ports;
    this.#context = OracleContext.root(ports.cluster.chain);
    this.#canary = Array.from({ length: CANARY_LETTERS }, () => PARTS[this.#below(PARTS.length)]).join('');
  }

  async run(stopped: () => boolean): Promise<void> {
    const prefix = this.#chance(0.3) ? [this.#item('be brief')] : [];
    await this.#session.open({ prefix });
    if (prefix.length > 0) this.#context = this.#context.warmed(prefix);
    for (let round = 0; round < this.#ports.options.turnsPerSession && !stopped(); round += 1) await this.#round();
  }

  async #round(): Promise<void> {
    const kind = this.#ports.random.unit();
    if (kind < 0.5) return this.#plain();
    if (kind < 0.7) return this.#cut();
    if (kind < 0.85) return this.#redirected();
    return this.#siblings();
  }

  async #plain(): Promise<void> {
    const { turn } = this.#begin();
    await this.#ended(turn);
    this.#continueAfter(turn);
  }

  /** An interrupt at a random offset, before or behind where the client stands. */
  async #cut(): Promise<void> {
    const { turn, tokens } = this.#begin();
    await this.#reaches(turn, this.#below(tokens));
    const mode = this.#chance(0.5) ? modes.keepGenerated : modes.keepThroughOffset;
    const keep = mode === modes.keepThroughOffset ? { keepThroughOffset: this.#below(turn.position + 10) } : {};
    const body = { mode, ...keep, signalId: randomId() };
    if (this.#chance(0.5)) this.#session.send(interrupt(turn.turnId, body), () => turn.over);
    else await this.#session.signal(turn, body);
    await this.#ended(turn);
    this.#continueAfter(turn);
  }

  async #redirected(): Promise<void> {
    const { turn, tokens, request } = this.#begin();
    await this.#reaches(turn, this.#below(tokens));
    // E must be known to know what the successor must say.
    const keepThroughOffset = this.#below(turn.position + 1);
    const successorId = this.#nextId();
    const input = [this.#item(`no, rather ${successorId}`)];
    const asked = turnOf(successorId, this.#length(), { input });
    const context = this.#context.turn(request).after(Math.min(keepThroughOffset, tokens));
    // The turn may end by itself before the redirect comes: then there is nothing to take over from (W15).
    const successor = this.#watched(successorId, context.turn(asked), 'turn_stale');
    this.#session.expect(successor);
    const cut = { turnId: turn.turnId, mode: modes.keepThroughOffset, keepThroughOffset, signalId: randomId() };
    this.#session.send(redirect(cut, asked), () => successor.started || successor.over);
    await this.#ended(turn);
    await this.#ended(successor);
    if (successor.refused) return this.#continueAfter(turn);
    this.#context = context.turn(asked).after(successor.terminal?.endOffset ?? 0);
    this.#parent = successor.turnId;
  }

  /** Two turns on one parent at once, as `n = 2` asks for. */
  async #siblings(): Promise<void> {
    const first = this.#begin();
    const second = this.#begin();
    await this.#ended(first.turn);
    await this.#ended(second.turn);
    this.#continueAfter(this.#chance(0.5) ? first.turn : second.turn);
  }

  readonly #contexts = new Map<WatchedTurn, (end: number) => OracleContext>();

  #begin(): { turn: WatchedTurn; tokens: number; request: StartTurn__Input } {
    const turnId = this.#nextId();
    const tokens = this.#length();
    const request = turnOf(turnId, tokens, { parentTurnId: this.#parent, input: [this.#item(`speak as ${turnId}`)] });
    const oracle = this.#context.turn(request);
    const turn = this.#watched(turnId, oracle);
    this.#contexts.set(turn, (end) => oracle.after(end));
    this.#session.start(turn, start(request));
    return { turn, tokens, request };
  }

  #watched(turnId: string, oracle: OracleTurn, mayFailWith?: string): WatchedTurn {
    const { sessionId } = this.#session;
    const may = mayFailWith === undefined ? {} : { mayFailWith };
    const previous = this.#session.turns.at(-1);
    return new WatchedTurn({ sessionId, turnId, oracle, nowMs: this.#ports.nowMs(), previous, ...may });
  }

  #continueAfter(turn: WatchedTurn): void {
    const after = this.#contexts.get(turn);
    if (after === undefined) return;
    this.#context = after(turn.terminal?.endOffset ?? 0);
    this.#parent = turn.turnId;
  }

  #ended(turn: WatchedTurn): Promise<void> {
    return this.#session.until(() => turn.over, `the terminal of ${turn.turnId}`);
  }

  #reaches(turn: WatchedTurn, offset: number): Promise<void> {
    return this.#session.until(() => turn.over || turn.position >= offset, `token ${offset} of ${turn.turnId}`);
  }

  #item(text: string): InputItem__Input {
    return userItem(`~${this.#canary} ${text}`);
  }

  #nextId(): string {
    this.#turns += 1;
    return `t${this.#turns}`;
  }

  #length(): number {
    const { turnTokensMin, turnTokensMax } = this.#ports.options;
    return turnTokensMin + this.#below(turnTokensMax - turnTokensMin + 1);
  }

  #below(bound: number): number {
    return Math.floor(this.#ports.random.unit() * bound);
  }

  #chance(share: number): boolean {
    return this.#ports.random.unit() < share;
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
