import { mkdtemp, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { afterUnref } from './system-clock.ts';
import { systemEnv } from './system-env.ts';

const env = systemEnv();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reticle-process-'));
});
afterAll(() => env.disk.remove(folder));

const fired = (delayMs: number) =>
  new Promise<number>((resolve) => {
    const from = env.clock.nowMs();
    env.clock.after(delayMs, () => resolve(env.clock.nowMs() - from));
  });

describe('system clock', () => {
  test.each([0.2, 1, 1.7, 5])('a timer of %d ms is never early', async (delayMs) => {
    for (const elapsed of await Promise.all(Array.from({ length: 20 }, () => fired(delayMs)))) {
      expect(elapsed).toBeGreaterThanOrEqual(delayMs);
    }
  });

  test('a delay of 0 waits for the loop, and a negative one is 0', async () => {
    let inside = true;
    const zero = new Promise<boolean>((resolve) => env.clock.after(0, () => resolve(inside)));
    const negative = new Promise<boolean>((resolve) => env.clock.after(-5, () => resolve(inside)));
    inside = false;
    expect(await Promise.all([zero, negative])).toEqual([false, false]);
  });

  test('a cancelled timer does not fire, a delay past 2^31 ms does not fire at once, cancelling twice is fine', async () => {
    const seen: string[] = [];
    const cancels = [0, 1, 2 ** 31].map((delayMs) => env.clock.after(delayMs, () => seen.push(`${delayMs}`)));
    for (const cancel of [...cancels.slice(0, 2), ...cancels.slice(0, 2)]) cancel();
    await fired(5);
    cancels[2]?.();
    expect(seen).toEqual([]);
  });

  test('an unref timer fires while something else holds the process, and can be cancelled', async () => {
    const seen: string[] = [];
    afterUnref(1, () => seen.push('fired'));
    afterUnref(1, () => seen.push('cancelled'))();
    await fired(10);
    expect(seen).toEqual(['fired']);
  });

  test('wall time is Unix milliseconds', () => {
    expect(env.clock.wallMs()).toBeGreaterThan(1_700_000_000_000);
  });
});

describe('system random', () => {
  test('gives as many bytes as asked, others each time', () => {
    expect(env.random.bytes(0)).toHaveLength(0);
    expect(env.random.bytes(16)).toHaveLength(16);
    expect(env.random.bytes(16)).not.toEqual(env.random.bytes(16));
  });

  test('units lie in [0, 1)', () => {
    const units = Array.from({ length: 1_000 }, () => env.random.unit());
    expect(units.every((unit) => unit >= 0 && unit < 1)).toBe(true);
    expect(new Set(units).size).toBeGreaterThan(990);
  });
});

describe('system net', () => {
  test('gives the preferred port when it is free, another when it is not', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const other = await env.net.freePort('127.0.0.1', port);
    expect(other).not.toBe(port);
    expect(other).toBeGreaterThan(0);
    await new Promise<void>((resolve) => taken.close(() => resolve()));
    expect(await env.net.freePort('127.0.0.1', port)).toBe(port);
  });

  test('a host that is not ours is an error, not another port', async () => {
    await expect(env.net.freePort('192.0.2.1', 8080)).rejects.toThrow('EADDRNOTAVAIL');
  });
});

describe('system disk', () => {
  test('writes what it reads, with its mode, in folders that it makes, and leaves no draft', async () => {
    const path = join(folder, 'a', 'b', 'snapshot.json');
    await env.disk.writeText(path, 'first', 0o600);
    await env.disk.writeText(path, 'zweite Fassung ✓', 0o600);
    expect(await env.disk.readText(path)).toBe('zweite Fassung ✓');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['snapshot.json']);
  });

  test('a write that fails leaves the target and no draft', async () => {
    const path = join(folder, 'kept');
    await env.disk.writeText(join(path, 'inner'), 'x', 0o600);
    await expect(env.disk.writeText(path, 'over a folder', 0o600)).rejects.toThrow();
    expect((await readdir(folder)).filter((name) => name.includes('.tmp'))).toEqual([]);
    expect(await env.disk.readText(join(path, 'inner'))).toBe('x');
  });

  test.each([
    { name: 'as large as the cap', size: 100_000, bytesMax: 100_000, wantLength: 100_000 },
    { name: 'empty', size: 0, bytesMax: 10, wantLength: 0 },
  ])('reads a file that is $name', async ({ size, bytesMax, wantLength }) => {
    const path = join(folder, 'sized');
    await env.disk.writeText(path, 'x'.repeat(size), 0o600);
    expect(await env.disk.readText(path, bytesMax)).toHaveLength(wantLength);
  });

  test('refuses a file over the cap, a device without end, text that is not UTF-8 and a loop of links', async () => {
    const path = join(folder, 'odd');
    await env.disk.writeText(path, 'x'.repeat(11), 0o600);
    await expect(env.disk.readText(path, 10)).rejects.toMatchObject({ name: 'RangeError' });
    await expect(env.disk.readText('/dev/zero', 1_000)).rejects.toMatchObject({ name: 'RangeError' });
    await writeFile(path, Buffer.from('{"A":"b"}', 'utf16le').fill(0xff, 0, 1));
    await expect(env.disk.readText(path)).rejects.toMatchObject({ name: 'TypeError' });
    await symlink(join(folder, 'loop'), join(folder, 'loop'));
    await expect(env.disk.readText(join(folder, 'loop'))).rejects.toMatchObject({ code: 'ELOOP' });
    expect(await env.disk.exists(join(folder, 'loop'))).toBe(false);
  });

  test('removes files and folders, and a missing one without complaint', async () => {
    const path = join(folder, 'gone', 'file');
    await env.disk.writeText(path, '', 0o600);
    expect(await env.disk.exists(path)).toBe(true);
    await env.disk.remove(join(folder, 'gone'));
    await env.disk.remove(path);
    expect(await env.disk.exists(path)).toBe(false);
  });
});

describe('system spawn', () => {
  test('passes arguments and environment, and tells lines and status', async () => {
    const file = join(folder, 'child.mjs');
    await env.disk.writeText(file, 'console.log(process.argv[2], process.env.RETICLE_X); process.exit(7);', 0o600);
    const lines: string[] = [];
    const child = env.spawn.fork(file, ['one'], {
      environment: { RETICLE_X: 'two' },
      output: (stream, line) => lines.push(`${stream}: ${line}`),
    });
    expect(await child.exited).toEqual({ code: 7, signal: null });
    expect(lines).toEqual(['stdout: one two']);
    expect(child.kill('SIGTERM')).toBe(false);
    expect(child.send('x')).toBe(false);
  });

  test('a kill is told by its signal, and a message that its end overtakes is lost without harm', async () => {
    const file = join(folder, 'busy.mjs');
    await env.disk.writeText(file, "process.on('message', () => {}); process.send('up');", 0o600);
    const child = env.spawn.fork(file, [], { output: 'ignore' });
    await new Promise<void>((resolve) => child.onMessage(() => resolve()));
    child.kill('SIGKILL');
    child.send(new Uint8Array(100_000));
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('a process that nobody forked has no parent channel', () => {
    const forked = process.send !== undefined;
    expect(env.spawn.parent() === undefined).toBe(!forked);
  });
});

test('a failpoint does nothing', () => {
  expect(env.failpoint('gateway.admitted')).toBeUndefined();
});
