import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SessionEffect } from './session-state.ts';
import { acksOf, interrupt, SessionRig, start } from './session-rig.ts';

/**
 * Any interleaving of a client, a gateway and an engine against a model that knows only the rules: one
 * terminal per admitted turn, one final answer per control, one E per turn, no live turn above the bound.
 * The engine here answers cuts in order, when the schedule lets it.
 */
type Action =
  | {
      readonly kind: 'start' | 'started' | 'token' | 'ack' | 'end' | 'engine' | 'disconnect' | 'attach' | 'lose';
      readonly turn: number;
    }
  | {
      readonly kind: 'interrupt' | 'redirect';
      readonly turn: number;
      readonly copies: number;
      readonly outside: boolean;
    };

const turn = fc.integer({ min: 0, max: 3 });
const plain = (kind: Exclude<Action['kind'], 'interrupt' | 'redirect'>) => fc.record({ kind: fc.constant(kind), turn });
const control = (kind: 'interrupt' | 'redirect') =>
  fc.record({ kind: fc.constant(kind), turn, copies: fc.integer({ min: 1, max: 3 }), outside: fc.boolean() });
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: plain('start') },
  { weight: 4, arbitrary: plain('started') },
  { weight: 8, arbitrary: plain('token') },
  { weight: 3, arbitrary: plain('ack') },
  { weight: 2, arbitrary: plain('end') },
  { weight: 6, arbitrary: plain('engine') },
  { weight: 1, arbitrary: plain('disconnect') },
  { weight: 2, arbitrary: plain('attach') },
  { weight: 1, arbitrary: plain('lose') },
  { weight: 4, arbitrary: control('interrupt') },
  { weight: 3, arbitrary: control('redirect') },
);

type PendingCut = { readonly turnId: string; readonly signalId: string; readonly successor: string | undefined };

class World {
  readonly rig = new SessionRig();
  /** Cuts that the engine has not answered, in order. */
  readonly cuts: PendingCut[] = [];
  readonly generated = new Map<string, number>();
  readonly finishes = new Map<string, number>();
  readonly fixed = new Map<string, number>();
  readonly admitted = new Set<string>();
  asked = 0;
  answered = 0;
  #signals = 0;
  #calls = 0;
  #attachments = 1;

  run(effects: readonly SessionEffect[]): void {
    for (const ack of acksOf(effects)) {
      this.answered += 1;
      if (ack.outcome !== 'applied' && ack.outcome !== 'already-ended') continue;
      const fixed = this.fixed.get(ack.turnId) ?? ack.effectiveOffset;
      expect(ack.effectiveOffset).toBe(fixed);
      expect(ack.wastedTokens).toBe(ack.generatedOffset - ack.effectiveOffset);
      this.fixed.set(ack.turnId, fixed);
    }
    for (const effect of effects) this.#effect(effect);
    expect(this.rig.state.live.size).toBeLessThanOrEqual(8);
  }

  #effect(effect: SessionEffect): void {
    if (effect.kind === 'start') this.#admit(effect.plan.turnId);
    if (effect.kind === 'cut') {
      const successor = effect.successor?.turnId;
      if (successor !== undefined) this.#admit(successor);
      this.cuts.push({ turnId: effect.turnId, signalId: effect.control.signalId, successor });
    }
    if (effect.kind === 'finish') this.finishes.set(effect.turnId, (this.finishes.get(effect.turnId) ?? 0) + 1);
    if (effect.kind === 'bar') this.fixed.set(effect.turnId, effect.offset);
  }

  #admit(turnId: string): void {
    this.admitted.add(turnId);
    this.generated.set(turnId, 0);
    this.rig.turn(turnId, { kind: 'dispatched' });
  }

  act(step: Action): void {
    const turnId = `t${step.turn}`;
    if (step.kind === 'interrupt' || step.kind === 'redirect') this.#control(turnId, step);
    else this.#acts[step.kind](turnId);
  }

  readonly #acts: Readonly<Record<Exclude<Action['kind'], 'interrupt' | 'redirect'>, (turnId: string) => void>> = {
    start: (turnId) => this.run(this.#attached() ? this.rig.start(start(turnId)) : []),
    started: (turnId) =>
      this.run(this.rig.turn(turnId, { kind: 'started', promptTokens: 10, cachedTokens: 0, startOffset: 0 })),
    token: (turnId) => {
      if (this.#generates(turnId) && this.rig.state.live.get(turnId)?.receipt === undefined) this.#token(turnId);
    },
    ack: (turnId) => this.run(this.#attached() ? this.rig.flow(turnId, this.rig.at(turnId).cursor) : []),
    end: (turnId) => this.run(this.#generates(turnId) ? this.rig.ended(turnId, this.rig.at(turnId).received) : []),
    lose: (turnId) => this.run(this.rig.turn(turnId, { kind: 'lost', progress: this.rig.at(turnId) })),
    disconnect: () => this.run(this.rig.step({ kind: 'disconnected', attachment: this.rig.attachment, nowMs: 0 })),
    attach: () => this.#attach(),
    engine: () => this.#answerCut(),
  };

  #generates(turnId: string): boolean {
    return this.rig.state.live.get(turnId)?.started === true;
  }

  #attached(): boolean {
    return this.rig.state.attachment !== 0;
  }

  #token(turnId: string): void {
    const count = (this.generated.get(turnId) ?? 0) + 1;
    this.generated.set(turnId, count);
    this.rig.sent(turnId, count);
  }

  #attach(): void {
    this.#attachments += 1;
    this.rig.attachment = this.#attachments;
    this.run(this.rig.attach());
  }

  #control(turnId: string, step: Extract<Action, { kind: 'interrupt' | 'redirect' }>): void {
    this.#signals += 1;
    const cut = interrupt(turnId, { signalId: `s${this.#signals}` });
    const signal = step.kind === 'interrupt' ? cut : { cut, successor: start(`n${this.#signals}`) };
    for (let copy = 0; copy < step.copies; copy++) {
      if (!step.outside && !this.#attached()) continue;
      this.asked += 1;
      if (!step.outside) {
        this.run('cut' in signal ? this.rig.redirect(signal) : this.rig.interrupt(signal));
        continue;
      }
      const progress = this.rig.at(turnId);
      this.run(this.rig.step({ kind: 'signal', call: (this.#calls += 1), signal, progress, nowMs: 0 }));
    }
  }

  /** The engine's rules: the first cut fixes E, later ones find the turn over and start no successor. */
  #answerCut(): void {
    const cut = this.cuts.shift();
    if (cut === undefined) return;
    const { turnId, signalId } = cut;
    const known = this.rig.state.live.get(turnId);
    if (known === undefined || known.receipt !== undefined) this.#tooLate(cut);
    else this.#applyCut(cut, known.controls.find((each) => each.signalId === signalId)?.keepThroughOffset ?? 0);
  }

  #tooLate({ turnId, signalId, successor }: PendingCut): void {
    const generatedOffset = this.generated.get(turnId) ?? 0;
    const effectiveOffset = this.fixed.get(turnId) ?? generatedOffset;
    this.run(this.rig.cutDone(turnId, { signalId, outcome: 'already-ended', effectiveOffset, generatedOffset }));
    if (successor !== undefined) this.run(this.rig.ended(successor, 0, 'failed'));
  }

  #applyCut({ turnId, signalId, successor }: PendingCut, keep: number): void {
    const generatedOffset = this.generated.get(turnId) ?? 0;
    const effectiveOffset = Math.min(keep, generatedOffset);
    this.run(this.rig.cutDone(turnId, { signalId, outcome: 'applied', effectiveOffset, generatedOffset }));
    const status = successor === undefined ? 'interrupted' : 'redirected';
    this.run(this.rig.ended(turnId, effectiveOffset, status));
  }

  /** Everything that is under way comes to its end. */
  finish(): void {
    while (this.cuts.length > 0) this.#answerCut();
    for (const turnId of this.rig.state.live.keys()) this.run(this.rig.ended(turnId, this.rig.at(turnId).received));
  }
}

describe('a session against its model', () => {
  test('any interleaving ends each admitted turn once and answers each control once', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (steps) => {
        const world = new World();
        for (const step of steps) world.act(step);
        world.finish();
        expect(world.rig.state.live.size).toBe(0);
        expect(world.answered).toBe(world.asked);
        for (const turnId of world.admitted) expect([turnId, world.finishes.get(turnId)]).toEqual([turnId, 1]);
        for (const turnId of world.finishes.keys()) expect(world.admitted.has(turnId)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('a cut turn ends where its acks said', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (steps) => {
        const world = new World();
        for (const step of steps) world.act(step);
        world.finish();
        for (const [turnId, offset] of world.fixed) {
          expect(world.rig.state.past.get(turnId)?.ending?.endOffset).toBe(offset);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('replaying a client’s whole log changes nothing and asks nothing of the engine', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 20 }), (choices) => {
        const rig = new SessionRig();
        const log = choices.map((choice, index) => ({
          seq: index + 1,
          kind: choice === 0 ? 'start-turn' : 'interrupt',
          ...(choice === 0
            ? { start: start(`t${index}`) }
            : { interrupt: interrupt(`t${index - 1}`, { signalId: `s${index}` }) }),
        }));
        for (const { seq, ...command } of log) rig.command(command, '', seq);
        const before = rig.state;
        for (const { seq, ...command } of log) expect(rig.command(command, '', seq)).toEqual([]);
        expect(rig.state).toBe(before);
      }),
    );
  });
});
