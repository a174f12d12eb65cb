/** Every fault of the proxy on real sockets: what each end then sees. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FaultProxy, type FaultProxyOptions } from './fault-proxy.ts';
import { messageFrame } from './http2-borders.ts';

type End = {
  readonly socket: Socket;
  text: string;
  /** How it ended: `end` for a proper one, `reset`, or nothing yet. */
  over: '' | 'end' | 'reset';
  readonly when: (condition: () => boolean) => Promise<void>;
};

function endOf(socket: Socket): End {
  const waiting = new Set<() => void>();
  const changed = (): void => waiting.forEach((look) => look());
  const when = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  const end: End = { socket, text: '', over: '', when };
  socket.on('data', (bytes) => {
    end.text += bytes.toString('latin1');
    changed();
  });
  socket.on('error', () => {
    end.over = 'reset';
    changed();
  });
  socket.on('end', () => {
    end.over ||= 'end';
    changed();
  });
  return end;
}

type Rig = {
  readonly proxy: FaultProxy;
  /** One more wire: the end that dialled, and the end that listens. */
  readonly wire: () => Promise<{ near: End; far: End }>;
};

const open: (() => Promise<void>)[] = [];

async function rig(options: FaultProxyOptions = {}): Promise<Rig> {
  const accepted: End[] = [];
  const waiting: ((end: End) => void)[] = [];
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const end = endOf(socket);
    accepted.push(end);
    waiting.shift()?.(end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await FaultProxy.start({ ...options, targetPort: (server.address() as AddressInfo).port });
  const near: Socket[] = [];
  open.push(async () => {
    for (const socket of [...near, ...accepted.map((end) => end.socket)]) socket.destroy();
    await proxy[Symbol.asyncDispose]();
    server.close();
  });
  const wire = async (): Promise<{ near: End; far: End }> => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    near.push(socket);
    const far = new Promise<End>((resolve) => waiting.push(resolve));
    return { near: endOf(socket), far: await far };
  };
  return { proxy, wire };
}

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const elapsed = async (run: () => Promise<void>): Promise<number> => {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
};

describe('a proxy without toxics', () => {
  test('passes both ways, closes one way at a time, and counts', async () => {
    const { proxy, wire } = await rig();
    const { near, far } = await wire();
    near.socket.end('question');
    await far.when(() => far.over === 'end');
    far.socket.end('answer');
    await near.when(() => near.over === 'end');
    expect([far.text, near.text]).toEqual(['question', 'answer']);
    expect(proxy.accepted).toBe(1);
  });

  test('a reset of one end resets the other', async () => {
    const { wire } = await rig();
    const { near, far } = await wire();
    near.socket.write('x');
    await far.when(() => far.text === 'x');
    near.socket.resetAndDestroy();
    await far.when(() => far.over === 'reset');
  });

  test('back-pressure reaches the sender', async () => {
    const { wire } = await rig();
    const { near, far } = await wire();
    far.socket.pause();
    const chunk = 'z'.repeat(1 << 16);
    let written = 0;
    while (written < 64 * 1024 * 1024 && near.socket.writableLength < 1024 * 1024) {
      near.socket.write(chunk);
      written += chunk.length;
      await new Promise(setImmediate);
    }
    expect(written).toBeLessThan(64 * 1024 * 1024);
    far.socket.resume();
    await far.when(() => far.text.length === written);
  });
});

describe('toxics', () => {
  test('latency delays a chunk and keeps order under jitter', async () => {
    const { proxy, wire } = await rig();
    const { near, far } = await wire();
    proxy.set('up', { latencyMs: 30, jitterMs: 20 });
    const tookMs = await elapsed(async () => {
      for (const letter of 'abcdefgh') {
        near.socket.write(letter);
        await new Promise(setImmediate);
      }
      await far.when(() => far.text.length === 8);
    });
    expect(far.text).toBe('abcdefgh');
    expect(tookMs).toBeGreaterThanOrEqual(10);
  });

  test('bandwidth spreads bytes over time', async () => {
    const { proxy, wire } = await rig();
    proxy.set('down', { bytesPerSecond: 20_000 });
    const { near, far } = await wire();
    const tookMs = await elapsed(async () => {
      far.socket.write('y'.repeat(2_000));
      await near.when(() => near.text.length === 2_000);
    });
    expect(tookMs).toBeGreaterThanOrEqual(80);
  });

  test('a slicer cuts chunks and loses nothing', async () => {
    const { proxy, wire } = await rig();
    proxy.set('up', { sliceBytes: 3 });
    const { near, far } = await wire();
    let chunks = 0;
    far.socket.on('data', () => (chunks += 1));
    near.socket.write('0123456789');
    await far.when(() => far.text === '0123456789');
    expect(chunks).toBeGreaterThan(1);
  });

  test('a stall holds one direction back and lets it go whole', async () => {
    const { proxy, wire } = await rig();
    const { near, far } = await wire();
    proxy.set('up', { stall: true });
    near.socket.write('held');
    far.socket.write('passes');
    await near.when(() => near.text === 'passes');
    expect(far.text).toBe('');
    proxy.heal();
    await far.when(() => far.text === 'held');
  });

  test('a one-way drop forgets, and what it forgot shows as a reset when it is over', async () => {
    const { proxy, wire } = await rig();
    const { near, far } = await wire();
    proxy.set('up', { drop: true });
    near.socket.write('gone');
    far.socket.write('passes');
    await near.when(() => near.text === 'passes');
    proxy.heal();
    await far.when(() => far.over === 'reset');
    expect(far.text).toBe('');
  });

  test('a slow close comes late', async () => {
    const { proxy, wire } = await rig();
    proxy.set('up', { slowCloseMs: 40 });
    const { near, far } = await wire();
    const tookMs = await elapsed(async () => {
      near.socket.end('last');
      await far.when(() => far.over === 'end');
    });
    expect(far.text).toBe('last');
    expect(tookMs).toBeGreaterThanOrEqual(30);
  });

  test('a limit closes after its bytes', async () => {
    const { proxy, wire } = await rig();
    proxy.set('down', { limitBytes: 5 });
    const { near, far } = await wire();
    far.socket.write('0123456789');
    await near.when(() => near.over === 'end');
    expect(near.text).toBe('01234');
  });
});

describe('a fault at a byte', () => {
  test.each([
    { fault: 'reset', near: 'reset', far: 'reset' },
    { fault: 'close', near: 'end', far: 'end' },
  ] as const)(
    '$fault ends both sides after exactly the bytes before it',
    async ({ fault, near: wantNear, far: wantFar }) => {
      const { proxy, wire } = await rig();
      const { near, far } = await wire();
      near.socket.write('ab');
      await far.when(() => far.text === 'ab');
      proxy.wires[0]?.trip('up', { afterBytes: 3, fault });
      near.socket.write('cdefgh');
      await near.when(() => near.over === wantNear);
      await far.when(() => far.over === wantFar);
      // A reset may overtake what was on its way, never the other way round.
      expect('abcde'.startsWith(far.text)).toBe(true);
      expect(proxy.wires).toEqual([]);
    },
  );

  test('a blackhole says nothing to anybody', async () => {
    const { proxy, wire } = await rig();
    const { near, far } = await wire();
    proxy.wires[0]?.trip('up', { afterBytes: 2, fault: 'blackhole' });
    near.socket.write('abcd');
    await far.when(() => far.text === 'ab');
    far.socket.write('into the void');
    near.socket.write('and more');
    const other = await wire();
    other.near.socket.write('x');
    await other.far.when(() => other.far.text === 'x');
    expect([near.text, far.text, near.over, far.over]).toEqual(['', 'ab', '', '']);
  });

  test.each([
    { direction: 'up', broken: 'far', silent: 'near' },
    { direction: 'down', broken: 'near', silent: 'far' },
  ] as const)('half-open $direction: the receiver sees a reset, the sender nothing', async (row) => {
    const { proxy, wire } = await rig();
    const ends = await wire();
    const [sender, receiver] = [ends[row.silent], ends[row.broken]];
    proxy.wires[0]?.trip(row.direction, { afterBytes: 1, fault: 'half-open' });
    sender.socket.write('abc');
    await receiver.when(() => receiver.over === 'reset');
    sender.socket.write('anybody?');
    const other = await wire();
    other.near.socket.end('x');
    await other.far.when(() => other.far.over === 'end');
    expect(sender.over).toBe('');
  });

  test('garble flips one bit of one byte and everything goes on', async () => {
    const { proxy, wire } = await rig();
    const { near, far } = await wire();
    proxy.wires[0]?.trip('up', { afterBytes: 2, fault: 'garble' });
    near.socket.write('aaaa');
    await far.when(() => far.text.length === 4);
    near.socket.write('bb');
    await far.when(() => far.text.length === 6);
    expect(far.text).toBe('aaqabb');
  });

  test.each([
    { name: 'bytes between two frames', fault: 'garbage', stream: undefined },
    { name: 'a message between two messages', fault: 'garbage-message', stream: 5 },
  ] as const)('$fault puts $name, once, and everything else arrives', async ({ fault, stream }) => {
    const { proxy, wire } = await rig();
    const { near, far } = await wire();
    const message = messageFrame(5, Buffer.from('hello'));
    // A frame without payload ends first; only the message tells a stream.
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    const garbage = Buffer.alloc(24, 0xff);
    const sent = Buffer.concat([settings, message, settings]);
    const inserted = stream === undefined ? garbage : messageFrame(stream, garbage);
    const behind = stream === undefined ? 9 : 9 + message.length;
    const want = Buffer.concat([sent.subarray(0, behind), inserted, sent.subarray(behind), sent]);
    proxy.wires[0]?.trip('up', { afterBytes: 2, fault });
    expect(proxy.wires[0]?.armed).toBe(true);
    near.socket.write(sent);
    near.socket.write(sent);
    await far.when(() => far.text.length >= want.length);
    expect(far.text).toBe(want.toString('latin1'));
    expect(proxy.wires[0]?.armed).toBe(false);
  });

  test('one that still waits goes when the proxy is healed', async () => {
    const { proxy, wire } = await rig();
    const { near, far } = await wire();
    proxy.wires[0]?.trip('up', { afterBytes: 2, fault: 'reset' });
    proxy.heal();
    expect(proxy.wires[0]?.armed).toBe(false);
    near.socket.end('abcd');
    await far.when(() => far.over === 'end');
    expect(far.text).toBe('abcd');
  });

  test('on all wires at seeded places around a byte', async () => {
    const places = async (): Promise<number[]> => {
      const { proxy, wire } = await rig({ seed: 9 });
      const wires = [await wire(), await wire(), await wire()];
      expect(proxy.tripAll('up', { afterBytes: 100, fault: 'blackhole' })).toBe(3);
      for (const { near, far } of wires) {
        near.socket.write('.'.repeat(200));
        await far.when(() => far.text.length >= 50);
      }
      return wires.map(({ far }) => far.text.length);
    };
    const first = await places();
    expect(new Set(first).size).toBeGreaterThan(1);
    expect(await places()).toEqual(first);
  });
});

describe('the whole proxy', () => {
  test('down resets every wire and each new one; healed, it passes', async () => {
    const { proxy, wire } = await rig();
    const { near } = await wire();
    proxy.down();
    await near.when(() => near.over === 'reset');
    const refused = endOf(connect(proxy.port, '127.0.0.1'));
    await refused.when(() => refused.over !== '');
    expect(refused.over).toBe('reset');
    proxy.heal();
    const again = await wire();
    again.near.socket.write('x');
    await again.far.when(() => again.far.text === 'x');
  });

  test('silence answers nobody and closes nothing', async () => {
    const { proxy, wire } = await rig();
    const { near, far } = await wire();
    proxy.silence();
    near.socket.write('lost');
    const late = endOf(connect(proxy.port, '127.0.0.1'));
    await new Promise<void>((resolve) => late.socket.once('connect', resolve));
    late.socket.write('lost too');
    proxy.heal();
    const again = await wire();
    again.near.socket.write('x');
    await again.far.when(() => again.far.text === 'x');
    expect([near.over, far.text, late.over]).toEqual(['', '', '']);
    late.socket.destroy();
  });

  test('nobody behind it: the dialler sees a reset', async () => {
    const { proxy } = await rig();
    proxy.targetPort = 1;
    const refused = endOf(connect(proxy.port, '127.0.0.1'));
    await refused.when(() => refused.over === 'reset');
  });
});
