import { assert } from '@reticle/core/domain';

const SLOTS_MIN = 16;

/**
 * First in, first out, with a fixed bound. Push and shift cost O(1); memory follows use up to the bound, in
 * powers of two, and a shifted element is not kept alive.
 */
export class BoundedQueue<T> {
  /** Largest number of elements. */
  readonly capacity: number;
  #slots: (T | undefined)[];
  /** Index of the oldest element; the slot count is a power of two, so positions wrap by mask. */
  #head = 0;
  #size = 0;

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, 'a queue holds at least one element');
    this.capacity = capacity;
    this.#slots = emptySlots<T>(SLOTS_MIN);
  }

  get size(): number {
    return this.#size;
  }

  get full(): boolean {
    return this.#size === this.capacity;
  }

  /** False, and nothing changes, when the queue is full: what to drop is the caller's decision. */
  push(element: T): boolean {
    if (this.#size === this.capacity) return false;
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = element;
    this.#size++;
    return true;
  }

  /** The oldest element, left in place; undefined when empty. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[this.#head];
  }

  /** Takes the oldest element; undefined when empty. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const element = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size--;
    return element;
  }

  clear(): void {
    this.#slots = emptySlots<T>(SLOTS_MIN);
    this.#head = 0;
    this.#size = 0;
  }

  #grow(): void {
    const slots = emptySlots<T>(this.#slots.length * 2);
    for (let index = 0; index < this.#size; index++) {
      slots[index] = this.#slots[(this.#head + index) & (this.#slots.length - 1)];
    }
    this.#slots = slots;
    this.#head = 0;
  }
}

function emptySlots<T>(count: number): (T | undefined)[] {
  return Array.from<T | undefined>({ length: count });
}
