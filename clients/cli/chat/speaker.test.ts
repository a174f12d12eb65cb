import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import {
  ReticleError,
  type ConnectionEvent,
  type Moved,
  type Receipt,
  type Redirected,
  type Session,
  type Turn,
} from '@reticle/sdk';
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
  #offset = 0;
  #wake = Promise.withResolvers<void>();
  #end: { readonly error?: Error } | undefined;
  redirected = Promise.withResolvers<Redirected>();
  interrupt = (): Promise<Receipt> => Promise.resolve(receipt);
  redirect = (): Promise<Redirected> => this.redirected.promise;
  move: (moved: Moved) => void = () => {};
  onMoved = (listener: (moved: Moved) => void): (() => void) => {
    this.move = listener;
    return () => (this.move = () => {});
  };

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
      if (frame !== undefined) yield { ...frame, firstOffset: this.#offset++, tokenCount: 1, engineMicros: 0 };
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
  let failure: ReticleError | undefined;
  const refuse = (error: ReticleError): void => void (failure = error);
  const connections = new Set<(event: ConnectionEvent) => void>();
  const session = {
    onConnection: (listener: (event: ConnectionEvent) => void) => {
      connections.add(listener);
      return () => connections.delete(listener);
    },
    turn: () => {
      if (failure !== undefined) throw failure;
      const turn = new FakeTurn();
      turns.push(turn);
      return turn;
    },
  } as unknown as Session;
  const clock = new VirtualClock();
  const speaker = new Speaker(
    { session, clock, turns: {} },
    {
      text: (text) => text !== '' && heard.push(text),
      note: (line) => heard.push(`[${line}]`),
      changed: () => {},
      over: () => heard.push('over'),
    },
  );
  const connection = (event: ConnectionEvent): void => connections.forEach((listener) => listener(event));
  const ask = (): FakeTurn => {
    speaker.ask('x');
    const turn = turns.at(-1);
    if (turn === undefined) throw new Error('no turn was started');
    return turn;
  };
  return { speaker, heard, turns, ask, clock, connection, connections, refuse };
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

const lost: ConnectionEvent = { kind: 'lost', target: 'a:1', error: new ReticleError('region_lost', 'gone') };
const moved: Moved = { epoch: 4, replica: 'abcdefghijkl', reason: 'failover', startOffset: 640, continuation: 'exact' };

describe('Speaker, when something dies under it', () => {
  test('lets the text go on in place, says it in the status, and once more when the turn is over', async () => {
    const { speaker, heard, ask, clock, connection } = scene();
    const turn = ask();
    turn.say('The qu');
    await settle();
    connection(lost);
    expect(speaker.status).toMatch(/^gateway lost, reconnecting… · 1 tokens/);
    connection({ kind: 'attached', target: 'b:2', outageMs: 120 });
    expect(speaker.status).toMatch(/^reconnected to b:2 after 120 ms · /);
    clock.advance(400);
    turn.move(moved);
    expect(speaker.status).toMatch(/^continued on engine abcdefgh… at token 640 after 400 ms · /);
    turn.say('ick fox');
    turn.end();
    await settle();
    expect(heard).toEqual([
      'The qu',
      'ick fox',
      '[↻ reconnected to b:2 after 120 ms]',
      '[↻ continued on engine abcdefgh… at token 640 after 400 ms]',
      'over',
    ]);
  });

  test('says what died between turns in the status alone, until the next turn', async () => {
    const { speaker, heard, ask, connection } = scene();
    connection(lost);
    expect(speaker.status).toBe('gateway lost, reconnecting…');
    connection({ kind: 'attached', target: 'a:1', outageMs: 1_500 });
    expect(speaker.status).toBe('reconnected to a:1 after 1.50 s');
    const turn = ask();
    expect(speaker.status).toBe('waiting for the first token');
    turn.end();
    await settle();
    expect(heard).toEqual(['over']);
  });

  test('says no more that it reconnects when the session is given up', async () => {
    const { speaker, heard, ask, connection } = scene();
    const turn = ask();
    connection(lost);
    turn.end(new ReticleError('engine_lost', 'gone'));
    await settle();
    expect(speaker.status).toBe('');
    expect(heard).toEqual(['[error[engine_lost]: gone]', 'over']);
  });

  test('notes that a session that was given up takes no turn, and is over', () => {
    const { speaker, heard, refuse } = scene();
    refuse(new ReticleError('engine_lost', 'gone'));
    speaker.ask('more');
    expect(heard).toEqual(['[error[engine_lost]: gone]', 'over']);
  });

  test('hears nothing once it is closed', () => {
    const { speaker, ask, connections } = scene();
    const turn = ask();
    speaker.close();
    turn.move(moved);
    expect([speaker.status, connections.size]).toEqual(['waiting for the first token', 0]);
  });
});
