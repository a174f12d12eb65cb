import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { ReticleError, type Receipt, type Redirected, type Session, type Turn } from '@reticle/sdk';
import { Speaker } from './speaker.ts';

const receipt: Receipt = {
  outcome: 'applied',
  effectiveOffset: 1,
  generatedOffset: 2,
  deliveredOffset: 2,
  wastedTokens: 1,
  kvAction: 'cut-in-place',
  kvKeptTokens: 9,
};
const RECEIPT = 'generated 2 · delivered 2 · kept 1 · wasted 1 · KV cut in place, 9 tokens kept';

/** Lets everything that is ready run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A turn that says what a test tells it, one token a frame. */
class FakeTurn {
  readonly frames: { readonly text: string }[] = [];
  #wake = Promise.withResolvers<void>();
  #end: { readonly error?: Error } | undefined;
  redirected = Promise.withResolvers<Redirected>();
  interrupt = (): Promise<Receipt> => Promise.resolve(receipt);
  redirect = (): Promise<Redirected> => this.redirected.promise;

  say(text: string): void {
    this.frames.push({ text });
    this.#wake.resolve();
  }

  end(error?: Error): void {
    this.#end = error === undefined ? {} : { error };
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      const frame = this.frames.shift();
      if (frame !== undefined) yield { ...frame, tokenCount: 1, engineMicros: 0 };
      else if (this.#end?.error !== undefined) throw this.#end.error;
      else if (this.#end !== undefined) return;
      else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    }
  }
}

function scene() {
  const turns: FakeTurn[] = [];
  const heard: string[] = [];
  const session = {
    turn: () => {
      const turn = new FakeTurn();
      turns.push(turn);
      return turn;
    },
  } as unknown as Session;
  const speaker = new Speaker(session, new VirtualClock(), {
    text: (text) => text !== '' && heard.push(text),
    note: (line) => heard.push(`[${line}]`),
    over: () => heard.push('over'),
  });
  const ask = (): FakeTurn => {
    speaker.ask('x');
    const turn = turns.at(-1);
    if (turn === undefined) throw new Error('no turn was started');
    return turn;
  };
  return { speaker, heard, turns, ask };
}

describe('Speaker', () => {
  test('says what a turn says, and that it is over', async () => {
    const { speaker, heard, ask } = scene();
    expect(speaker.status).toBe('');
    const turn = ask();
    expect(speaker.status).toBe('waiting for the first token');
    turn.say('a');
    turn.say('b');
    await settle();
    expect(speaker.status).toMatch(/^2 tokens · /);
    turn.end();
    await settle();
    expect(heard).toEqual(['a', 'b', 'over']);
  });

  test('notes the receipt of an interrupt before the end', async () => {
    const { speaker, heard, ask } = scene();
    const turn = ask();
    await speaker.interrupt();
    turn.end();
    await settle();
    expect(heard).toEqual([`[■ interrupted: ${RECEIPT}]`, 'over']);
  });

  test('is over once when an interrupt comes too late', async () => {
    const { speaker, heard, ask } = scene();
    const turn = ask();
    turn.interrupt = () => Promise.reject(new ReticleError('turn_stale', 'too late'));
    const cutting = speaker.interrupt();
    turn.end();
    await cutting;
    await settle();
    expect(heard).toEqual(['[error[turn_stale]: too late]', 'over']);
  });

  test('goes on with the successor of a redirect, and leaves out what lies past the cut', async () => {
    const { speaker, heard, ask } = scene();
    const old = ask();
    old.say('a');
    await settle();
    const redirecting = speaker.redirect('other');
    old.say('void');
    await settle();
    const next = new FakeTurn();
    old.redirected.resolve({ receipt, turn: next as unknown as Turn });
    await redirecting;
    old.end();
    next.say('b');
    next.end();
    await settle();
    expect(heard).toEqual(['a', `[↪ redirected: ${RECEIPT}]`, 'b', 'over']);
  });

  test('goes on with the old turn, whole, when a redirect is refused', async () => {
    const { speaker, heard, ask } = scene();
    const old = ask();
    await settle();
    const redirecting = speaker.redirect('other');
    old.say('b');
    await settle();
    old.redirected.reject(new ReticleError('concurrency_exceeded', 'too many'));
    await redirecting;
    old.say('c');
    old.end();
    await settle();
    expect(heard).toEqual(['[error[concurrency_exceeded]: too many]', 'b', 'c', 'over']);
  });

  test('asks when there is nothing to redirect', async () => {
    const { speaker, turns } = scene();
    await speaker.redirect('first');
    expect(turns).toHaveLength(1);
  });

  test('notes why a turn failed', async () => {
    const { heard, ask } = scene();
    ask().end(new ReticleError('engine_lost', 'gone'));
    await settle();
    expect(heard).toEqual(['[error[engine_lost]: gone]', 'over']);
  });
});
