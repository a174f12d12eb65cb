import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { SseOutput } from './sse-output.ts';

const SILENCE_MS = 15_000;

/** A socket that takes what it is given when it is told to. */
class SlowResponse extends EventEmitter {
  readonly written: string[] = [];
  readonly #takes: (() => void)[] = [];
  ended = false;

  write(text: string, taken: () => void): void {
    this.written.push(text);
    this.#takes.push(taken);
  }

  end(text: string): void {
    if (text !== '') this.written.push(text);
    this.ended = true;
  }

  take(): void {
    for (const taken of this.#takes.splice(0)) taken();
  }
}

function rig() {
  const clock = new VirtualClock();
  const response = new SlowResponse();
  const flushed: number[] = [];
  const state = { position: 0 };
  const output: SseOutput<number> = new SseOutput(response as unknown as ServerResponse, {
    position: () => state.position,
    flushed: (position) => flushed.push(position),
    clock,
    silenceMs: SILENCE_MS,
    keepalive: () => output.frame(': keepalive\n\n'),
  });
  return { clock, response, flushed, state, output };
}

/** The turn of the loop in which pending writes leave. */
const turnEnd = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('server-sent events', () => {
  test('of one turn of the loop leave as one chunk, and the socket tells how far', async () => {
    const { response, flushed, state, output } = rig();
    output.write('a', 1, '{}');
    state.position = 7;
    output.write('b', 2, '{}');
    await turnEnd();
    state.position = 9;
    expect([response.written, flushed]).toEqual([['event: a\nid: 1\ndata: {}\n\nevent: b\nid: 2\ndata: {}\n\n'], []]);
    response.take();
    expect(flushed).toEqual([7]);
  });

  test('an end takes what is pending with it, and nothing follows', async () => {
    const { clock, response, output } = rig();
    output.write('a', 1, '{}');
    output.end();
    output.write('b', 2, '{}');
    await turnEnd();
    clock.advance(10 * SILENCE_MS);
    await turnEnd();
    expect([response.written, response.ended]).toEqual([['event: a\nid: 1\ndata: {}\n\n'], true]);
  });

  test('a silence is broken every 15 s, and not while something is said', async () => {
    const { clock, response, output } = rig();
    for (let second = 0; second < 60; second++) {
      output.frame(`data: ${second}\n\n`);
      await turnEnd();
      clock.advance(1_000);
    }
    expect(response.written.length).toBe(60);
    clock.advance(SILENCE_MS - 1_001);
    await turnEnd();
    expect(response.written.length).toBe(60);
    clock.advance(1);
    await turnEnd();
    expect(response.written.slice(60)).toEqual([': keepalive\n\n']);
    clock.advance(SILENCE_MS);
    await turnEnd();
    expect(response.written.slice(60)).toEqual([': keepalive\n\n', ': keepalive\n\n']);
  });

  test('a client that is gone is told nothing', async () => {
    const { clock, response, output } = rig();
    output.write('a', 1, '{}');
    output.abandon();
    clock.advance(10 * SILENCE_MS);
    await turnEnd();
    expect(response.written).toEqual([]);
  });
});
