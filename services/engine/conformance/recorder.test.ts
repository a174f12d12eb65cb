import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import type { DriverEvents, EngineDriver, StepBatch } from '../contract.ts';
import { Recorder } from './recorder.ts';

const started = { promptTokens: 1, cachedTokens: 0, startOffset: 0 };
const mark = {
  itemIndex: 0,
  kind: 'message',
  atOffset: 0,
  closed: false,
  itemId: '',
  callId: '',
  toolName: '',
} as const;

function rows(firstOffset: number, count: number, tokens = count): StepBatch {
  return {
    rows: 1,
    stream: Uint32Array.of(1),
    firstOffset: Uint32Array.of(firstOffset),
    count: Uint32Array.of(count),
    dueMicros: Uint32Array.of(0),
    tokenId: new Uint32Array(count),
    textLength: new Uint32Array(count).fill(1),
    text: new Uint8Array(count),
    tokens,
    textBytes: tokens,
  };
}

/** A recorder that believes stream 1 was started, and a driver that speaks from inside `release`. */
function bench(forced = 0) {
  const recorder = new Recorder();
  let onRelease = (): void => undefined;
  const quiet = { start: () => undefined, release: () => onRelease() } as unknown as EngineDriver;
  const driver = recorder.watch(quiet);
  driver.start({ stream: 1, forced: Array.from({ length: forced }, () => 0) } as unknown as Parameters<
    EngineDriver['start']
  >[0]);
  const insideCall = (say: () => void) => {
    onRelease = say;
    driver.release(1);
  };
  return { recorder, insideCall };
}

type Say = (events: DriverEvents, insideCall: (say: () => void) => void) => void;

const begun: Say = (events) => {
  events.started(1, started);
  events.mark(1, mark);
};

describe('the recorder accepts', () => {
  test('a whole stream', () => {
    const { recorder } = bench();
    begun(recorder, () => undefined);
    recorder.step(rows(0, 3));
    recorder.step(rows(3, 1));
    recorder.ended(1, { finishReason: 'stop', generated: 4 });
    expect(recorder.stream(1)).toMatchObject({ rows: [3, 1], terminal: { kind: 'ended', generated: 4 } });
  });
});

describe('the recorder refuses', () => {
  const table: { name: string; want: string; say: Say }[] = [
    {
      name: 'an event from inside a call',
      want: 'inside a call',
      say: (events, inside) => inside(() => events.started(1, started)),
    },
    { name: 'rows before started', want: 'after started', say: (events) => events.step(rows(0, 1)) },
    { name: 'a second start', want: 'starts once', say: (events) => events.started(1, started) },
    { name: 'a gap', want: 'where the last one ended', say: (events) => events.step(rows(1, 1)) },
    {
      name: 'a repeated row',
      want: 'where the last one ended',
      say: (events) => [0, 0].forEach((at) => events.step(rows(at, 2))),
    },
    { name: 'an empty row', want: 'holds a token', say: (events) => events.step(rows(0, 0)) },
    { name: 'columns that do not add up', want: 'add up', say: (events) => events.step(rows(0, 2, 1)) },
    {
      name: 'an item behind its rows',
      want: 'precedes its rows',
      say: (events) => {
        events.step(rows(0, 5));
        events.mark(1, { ...mark, atOffset: 3 });
      },
    },
    {
      name: 'an end before the last row',
      want: 'after its last row',
      say: (events) => events.ended(1, { finishReason: 'stop', generated: 1 }),
    },
    { name: 'a halt at an offset that was not told', want: 'after the last row', say: (events) => events.halted(1, 1) },
    {
      name: 'rows after a halt',
      want: 'follows a terminal',
      say: (events) => {
        events.halted(1, 0);
        events.step(rows(0, 1));
      },
    },
    {
      name: 'a second terminal',
      want: 'follows a terminal',
      say: (events) => {
        events.failed({ stream: 1 }, new ReticleError('internal', 'x'));
        events.halted(1, 0);
      },
    },
  ];

  test('a stream that does not start behind what was forced', () => {
    const { recorder } = bench(3);
    expect(() => recorder.started(1, started)).toThrow('starts behind what it was told to have said');
  });

  test('an early halt that forgets what was forced', () => {
    const { recorder } = bench(3);
    expect(() => recorder.halted(1, 0)).toThrow('after the last row');
    recorder.halted(1, 3);
    expect(recorder.stream(1).terminal).toEqual({ kind: 'halted', generated: 3 });
  });

  test('anything from a broken replica', () => {
    const { recorder } = bench();
    recorder.broken('a stage is gone');
    expect(() => recorder.halted(1, 0)).toThrow('says nothing more');
    expect(() => recorder.broken('again')).toThrow('says nothing more');
  });

  test.each(table)('$name', ({ name, want, say }) => {
    const { recorder, insideCall } = bench();
    const early = name.includes('before started') || name.includes('inside');
    if (!early) begun(recorder, insideCall);
    expect(() => say(recorder, insideCall)).toThrow(want);
  });
});
