/** A peer that does not keep up (PROTOCOL §4.3, "Slow reader"): its turns have no credit until it has caught up. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { run } from '../openai/openai-kit.ts';
import { WebSocketPort } from './websocket-port.ts';
import { SessionRig, settled, until } from './websocket-kit.ts';

const credits = (rig: SessionRig): readonly (readonly [number, number])[] =>
  rig.of('flow').map(({ flow }) => [flow.receivedThroughOffset, flow.creditTokens]);

/** A response whose first words the kernel has not taken. */
async function stuck(over = {}): Promise<SessionRig> {
  const rig = new SessionRig(over);
  await rig.create();
  rig.start();
  rig.open();
  rig.socket.isTaking = false;
  rig.tokens(0, 'hello');
  return rig;
}

describe('a slow reader', () => {
  test('has no credit from 2 s of backlog on', async () => {
    const rig = await stuck();
    rig.clock.advance(1_999);
    expect(credits(rig)).toEqual([]);
    rig.clock.advance(1);
    expect(credits(rig)).toEqual([[0, 0]]);
  });

  test('has credit again when it has caught up', async () => {
    const rig = await stuck();
    rig.clock.advance(3_000);
    rig.socket.take();
    expect(credits(rig)).toEqual([
      [0, 0],
      [0, 512],
    ]);
  });

  test('is slow by the age of what waits, however much it takes', async () => {
    const rig = await stuck();
    for (let batch = 1; batch <= 10; batch += 1) {
      rig.clock.advance(300);
      rig.tokens(5 * batch, 'again');
      if (batch > 6) rig.socket.takeOne();
    }
    // At 3 s, what was written at 1.2 s waits since.
    expect(credits(rig)).toEqual([[0, 0]]);
    for (let batch = 0; batch < 3; batch += 1) rig.socket.takeOne();
    expect(credits(rig)).toEqual([
      [0, 0],
      [0, 512],
    ]);
  });

  test('that keeps within 2 s is none', async () => {
    const rig = await stuck();
    for (let batch = 1; batch <= 20; batch += 1) {
      rig.clock.advance(1_900);
      rig.socket.take();
      rig.tokens(5 * batch, 'again');
    }
    expect(credits(rig)).toEqual([]);
  });

  test('acknowledges what it takes, and is granted nothing for it', async () => {
    const rig = await stuck();
    rig.tokens(5, 'x'.repeat(200));
    rig.clock.advance(1_900);
    rig.tokens(205, 'y');
    rig.clock.advance(200);
    rig.socket.takeOne();
    rig.socket.takeOne();
    expect(credits(rig)).toEqual([
      [0, 0],
      [205, 0],
      [205, 512],
    ]);
  });

  test('has no credit from 1 MiB of backlog on, and has it again below half of that', async () => {
    const rig = await stuck();
    rig.tokens(5, 'x'.repeat(1_048_576));
    expect(credits(rig)).toEqual([[0, 0]]);
    rig.socket.backlogBytes = 600_000;
    rig.socket.takeOne();
    expect(credits(rig)).toEqual([[0, 0]]);
    rig.socket.backlogBytes = 500_000;
    rig.socket.takeOne();
    expect(credits(rig).at(-1)?.[1]).toBe(512);
  });

  test('gets no credit for another response either, until it has caught up', async () => {
    const rig = await stuck();
    rig.clock.advance(2_000);
    await rig.create({ stream_id: 'b' });
    const { turnId } = rig.lastStart;
    rig.clock.advance(200);
    const ofB = (): readonly number[] =>
      rig.of('flow').flatMap(({ flow }) => (flow.turnId === turnId ? [flow.creditTokens] : []));
    expect(ofB()).toEqual([0]);
    rig.socket.take();
    expect(ofB()).toEqual([0, 512]);
  });

  test.each([{ continues: true }, { continues: false }])('that leaves holds nothing back: %p', async (over) => {
    const rig = await stuck(over);
    rig.clock.advance(2_000);
    rig.session.gone();
    expect(credits(rig)).toEqual([
      [0, 0],
      [0, 512],
    ]);
    rig.socket.take();
    rig.clock.advance(10_000);
    expect(credits(rig)).toHaveLength(2);
  });

  test('that reads along holds nothing back', async () => {
    const rig = await stuck();
    rig.socket.take();
    rig.socket.isTaking = true;
    const { responseId } = rig;
    await rig.say({ type: 'response.resume', response_id: responseId, stream_id: 'again' });
    const owned = rig.of('flow').length;
    rig.end(5);
    expect(rig.of('flow')).toHaveLength(owned);
  });

  test('on a real socket: a client that pauses, and reads on', async () => {
    const server = createServer();
    const sockets = new WebSocketServer({ server, perMessageDeflate: false });
    const opened = once(sockets, 'connection') as Promise<[WebSocket, { readonly socket: Socket }]>;
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    let deltas = 0;
    client.on('message', (data: Buffer) => (deltas += data.includes('"type":"response.output_text.delta"') ? 1 : 0));
    const [[webSocket, { socket }]] = await Promise.all([opened, once(client, 'open')]);
    const port = new WebSocketPort(webSocket, socket);
    const rig = new SessionRig({ port, defer: (callback) => void setImmediate(callback) });
    try {
      await rig.create();
      rig.start();
      rig.open();
      client.pause();
      let offset = 0;
      // Whatever the kernel takes, it does not take this.
      for (; port.backlogBytes === 0 && offset < 200; offset += 1) {
        rig.raw({ ...run(offset, ['x'.repeat(256 * 1_024)]), turnId: rig.lastStart.turnId });
        await settled();
      }
      expect(port.backlogBytes).toBeGreaterThan(0);
      rig.clock.advance(2_000);
      await settled();
      expect(credits(rig).at(-1)?.[1]).toBe(0);
      expect(port.backlogBytes).toBeGreaterThan(0);
      client.resume();
      await until(() => credits(rig).at(-1)?.[1] === 512);
      await until(() => deltas === offset);
    } finally {
      rig.session.gone();
      client.terminate();
      webSocket.terminate();
      sockets.close();
      server.close();
      await once(server, 'close');
    }
  });
});
