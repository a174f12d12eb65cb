import { describe, expect, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import fc from 'fast-check';
import { isResyncKey, workClasses, WorkQueue } from './workqueue.ts';

function queueOf(keysMax?: number): { queue: WorkQueue; clock: VirtualClock; ready: () => number } {
  const clock = new VirtualClock();
  let ready = 0;
  const random = seededRandom(1);
  const queue = new WorkQueue({
    clock,
    random,
    ready: () => void ready++,
    ...(keysMax === undefined ? {} : { keysMax }),
  });
  return { queue, clock, ready: () => ready };
}

function takeAll(queue: WorkQueue): string[] {
  const keys: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) {
    keys.push(item.key);
    queue.finish(item.key);
  }
  return keys;
}

describe('a work queue', () => {
  test('gives out a key once however often it was added', () => {
    const { queue } = queueOf();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    expect(takeAll(queue)).toEqual(['a', 'b']);
    expect(queue.depth).toBe(0);
  });

  test('the most urgent class goes first, and a key is never made less urgent', () => {
    const { queue } = queueOf();
    queue.add('rest');
    queue.add('place', 'place');
    queue.add('retire', 'retire');
    queue.add('repair', 'repair');
    queue.add('rest-2');
    queue.add('rest-2', 'retire');
    queue.add('retire', 'rest');
    expect(takeAll(queue)).toEqual(['repair', 'retire', 'rest-2', 'place', 'rest']);
  });

  test('a key that is added while it is taken comes once more, and only after it was finished', () => {
    const { queue, ready } = queueOf();
    queue.add('a');
    expect(queue.take()?.key).toBe('a');
    queue.add('a', 'repair');
    queue.add('a');
    expect(queue.take()).toBeUndefined();
    const before = ready();
    queue.finish('a');
    expect(ready()).toBe(before + 1);
    expect(queue.take()).toEqual({ key: 'a', class: 'repair' });
    queue.finish('a');
    expect(queue.take()).toBeUndefined();
  });

  test('failures wait longer and longer, at most a minute, and are forgotten with the first success', () => {
    const { queue, clock } = queueOf();
    queue.add('a', 'place');
    const delays: number[] = [];
    for (let round = 0; round < 30; round++) {
      const item = queue.take();
      expect(item).toEqual({ key: 'a', class: 'place' });
      if (item !== undefined) delays.push(queue.retry(item));
      clock.advance(60_000);
    }
    expect(delays.every((ms, round) => ms <= Math.min(60_000, 50 * 2 ** round))).toBe(true);
    expect(Math.max(...delays)).toBeGreaterThan(10_000);
    expect(queue.failuresOf('a')).toBe(30);
    queue.take();
    queue.finish('a');
    expect(queue.failuresOf('a')).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('of several times the earliest counts, and an add at once overtakes it', () => {
    const { queue, clock } = queueOf();
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 900);
    queue.addAfter('b', 200);
    clock.advance(100);
    expect(takeAll(queue)).toEqual(['a']);
    queue.add('b', 'repair');
    expect(takeAll(queue)).toEqual(['b']);
    clock.advance(1_000);
    expect(takeAll(queue)).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('more keys than it holds become one look at everything of their kind', () => {
    const { queue } = queueOf(3);
    for (const name of ['a', 'b', 'c', 'd', 'e']) queue.add(`Wafer//${name}`);
    queue.addAfter('Pod/x/y', 100);
    queue.add('Wafer//a', 'repair');
    const keys = takeAll(queue);
    expect(keys).toEqual(['Wafer//a', 'Wafer//b', 'Wafer//c', 'Wafer//*', 'Pod//*']);
    expect(keys.filter(isResyncKey)).toEqual(['Wafer//*', 'Pod//*']);
  });

  test('a closed one holds nothing, takes nothing and leaves no timer', () => {
    const { queue, clock } = queueOf();
    queue.add('a');
    queue.addAfter('b', 100);
    queue.close();
    queue.add('c');
    queue.addAfter('d', 10);
    expect(queue.take()).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  test('never gives out a taken key, and loses none', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key, urgency: fc.constantFrom(...workClasses) }),
      fc.record({ do: fc.constant('take' as const) }),
      fc.record({ do: fc.constant('finish' as const), key }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { queue } = queueOf();
        const owed = new Set<string>();
        const taken = new Set<string>();
        for (const each of steps) {
          if (each.do === 'add') {
            queue.add(each.key, each.urgency);
            owed.add(each.key);
          } else if (each.do === 'take') {
            const item = queue.take();
            expect(item === undefined).toBe([...owed].every((key) => taken.has(key)));
            if (item === undefined) continue;
            expect(taken.has(item.key)).toBe(false);
            taken.add(item.key);
            owed.delete(item.key);
          } else if (taken.delete(each.key)) queue.finish(each.key);
        }
        for (const each of taken) queue.finish(each);
        expect(new Set(takeAll(queue))).toEqual(owed);
      }),
    );
  });
});
