import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '@reticle/core/flow';
import fc from 'fast-check';
import { promptIds } from '../conformance/driver-bench.ts';
import { narrow, simBench } from './sim-bench.ts';

const BLOCK = 128;

describe('a random host', () => {
  test('Σ KV ≤ K and every figure adds up under random turns, cuts, forks, parks and releases', () => {
    const reached = { restores: 0, lost: 0 };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const world = new RandomHost(seed);
        for (let act = 0; act < 150; act += 1) world.act();
        world.finish();
        reached.restores += world.reached.restores;
        reached.lost += world.reached.lost;
      }),
      { numRuns: 10 },
    );
    expect(Math.min(reached.restores, reached.lost)).toBeGreaterThan(0);
  });
});

/** A host that does anything the contract allows, in any order. */
class RandomHost {
  readonly #random;
  readonly #bench = simBench({ ...narrow(6000), contextTokens: 4096, drafter: 'moe', parkTokens: 3000 });
  readonly #kvTokens = this.#bench.sim.load().kvTokensTotal;
  readonly #contexts: number[] = [0];
  readonly #streams = new Set<number>();
  #contextLast = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  act(): void {
    const { clock, driver, sim } = this.#bench;
    const stream = this.#pick(12);
    const acts = [
      () => this.#start(stream),
      () => driver.halt(stream),
      () => driver.pause(stream),
      () => driver.resume(stream),
      () => this.#truncate(stream),
      () => this.#release(),
      () => this.#prefill(),
      () => sim.park({ stream }),
      () => sim.park({ context: this.#contexts[this.#pick(this.#contexts.length)] ?? 0 }),
      () => sim.inject({ kind: 'kvPressure', factor: this.#pick(5) / 4, forMs: 1 + this.#pick(300) }),
    ];
    acts[this.#pick(acts.length)]?.();
    clock.advance(this.#random.unit() * (this.#pick(4) === 0 ? 200 : 3));
    const { kvTokensFree, kvTokensTotal, slotsFree, slotsTotal } = driver.load();
    const { copiedTokens, storeTokens } = sim.health().park;
    const live = [...this.#streams].filter((id) => this.#isLive(id)).length;
    const inOrder = [0, kvTokensFree, kvTokensTotal, this.#kvTokens];
    // One expectation an act: they are what this test spends its time on.
    expect({
      order: inOrder.toSorted((low, high) => low - high),
      odd: kvTokensFree % BLOCK,
      copied: Math.min(copiedTokens, storeTokens),
      slots: slotsTotal - slotsFree,
    }).toEqual({ order: inOrder, odd: 0, copied: copiedTokens, slots: live });
  }

  /** What happened in this world, to see that the acts reach it. */
  get reached(): { readonly restores: number; readonly lost: number } {
    const { restores, copiesEvicted } = this.#bench.sim.health().park;
    return { restores, lost: copiesEvicted };
  }

  /** Everything that was claimed is freed with the last reference. */
  finish(): void {
    const { clock, driver, sim } = this.#bench;
    for (const stream of this.#streams) if (this.#isLive(stream)) driver.halt(stream);
    clock.runUntilIdle(60_000);
    for (const stream of this.#streams) this.#truncate(stream);
    while (this.#contexts.length > 1) driver.release(this.#contexts.pop() ?? 0);
    expect(clock.pending).toBe(0);
    const { kvTokensFree, kvTokensTotal, prefillBacklogTokens } = sim.load();
    expect({ kvTokensFree, prefillBacklogTokens }).toEqual({ kvTokensFree: kvTokensTotal, prefillBacklogTokens: 0 });
    expect(kvTokensTotal).toBe(this.#kvTokens);
    expect(sim.health().park).toMatchObject({ parked: 0, copiedTokens: 0 });
  }

  #start(stream: number): void {
    if (this.#streams.has(stream)) return;
    const parent = this.#contexts[this.#pick(this.#contexts.length)] ?? 0;
    const input = [{ kind: 'tokens', ids: promptIds(1 + this.#pick(600)) }] as const;
    this.#bench.start(stream, {
      parent,
      input,
      maxOutputTokens: 1 + this.#pick(2000),
      length: 'max',
      successor: this.#pick(2) === 0,
    });
    this.#streams.add(stream);
  }

  #truncate(stream: number): void {
    if (!this.#streams.has(stream) || this.#isLive(stream)) return;
    this.#streams.delete(stream);
    const { terminal } = this.#bench.recorder.stream(stream);
    if (terminal === undefined || terminal.kind === 'failed') return;
    this.#contextLast += 1;
    this.#bench.driver.truncate(stream, this.#pick(terminal.generated + 1), this.#contextLast);
    this.#contexts.push(this.#contextLast);
  }

  #release(): void {
    if (this.#contexts.length === 1) return;
    const [context = 0] = this.#contexts.splice(1 + this.#pick(this.#contexts.length - 1), 1);
    this.#bench.driver.release(context);
  }

  #prefill(): void {
    const parent = this.#contexts[this.#pick(this.#contexts.length)] ?? 0;
    this.#contextLast += 1;
    const context = this.#contextLast;
    const input = [{ kind: 'tokens', ids: promptIds(1 + this.#pick(400)) }] as const;
    this.#bench.driver.prefill({ op: context, parent, context, input, afterOutput: false });
    this.#contexts.push(context);
  }

  #isLive(stream: number): boolean {
    return this.#streams.has(stream) && this.#bench.recorder.stream(stream).terminal === undefined;
  }

  #pick(below: number): number {
    return Math.floor(this.#random.unit() * below);
  }
}
