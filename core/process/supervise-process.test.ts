import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import type { ChildHandle, IpcMessage } from './env.ts';
import { Lifecycle } from './lifecycle.ts';
import { memoryLogger } from './log.ts';
import { superviseProcess, type SuperviseOptions } from './supervise-process.ts';
import { systemDisk } from './system-disk.ts';
import { systemSpawn } from './system-spawn.ts';

type Setup = Partial<Pick<SuperviseOptions, 'ignoreSigint' | 'supervised' | 'orphanBoundMs'>> & { connected?: boolean };

/** A process made of parts: events are emitted by hand, exits and disconnects are written down. */
const setup = ({ connected = true, ...options }: Setup = {}) => {
  const clock = new VirtualClock();
  const logger = memoryLogger();
  const lifecycle = new Lifecycle({ clock, logger });
  const listeners = new Map<string, (value: unknown) => void>();
  const log: string[] = [];
  const port = {
    on: (event: string, listener: (value: unknown) => void) => listeners.set(event, listener),
    connected,
    disconnect: () => (log.push('disconnect'), (port.connected = false)),
    exit: (code: number) => void log.push(`exit ${code}`),
    exitCode: undefined as number | undefined,
  };
  superviseProcess({
    lifecycle,
    logger,
    flush: () => void log.push('flush'),
    process: port,
    afterUnref: (delayMs, callback) => clock.after(delayMs, callback),
    ...options,
  });
  const emit = (event: string, value?: unknown) => listeners.get(event)?.(value);
  return { clock, logger, lifecycle, log, port, emit, listeners };
};
const microtasks = async () => {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
};
const never = () => new Promise<void>(() => {});

describe('superviseProcess', () => {
  test('SIGTERM drains; a process that is still there after it is ended with status 0', async () => {
    const { lifecycle, emit, log, clock, logger } = setup();
    emit('SIGTERM');
    expect((await lifecycle.ended).reason).toBe('SIGTERM');
    await microtasks();
    expect(log).toEqual(['disconnect']);
    clock.advance(300);
    expect(log).toEqual(['disconnect', 'flush', 'exit 0']);
    expect(logger.records.at(-1)?.message).toBe('something still holds the process');
  });

  test('the whole end stays within a second of the drain bound', async () => {
    const { lifecycle, emit, log, clock } = setup();
    lifecycle.onDrain('stuck', never);
    lifecycle.own('stuck too', never);
    emit('SIGTERM');
    clock.advance(120_000);
    await microtasks();
    clock.advance(500);
    await microtasks();
    clock.advance(300);
    expect(log).toEqual(['disconnect', 'flush', 'exit 0']);
    expect(clock.nowMs()).toBeLessThanOrEqual(121_000);
  });

  test('keeps a status that the main has set', async () => {
    const { lifecycle, emit, log, clock, port } = setup();
    port.exitCode = 5;
    emit('SIGTERM');
    await lifecycle.ended;
    await microtasks();
    clock.advance(300);
    expect(log.at(-1)).toBe('exit 5');
  });

  test('a second SIGINT ends at once, a second SIGTERM waits', () => {
    const { lifecycle, emit, log } = setup();
    lifecycle.onDrain('stuck', never);
    emit('SIGINT');
    emit('SIGTERM');
    expect(log).toEqual([]);
    emit('SIGINT');
    expect(log).toEqual(['flush', 'exit 130']);
  });

  test('a child ignores SIGINT, however often, and still obeys SIGTERM', () => {
    const { lifecycle, emit, log, listeners } = setup({ ignoreSigint: true, supervised: true });
    expect(listeners.has('SIGINT')).toBe(true);
    emit('SIGINT');
    emit('SIGINT');
    expect([lifecycle.ending, log]).toEqual([false, []]);
    emit('SIGTERM');
    expect(lifecycle.ending).toBe(true);
  });

  test('a supervised process ends when its channel closes, within the short bound', async () => {
    const { lifecycle, emit, clock } = setup({ supervised: true, orphanBoundMs: 40 });
    lifecycle.onDrain('stuck', never);
    emit('disconnect');
    clock.advance(40);
    expect((await lifecycle.ended).reason).toBe('supervisor_gone');
  });

  test('a channel that closed before anyone listened counts', async () => {
    const { lifecycle } = setup({ supervised: true, connected: false });
    expect((await lifecycle.ended).reason).toBe('supervisor_gone');
  });

  test('a process without supervisor does not end by a channel', () => {
    const { lifecycle, emit, listeners } = setup({ connected: false });
    emit('disconnect');
    expect([lifecycle.ending, listeners.has('disconnect')]).toEqual([false, false]);
  });

  test('a defect ends the process at once, and its text stays out of the log', () => {
    const { emit, log, logger } = setup();
    emit('uncaughtException', new SyntaxError('canary'));
    expect(log).toEqual(['flush', 'exit 70']);
    expect(logger.records[0]).toMatchObject({ level: 'error', fields: { errorName: 'SyntaxError' } });
    expect(JSON.stringify(logger.records)).not.toContain('canary');
  });
});

/** The same on real processes: signals, the channel and the event loop are Node's. */
describe('superviseProcess in a real child', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reticle-supervise-'));
  });
  afterAll(() => systemDisk.remove(folder));

  const start = async (name: string, options: string, held = ''): Promise<{ child: ChildHandle; lines: string[] }> => {
    const entry = pathToFileURL(join(import.meta.dirname, 'index.ts')).href;
    const file = join(folder, `${name}.mjs`);
    const source = `import { Lifecycle, createLogger, superviseProcess, systemEnv } from ${JSON.stringify(entry)};
      const { clock, spawn } = systemEnv();
      const logger = createLogger({ level: 'info', clock });
      const lifecycle = new Lifecycle({ clock, logger, closeBoundMs: 50 });
      ${held}
      lifecycle.onDrain('tell', ({ reason }) => void spawn.parent()?.send({ reason }));
      superviseProcess({ lifecycle, logger, ${options} });
      process.on('SIGINT', () => spawn.parent()?.send('saw SIGINT'));
      spawn.parent()?.onMessage((message) => spawn.parent()?.send(['echo', message]));
      spawn.parent()?.send('ready');`;
    await systemDisk.writeText(file, source, 0o600);
    const lines: string[] = [];
    const child = systemSpawn.fork(file, [], { output: (_stream, line) => lines.push(line) });
    expect(await nextMessage(child)).toBe('ready');
    return { child, lines };
  };
  const nextMessage = (child: ChildHandle) =>
    new Promise<IpcMessage>((resolve, reject) => {
      const stop = child.onMessage((message) => {
        stop();
        resolve(message);
      });
      void child.exited.then((exit) => reject(new Error(`child ended with ${JSON.stringify(exit)}`)));
    });

  test('SIGINT passes a child by; typed arrays travel; SIGTERM drains it and it ends by itself with status 0', async () => {
    const { child, lines } = await start('polite', 'ignoreSigint: true, supervised: true');
    child.kill('SIGINT');
    expect(await nextMessage(child)).toBe('saw SIGINT');
    child.send(new Uint8Array([1, 2, 255]));
    expect(await nextMessage(child)).toEqual(['echo', expect.objectContaining({ 2: 255 })]);
    child.kill('SIGTERM');
    expect(await nextMessage(child)).toEqual({ reason: 'SIGTERM' });
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.send('late')).toBe(false);
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
      'drain begins',
      'process ends',
    ]);
  });

  test('something that holds the process does not hold its end', async () => {
    const { child, lines } = await start('held', 'supervised: true', 'setInterval(() => {}, 60_000);');
    child.kill('SIGTERM');
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(lines.at(-1)).toContain('something still holds the process');
  });

  test('a defect ends it with status 70, its words logged and its text not', async () => {
    const { child, lines } = await start(
      'defect',
      'supervised: true',
      'spawn.parent()?.onMessage(() => JSON.parse("canary prompt"));',
    );
    child.send('fail');
    expect(await child.exited).toEqual({ code: 70, signal: null });
    expect(lines.join()).toContain('defect ends the process');
    expect(lines.join()).not.toContain('canary prompt');
  });

  test('a child outlives its supervisor by its drain alone', async () => {
    const file = join(folder, 'supervisor.mjs');
    const entry = pathToFileURL(join(import.meta.dirname, 'index.ts')).href;
    const orphan = join(folder, 'orphan.mjs');
    await systemDisk.writeText(
      orphan,
      `import { Lifecycle, createLogger, superviseProcess, systemEnv } from ${JSON.stringify(entry)};
       const { clock, spawn } = systemEnv();
       const logger = createLogger({ level: 'info', clock });
       const lifecycle = new Lifecycle({ clock, logger });
       superviseProcess({ lifecycle, logger, supervised: true, ignoreSigint: true });
       spawn.parent().send('up');`,
      0o600,
    );
    await systemDisk.writeText(
      file,
      `import { systemEnv } from ${JSON.stringify(entry)};
       const child = systemEnv().spawn.fork(${JSON.stringify(orphan)}, [], { output: 'inherit' });
       child.onMessage(() => process.kill(process.pid, 'SIGKILL'));`,
      0o600,
    );
    const lines: string[] = [];
    // The orphan shares the supervisor's pipes: `exited` settles when both have closed them.
    const supervisor = systemSpawn.fork(file, [], { output: (_stream, line) => lines.push(line) });
    expect(await supervisor.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records.map(({ message, reason }) => [message, reason])).toEqual([
      ['drain begins', 'supervisor_gone'],
      ['process ends', 'supervisor_gone'],
    ]);
  });
});
