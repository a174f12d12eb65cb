import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { Lifecycle } from './lifecycle.ts';
import { memoryLogger } from './log.ts';

const setup = (bounds: { readonly drainBoundMs?: number; readonly closeBoundMs?: number } = {}) => {
  const clock = new VirtualClock();
  const logger = memoryLogger();
  const lifecycle = new Lifecycle({ clock, logger, ...bounds });
  const log: string[] = [];
  return { clock, logger, lifecycle, log, note: (entry: string) => () => void log.push(entry) };
};

/** Lets every promise that is ready settle, without time. */
const microtasks = async () => {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
};
const never = () => new Promise<void>(() => {});

describe('Lifecycle', () => {
  test('drains first, then disposes in reverse order, one after the other', async () => {
    const { lifecycle, log, note, clock } = setup();
    const slow = Promise.withResolvers<void>();
    lifecycle.own('store', note('store'));
    lifecycle.own('server', { [Symbol.asyncDispose]: () => (note('server begins')(), slow.promise) });
    lifecycle.own('timer', { [Symbol.dispose]: note('timer') });
    lifecycle.onDrain('sessions', ({ reason, timeLeftMs }) => void log.push(`drain ${reason} ${timeLeftMs}`));
    const ended = lifecycle.drain('SIGTERM');
    expect(lifecycle.ending).toBe(true);
    await microtasks();
    expect(log).toEqual(['drain SIGTERM 120000', 'timer', 'server begins']);
    slow.resolve();
    expect(await ended).toEqual({ reason: 'SIGTERM', failed: [], unfinished: [] });
    expect(log.at(-1)).toBe('store');
    expect(clock.pending).toBe(0);
  });

  test('own gives back what it owns', () => {
    const server = { [Symbol.dispose]: () => {} };
    expect(setup().lifecycle.own('server', server)).toBe(server);
  });

  test('a drain step that hangs costs its bound and no more', async () => {
    const { lifecycle, log, note, clock, logger } = setup({ drainBoundMs: 1_000 });
    lifecycle.own('server', note('server'));
    lifecycle.onDrain('stuck', never);
    lifecycle.onDrain('quick', note('quick'));
    const ended = lifecycle.drain('SIGTERM');
    clock.advance(999);
    await microtasks();
    expect(log).toEqual(['quick']);
    clock.advance(1);
    expect(await ended).toEqual({ reason: 'SIGTERM', failed: [], unfinished: ['stuck'] });
    expect(log).toEqual(['quick', 'server']);
    expect(logger.records).toEqual([
      { level: 'warn', message: 'not ended at its bound', fields: { component: 'stuck' } },
    ]);
  });

  test('a disposal that hangs keeps none of the others from beginning', async () => {
    const { lifecycle, log, note, clock } = setup({ closeBoundMs: 100 });
    lifecycle.own('first', note('first'));
    lifecycle.own('also stuck', () => (note('also stuck')(), never()));
    lifecycle.own('stuck', never);
    const ended = lifecycle.drain('SIGTERM');
    await microtasks();
    expect(log).toEqual([]);
    clock.advance(100);
    const { unfinished } = await ended;
    expect(log).toEqual(['also stuck', 'first']);
    expect(unfinished).toEqual(expect.arrayContaining(['stuck', 'also stuck']));
  });

  test('with every part hung the end is bounded by both bounds', async () => {
    const { lifecycle, clock } = setup();
    lifecycle.onDrain('reader that never reads', never);
    lifecycle.own('engine that hangs', never);
    const ended = lifecycle.drain('SIGTERM');
    clock.advance(120_000);
    await microtasks();
    clock.advance(500);
    expect((await ended).unfinished).toEqual(['reader that never reads', 'engine that hangs']);
  });

  test('failures are logged once, named, and stop nothing', async () => {
    const { lifecycle, log, note, logger } = setup();
    lifecycle.own('first', note('first'));
    lifecycle.own('broken', () => {
      throw new Error('canary');
    });
    lifecycle.onDrain('rejects', () => Promise.reject(new TypeError('canary')));
    const end = await lifecycle.drain('SIGTERM');
    expect(end.failed).toEqual(['rejects', 'broken']);
    expect(log).toEqual(['first']);
    expect(logger.records.map(({ level, fields }) => [level, fields['component'], fields['errorName']])).toEqual([
      ['error', 'rejects', 'TypeError'],
      ['error', 'broken', 'Error'],
    ]);
    expect(JSON.stringify(logger.records)).not.toContain('canary');
  });

  test('a second drain begins nothing again, and its smaller bound ends the wait', async () => {
    const { lifecycle, log, note, clock } = setup();
    lifecycle.own('server', note('server'));
    lifecycle.onDrain('stuck', () => (note('stuck')(), never()));
    const ended = lifecycle.drain('SIGTERM');
    const again = lifecycle.drain('supervisor_gone', 50);
    clock.advance(50);
    expect((await again).reason).toBe('SIGTERM');
    expect(await ended).toBe(await again);
    expect(log).toEqual(['stuck', 'server']);
    await microtasks();
    expect(clock.pending).toBe(0);
  });

  test('a later drain with a longer bound leaves no timer behind', async () => {
    const { lifecycle, clock } = setup();
    const done = Promise.withResolvers<void>();
    lifecycle.onDrain('work', () => done.promise);
    const ended = lifecycle.drain('SIGTERM', 10);
    void lifecycle.drain('SIGTERM', 60_000);
    done.resolve();
    await ended;
    await microtasks();
    expect(clock.pending).toBe(0);
  });

  test('disposal skips the drain and tells what failed', async () => {
    const { lifecycle, log, note } = setup();
    lifecycle.onDrain('sessions', note('drain'));
    lifecycle.own('server', note('server'));
    await lifecycle[Symbol.asyncDispose]();
    await lifecycle[Symbol.asyncDispose]();
    expect(log).toEqual(['server']);

    const broken = setup().lifecycle;
    broken.own('socket', () => Promise.reject(new Error('x')));
    await expect(broken[Symbol.asyncDispose]()).rejects.toThrow('disposal failed: socket');
  });

  test('nothing can be opened once it ends', async () => {
    const { lifecycle } = setup();
    await lifecycle.drain('SIGTERM');
    expect(() => lifecycle.own('late', () => {})).toThrow('invariant');
    expect(() => lifecycle.onDrain('late', () => {})).toThrow('invariant');
  });
});
