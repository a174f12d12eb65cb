import { describe, expect, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import { elapse } from '../../test/kit/kube/virtual-run.ts';
import { after, done, terminal, wait, type Outcome } from './outcome.ts';
import { Workers } from './workers.ts';
import type { WorkItem } from './workqueue.ts';

function workersOf(reconcile: (item: WorkItem) => Promise<Outcome>, workers?: number) {
  const clock = new VirtualClock();
  const log = memoryLogger();
  const random = seededRandom(3);
  return {
    clock,
    log,
    workers: new Workers({ clock, log, random, reconcile, ...(workers === undefined ? {} : { workers }) }),
  };
}

describe('workers', () => {
  test('run as many keys at once as told, never two of one key, and none is lost', async () => {
    const running = new Set<string>();
    let most = 0;
    const runs: string[] = [];
    const clock = new VirtualClock();
    const workers = new Workers({
      clock,
      random: seededRandom(3),
      log: memoryLogger(),
      workers: 2,
      reconcile: async ({ key }) => {
        expect(running.has(key)).toBe(false);
        running.add(key);
        most = Math.max(most, running.size);
        await new Promise<void>((resolve) => void clock.after(10, resolve));
        running.delete(key);
        runs.push(key);
        return done;
      },
    });
    for (const key of ['a', 'b', 'c', 'a', 'd']) workers.add(key);
    await elapse(clock, 5);
    workers.add('a');
    await elapse(clock, 1_000);
    expect(most).toBe(2);
    expect(runs.toSorted()).toEqual(['a', 'a', 'b', 'c', 'd']);
    expect(workers.depth).toBe(0);
  });

  test.each([
    { name: 'done', outcome: done, wantMs: undefined },
    { name: 'after', outcome: after(700, 'a deadline'), wantMs: 700 },
    { name: 'wait', outcome: wait('the cache shows our write'), wantMs: 30_000 },
    { name: 'terminal', outcome: terminal('InvalidSpec'), wantMs: undefined },
  ])('$name: comes again after $wantMs ms', async ({ outcome, wantMs }) => {
    const times: number[] = [];
    const { clock, workers } = workersOf(() => {
      times.push(clock.nowMs());
      return Promise.resolve(times.length > 1 ? done : outcome);
    });
    workers.add('a');
    await elapse(clock, 120_000);
    expect(times).toEqual(wantMs === undefined ? [0] : [0, wantMs]);
  });

  test('a throw backs off and is logged once until the key succeeds, without the text of an object', async () => {
    let failures = 3;
    const { clock, log, workers } = workersOf(() =>
      failures-- > 0 ? Promise.reject(new TypeError('cannot read')) : Promise.resolve(done),
    );
    workers.add('Wafer//a');
    await elapse(clock, 60_000);
    const errors = log.records.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({
      message: 'a reconcile threw',
      fields: { object: 'Wafer//a', errorName: 'TypeError' },
    });
    expect(failures).toBe(-1);
    failures = 1;
    workers.add('Wafer//a');
    await elapse(clock, 60_000);
    expect(log.records.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  test('stop waits for what runs and starts nothing more', async () => {
    const runs: string[] = [];
    const { clock, workers } = workersOf(async ({ key }) => {
      runs.push(key);
      await new Promise<void>((resolve) => void clock.after(50, resolve));
      return after(10, 'again');
    }, 1);
    workers.add('a');
    workers.add('b');
    let stopped = false;
    const stopping = workers.stop().then(() => (stopped = true));
    await elapse(clock, 40);
    expect(stopped).toBe(false);
    await elapse(clock, 1_000);
    await stopping;
    expect(runs).toEqual(['a']);
    expect(clock.pending).toBe(0);
    await workers.stop();
  });
});
