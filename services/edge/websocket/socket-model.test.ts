/** Any order of what a client says and what happens to its turns: what a socket tells stays in order. */
import { describe, test } from '@jest/globals';
import { assert } from '@reticle/core/domain';
import fc from 'fast-check';
import { SessionRig, type Told } from './websocket-kit.ts';

type Step =
  | { readonly kind: 'create' | 'prewarm'; readonly lane: string | undefined }
  | { readonly kind: 'interrupt' | 'redirect' | 'steer' }
  | { readonly kind: 'start' | 'tokens' | 'end' | 'refuse'; readonly turn: number }
  | { readonly kind: 'answer'; readonly outcome: 'applied' | 'already-ended' | 'unsupported' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'leave' | 'gone' };

const lane = fc.constantFrom(undefined, 'a', 'b');
const turn = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('create' as const, 'prewarm' as const), lane }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('interrupt' as const, 'redirect' as const, 'steer' as const) }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constantFrom('start' as const, 'tokens' as const, 'end' as const, 'refuse' as const),
      turn,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      outcome: fc.constantFrom('applied' as const, 'already-ended' as const, 'unsupported' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('leave' as const, 'gone' as const) }) },
);

type Turn = { readonly turnId: string; isStarted: boolean; isEnded: boolean; offset: number };

class Model {
  readonly rig = new SessionRig();
  readonly #turns = new Map<string, Turn>();

  async take(step: Step): Promise<void> {
    const { rig } = this;
    switch (step.kind) {
      case 'create':
      case 'prewarm': {
        const inLane = step.lane === undefined ? {} : { stream_id: step.lane };
        return rig.create({ generate: step.kind === 'create', ...inLane });
      }
      case 'interrupt':
        return rig.say({ type: 'response.interrupt', response_id: this.#newest() });
      case 'redirect':
        return rig.say({ type: 'response.interrupt', response_id: this.#newest(), successor: { input: 'x' } });
      case 'steer':
        return rig.say({ type: 'response.steer', previous_response_id: this.#newest(), input: 'x' });
      default:
        this.#befall(step);
    }
  }

  /** What a client has no part in. */
  #befall(step: Exclude<Step, { kind: 'create' | 'prewarm' | 'interrupt' | 'redirect' | 'steer' }>): void {
    const { rig } = this;
    switch (step.kind) {
      case 'answer':
        if (rig.of('interrupt').length + rig.of('redirect').length > 0) {
          rig.answer({ outcome: step.outcome, effectiveOffset: 0 });
        }
        return;
      case 'wait':
        rig.clock.advance(step.ms);
        rig.session.alive();
        return;
      case 'leave':
        rig.session.leave(1_000);
        return;
      case 'gone':
        rig.session.gone();
        return;
      default:
        this.#happen(step.kind, step.turn);
    }
  }

  #happen(kind: 'start' | 'tokens' | 'end' | 'refuse', index: number): void {
    for (const { turnId } of this.rig.starts) {
      if (!this.#turns.has(turnId)) this.#turns.set(turnId, { turnId, isStarted: false, isEnded: false, offset: 0 });
    }
    const live = [...this.#turns.values()].filter(({ isEnded }) => !isEnded);
    const turn = live[index % Math.max(1, live.length)];
    if (turn?.isStarted === true) this.#goOn(turn, kind);
    else if (turn !== undefined) this.#begin(turn, kind);
  }

  #begin(turn: Turn, kind: string): void {
    const { turnId } = turn;
    if (kind === 'start') {
      turn.isStarted = true;
      this.rig.start(turnId);
    } else if (kind === 'refuse') {
      turn.isEnded = true;
      const error = { code: 'context_length_exceeded', message: 'long', param: '' } as const;
      this.rig.end(0, { turnId, status: 'failed', error });
    }
  }

  #goOn(turn: Turn, kind: string): void {
    const { turnId } = turn;
    if (kind === 'end') {
      turn.isEnded = true;
      this.rig.end(turn.offset, { turnId });
    } else if (kind === 'tokens') {
      this.rig.tokens(turn.offset, 'ab', turnId);
      turn.offset += 2;
    }
  }

  #newest(): string {
    const { response } = (this.rig.told.findLast(({ type }) => type === 'response.created') ?? {}) as {
      response?: { id: string };
    };
    return response?.id ?? 'resp_x';
  }
}

const isTerminal = (type: string): boolean => /^response\.(completed|incomplete|failed)$/.test(type);

/** Per lane: created, then its own numbers that never fall, then one terminal, then the next; nothing after the goodbye. */
function check(told: readonly Told[]): void {
  const lanes = new Map<unknown, { id: string; sequence: number }>();
  const seen = new Set<string>();
  for (const event of told) {
    const { type, stream_id: streamId } = event;
    const open = lanes.get(streamId);
    const { id } = (event['response'] ?? {}) as { id?: string };
    if (type === 'response.created' && id !== undefined) {
      assert(open === undefined, 'a lane tells one response at a time');
      assert(!seen.has(id), 'a response is created once');
      seen.add(id);
      lanes.set(streamId, { id, sequence: Number(event['sequence_number']) });
    } else if (typeof event['sequence_number'] === 'number') {
      assert(open !== undefined, 'events belong to a response that was created and is not over');
      assert(id === undefined || id === open.id, 'events are of the response of their lane');
      assert(event['sequence_number'] >= open.sequence, 'numbers do not fall');
      open.sequence = event['sequence_number'];
      if (isTerminal(type)) lanes.delete(streamId);
    }
  }
}

describe('a socket', () => {
  test('tells every lane in order, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const model = new Model();
        for (const each of steps) await model.take(each);
        check(model.rig.told);
        const { goodbyes } = model.rig.socket;
        assert(goodbyes.length <= 1, 'one goodbye');
      }),
      { numRuns: 200 },
    );
  });
});
