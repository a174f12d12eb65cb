/** What a client does with its session: turns, cuts, redirects, repeats, pauses, replays, warm-ups, walks away. */
import type { ControlAck, Interrupt, StartTurn, TurnEnded } from '@reticle/services/session';
import { base32, RANDOM_ID_BYTES } from '@reticle/core/domain';
import type { SimClient } from './client.ts';
import type { ClientTurn } from './client-turn.ts';
import { LOST_CODES } from './expectations.ts';
import type { Dice } from './seeds.ts';

const LIVE_MAX = 6;
const MODES = ['keep-through-offset', 'keep-generated', 'discard-partial-items', 'at-item-boundary'] as const;

/** Refusals that a race explains: the turn had ended, or its parent was lost. */
const RACE_CODES: ReadonlySet<string> = new Set(['turn_stale']);

const WEIGHTS = {
  start: 30,
  siblings: 8,
  interrupt: 18,
  redirect: 12,
  repeat: 8,
  pause: 6,
  observe: 6,
  warm: 4,
  leave: 5,
  rest: 3,
} as const;

type Operation = keyof typeof WEIGHTS;

export class Workload {
  readonly #client: SimClient;
  readonly #dice: Dice;
  #left: number;
  #nextTurn = 1;
  #begun = false;
  /** A cut to make when its turn has come so far. */
  readonly #planned = new Map<string, { readonly at: number; readonly run: () => void }>();

  constructor(client: SimClient, dice: Dice) {
    this.#client = client;
    this.#dice = dice;
    this.#left = client.spec.operations;
  }

  attached(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#next();
  }

  /** Tokens or the start of a turn have come. */
  progressed(turnId: string): void {
    const turn = this.#client.turns.get(turnId);
    const planned = this.#planned.get(turnId);
    if (turn === undefined || planned === undefined || turn.position < planned.at) return;
    this.#planned.delete(turnId);
    planned.run();
  }

  ended({ turnId, status, error }: TurnEnded): void {
    this.#planned.delete(turnId);
    if (status !== 'failed' || this.#mayFail(turnId, error?.code ?? '')) return;
    this.#client.violated('typed', `turn ${turnId} failed: ${error?.code ?? ''} ${error?.message ?? ''}`);
  }

  #mayFail(turnId: string, code: string): boolean {
    if (LOST_CODES.has(code) || RACE_CODES.has(code)) return true;
    // A turn that never began has no successors, and a context that is lost takes its children along.
    const parent = this.#client.turns.get(turnId)?.plan.parent;
    const begun = parent === undefined || parent.announced || parent.plan.warm;
    return code === 'turn_not_found' && (!begun || this.#client.mayLackContexts);
  }

  #next(): void {
    const { spec } = this.#client;
    this.#client.later(this.#dice.between(0, 2 * spec.paceMs), () => {
      if (this.#client.state === 'over') return;
      if (this.#left > 0) {
        this.#left -= 1;
        this.#do(this.#dice.weighted(WEIGHTS));
      } else if (this.#client.state === 'attached' && this.#client.liveTurns.length === 0) {
        this.#client.finish(spec.closes);
        return;
      }
      this.#next();
    });
  }

  #do(operation: Operation): void {
    const live = this.#client.liveTurns.filter(({ plan }) => !plan.warm);
    switch (operation) {
      case 'start':
        this.#start();
        return;
      case 'siblings':
        this.#siblings();
        return;
      case 'observe':
        this.#observe();
        return;
      case 'repeat':
        this.#repeat();
        return;
      case 'warm':
        this.#warm();
        return;
      case 'leave':
        this.#client.leave(this.#dice.scaled(1, 6_000));
        return;
      case 'rest':
        return;
      default:
        if (live.length > 0) this.#withLive(operation, this.#dice.pick(live));
    }
  }

  #withLive(operation: 'interrupt' | 'redirect' | 'pause', turn: ClientTurn): void {
    const ahead = Math.floor(this.#dice.between(0, Math.max(1, turn.plan.maxTokens - turn.position)));
    const at = this.#dice.chance(0.4) ? 0 : turn.position + ahead;
    const act = {
      interrupt: () => this.#interrupt(turn),
      redirect: () => this.#redirect(turn),
      pause: () => this.#pause(turn),
    }[operation];
    if (turn.position >= at) act();
    else this.#planned.set(turn.turnId, { at, run: act });
  }

  #plan(parent: ClientTurn | undefined, seed = this.#dice.integer(0, 1 << 20)): ClientTurn {
    const { spec } = this.#client;
    const turnId = `t${this.#nextTurn++}`;
    const maxTokens = Math.ceil(this.#dice.scaled(1, spec.turnTokensMax));
    return this.#client.turn({ turnId, parent, items: [this.#item(turnId)], maxTokens, seed, warm: false });
  }

  /** Every message carries its tenant's canary, which the engine says again. */
  #item(word: string): string {
    const content = `cnry-${this.#client.spec.tenant.padEnd(6, 'a')} ${this.#client.spec.node} says ${word}`;
    return JSON.stringify({ type: 'message', role: 'user', content });
  }

  #parent(): ClientTurn | undefined {
    const ended = [...this.#client.turns.values()].filter((turn) => turn.continuable);
    return ended.length === 0 || this.#dice.chance(0.25) ? undefined : this.#dice.pick(ended.slice(-4));
  }

  #start(): void {
    if (this.#client.liveTurns.length >= LIVE_MAX) return;
    this.#client.send({ kind: 'start-turn', start: startOf(this.#plan(this.#parent())) });
  }

  /** Chat's `n`: turns with one parent and one input, told apart by their seeds. */
  #siblings(): void {
    const count = this.#dice.integer(2, 3);
    if (this.#client.liveTurns.length + count > LIVE_MAX) return;
    const parent = this.#parent();
    for (let index = 0; index < count; index++) {
      this.#client.send({ kind: 'start-turn', start: startOf(this.#plan(parent)) });
    }
  }

  #cutOf(turn: ClientTurn): Interrupt {
    const mode = this.#dice.pick(MODES);
    const signalId = base32(this.#dice.random.bytes(RANDOM_ID_BYTES));
    const named = mode === 'keep-through-offset' && this.#dice.chance(0.8);
    const keepThroughOffset = named ? this.#dice.integer(0, turn.position + 5) : undefined;
    const cut: Interrupt = {
      turnId: turn.turnId,
      mode,
      reason: 'user',
      signalId,
      bodyDigest: `cut ${signalId}`,
      ...(keepThroughOffset === undefined ? {} : { keepThroughOffset }),
    };
    this.#client.signal(cut);
    return cut;
  }

  #interrupt(turn: ClientTurn): void {
    if (turn.over) return;
    const cut = this.#cutOf(turn);
    if (this.#dice.chance(0.6)) this.#client.send({ kind: 'interrupt', interrupt: cut });
    else this.#signalTurn(cut);
    if (this.#dice.chance(0.15)) this.#client.send({ kind: 'interrupt', interrupt: cut });
  }

  #redirect(turn: ClientTurn): void {
    if (turn.over || this.#client.liveTurns.length >= LIVE_MAX) return;
    const cut = this.#cutOf(turn);
    const successor = startOf(this.#plan(turn));
    this.#client.send({ kind: 'redirect', redirect: { cut, successor } });
  }

  /** Another copy of a control that was sent: over the stream or from outside. */
  #repeat(): void {
    const sent = [...this.#client.signals.values()];
    if (sent.length === 0) return;
    const { interrupt } = this.#dice.pick(sent);
    if (this.#redirected(interrupt)) return;
    if (this.#dice.chance(0.5)) this.#client.send({ kind: 'interrupt', interrupt });
    else this.#signalTurn(interrupt);
  }

  /** A cut that came with a successor has another body than the cut alone. */
  #redirected(interrupt: Interrupt): boolean {
    return [...this.#client.turns.values()].some(({ plan }) => plan.parent?.turnId === interrupt.turnId);
  }

  #signalTurn(signal: Interrupt): void {
    const { sessionId, spec } = this.#client;
    this.#client.call(
      { kind: 'call', tenant: spec.tenant, call: { method: 'signal', request: { sessionId, signal } } },
      (outcome) => {
        if (outcome.kind === 'answer') this.#client.answered(outcome.value as ControlAck, true);
      },
    );
  }

  #pause(turn: ClientTurn): void {
    if (turn.over) return;
    turn.credit = 0;
    this.#client.acknowledge(turn, 0);
    this.#client.later(this.#dice.between(20, 3_000), () => {
      turn.credit = this.#client.creditTokens;
      if (!turn.over) this.#client.acknowledge(turn, turn.credit);
    });
  }

  #observe(): void {
    const read = [...this.#client.turns.values()].filter((turn) => turn.announced && turn.position > 0);
    if (read.length === 0) return;
    const turn = this.#dice.pick(read);
    this.#client.observe(turn, this.#dice.integer(0, turn.position));
  }

  #warm(): void {
    const { sessionId, spec } = this.#client;
    const parent = this.#parent();
    const item = this.#item(`warm ${this.#nextTurn}`);
    const request = {
      sessionId,
      requestId: `w${this.#nextTurn++}`,
      parentTurnId: parent?.turnId ?? '',
      prefix: [{ kind: 'item' as const, json: item }],
      bodyDigest: item,
    };
    this.#client.call({ kind: 'call', tenant: spec.tenant, call: { method: 'warm', request } }, (outcome) => {
      if (outcome.kind !== 'answer') return;
      const { turnId } = outcome.value as { turnId: string };
      this.#client.turn({ turnId, parent, items: [item], maxTokens: 0, seed: 0, warm: true }).warmDone();
    });
  }
}

function startOf({ plan }: ClientTurn): StartTurn {
  const { turnId, parent, items, maxTokens, seed } = plan;
  return {
    turnId,
    parentTurnId: parent?.turnId ?? '',
    input: items.map((json) => ({ kind: 'item', json })),
    params: { stop: [], seed, outputLength: 'exact' },
    maxOutputTokens: maxTokens,
    prefillOnly: false,
    bodyDigest: `start ${turnId}`,
  };
}
