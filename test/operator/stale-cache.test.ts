/**
 * OPERATOR §21, crash points: caches that are behind, and events that never come. After every write of the reference run
 * a new process begins with a cluster as it was some revisions ago and hears nothing for a while; every event of a watch
 * is lost once; events of a while are merged into one per object. Each time the run ends where the undisturbed one ended.
 */
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Reference } from './reference.ts';
import type { OperatorRun } from './operator-run.ts';
import type { TappedKube } from '../kit/kube/tapped-kube.ts';

jest.setTimeout(300_000);

/** Short of the age at which a cache counts as stale. */
const SILENCE_MS = 30_000;
/** One write between two that are tried, and one event: each stage still sees dozens of both. */
const STRIDE = 3;

/** Begins anew on the cluster as it was `back` revisions ago, which is all that it knows for a while. */
function startBehind(run: OperatorRun, back: number): void {
  const { clock, server } = run.cluster;
  let isBehind = true;
  const revision = Math.max(1, server.revision - back);
  const { kube } = run.start({ listsAt: () => (isBehind ? revision : undefined) });
  kube.pause();
  clock.after(SILENCE_MS, () => {
    isBehind = false;
    kube.resume();
  });
}

/** Hears nothing for a while, and then of each object only how it is. */
function mergeEvents(run: OperatorRun, kube: TappedKube): undefined {
  kube.pause();
  run.cluster.clock.after(SILENCE_MS, () => kube.resume({ merged: true }));
}

describe('a cache that is behind', () => {
  const reference = new Reference();
  beforeAll(() => reference.run());

  async function wrongAfter(starts: Iterable<readonly [number, (run: OperatorRun) => void]>): Promise<string[]> {
    const wrong: string[] = [];
    for (const [write, start] of starts) {
      const faults = await reference.compare(write, start, 'served');
      wrong.push(...faults.map((fault) => `write ${write}: ${fault}`));
    }
    return wrong;
  }

  /** Some of the writes, or of the events, each with what is to happen there. */
  function* each<T>(count: number, from: number, what: (at: number) => T): Iterable<T> {
    for (let at = from; at <= count; at += STRIDE) yield what(at);
  }

  test.each([1, 4, 16])('of a new process by %d revisions ends where the undisturbed run ended', async (back) => {
    const starts = each(reference.writes, 1 + (back % STRIDE), (write) => {
      const died = (run: OperatorRun) => (): void => startBehind(run, back);
      const start = (run: OperatorRun): void =>
        void run.start({ fate: (at) => (at === write ? 'die' : undefined), died: died(run) });
      return [write, start] as const;
    });
    expect(await wrongAfter(starts)).toEqual([]);
  });

  test('by one event that never comes ends where the undisturbed run ended', async () => {
    const starts = each(reference.events, 1, (event) => {
      const start = (run: OperatorRun): void => void run.start({ drops: (at) => at === event });
      return [reference.writeOf(event), start] as const;
    });
    expect(await wrongAfter(starts)).toEqual([]);
  });

  test('by events that are merged ends where the undisturbed run ended', async () => {
    const starts = each(reference.writes, 1, (write) => {
      const start = (run: OperatorRun): void => {
        const merge = (at: number): undefined => (at === write ? mergeEvents(run, kube) : undefined);
        const { kube } = run.start({ fate: merge });
      };
      return [write, start] as const;
    });
    expect(await wrongAfter(starts)).toEqual([]);
  });
});
