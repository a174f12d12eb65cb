import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BoundedQueue } from './bounded-queue.ts';

describe('BoundedQueue', () => {
  test('refuses past its capacity and takes again after a shift', () => {
    const queue = new BoundedQueue<string>(2);
    expect([queue.push('a'), queue.push('b'), queue.push('c')]).toEqual([true, true, false]);
    expect([queue.size, queue.full]).toEqual([2, true]);
    expect(queue.shift()).toBe('a');
    expect(queue.push('d')).toBe(true);
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(['b', 'd', undefined]);
  });

  test('peek leaves the element in place', () => {
    const queue = new BoundedQueue<number>(1);
    expect(queue.peek()).toBeUndefined();
    queue.push(7);
    expect([queue.peek(), queue.peek(), queue.size]).toEqual([7, 7, 1]);
  });

  test('clear empties it, and it works on', () => {
    const queue = new BoundedQueue<number>(100);
    for (let value = 0; value < 100; value++) queue.push(value);
    queue.clear();
    expect([queue.size, queue.peek(), queue.shift()]).toEqual([0, undefined, undefined]);
    expect(queue.push(1)).toBe(true);
    expect(queue.shift()).toBe(1);
  });

  test.each([0, -1, 1.5, Number.NaN, Infinity])('refuses a capacity of %d', (capacity) => {
    expect(() => new BoundedQueue(capacity)).toThrow('invariant');
  });

  test('property: behaves as an array with a bound, over any mix of operations', () => {
    const operation = fc.oneof(
      { weight: 5, arbitrary: fc.constant('push' as const) },
      { weight: 3, arbitrary: fc.constant('shift' as const) },
      { weight: 1, arbitrary: fc.constant('peek' as const) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.array(operation, { maxLength: 300 }), (capacity, operations) => {
        const queue = new BoundedQueue<number>(capacity);
        const model: number[] = [];
        operations.forEach((kind, value) => {
          if (kind === 'push') {
            const fits = model.length < capacity;
            if (fits) model.push(value);
            expect(queue.push(value)).toBe(fits);
          } else if (kind === 'shift') {
            expect(queue.shift()).toBe(model.shift());
          } else {
            expect(queue.peek()).toBe(model[0]);
          }
          expect(queue.size).toBe(model.length);
        });
      }),
    );
  });
});
