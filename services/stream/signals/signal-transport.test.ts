import { afterEach, describe, expect, test } from '@jest/globals';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { VirtualClock } from '@reticle/core/flow';
import { systemClock } from '@reticle/core/process';
import { linkServiceDefinition } from '@reticle/proto/load';
import { GrpcSignalTransport } from './signal-transport.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Handler = (call: { request: { signed: Buffer } }, reply: (error: unknown, value?: unknown) => void) => void;

async function listen(handler: Handler): Promise<string> {
  const server = new Server();
  server.addService(linkServiceDefinition(), { SignalTurn: handler, Link: () => {} } as never);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  closers.push(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

/** Deadlines of the library are wall time; idle timers are the port's. */
class MixedClock extends VirtualClock {
  override wallMs(): number {
    return systemClock.wallMs();
  }
}

function transport(): { clock: MixedClock; transport: GrpcSignalTransport } {
  const clock = new MixedClock();
  const made = new GrpcSignalTransport({ clock });
  closers.push(() => made.close());
  return { clock, transport: made };
}

describe('signals over gRPC', () => {
  test('carry bytes there and back, on one connection per address, closed when idle', async () => {
    const address = await listen(({ request }, reply) =>
      reply(null, { ack: Buffer.concat([request.signed, Buffer.of(9)]) }),
    );
    const { clock, transport: made } = transport();
    const acks = await Promise.all([1, 2, 3].map((byte) => made.call(address, Uint8Array.of(byte), 2_000)));
    expect(acks.map((ack) => [...ack])).toEqual([
      [1, 9],
      [2, 9],
      [3, 9],
    ]);
    expect(made.size).toBe(1);
    clock.advance(59_999);
    await made.call(address, Uint8Array.of(4), 2_000);
    clock.advance(59_999);
    expect(made.size).toBe(1);
    clock.advance(1);
    expect(made.size).toBe(0);
    expect([...(await made.call(address, Uint8Array.of(5), 2_000))]).toEqual([5, 9]);
  });

  test.each([
    {
      name: 'a status',
      handler: ((_call, reply) => reply({ code: status.UNAVAILABLE, details: 'engine_lost' })) as Handler,
    },
    { name: 'no answer in time', handler: (() => {}) as Handler },
  ])('$name rejects', async ({ handler }) => {
    const address = await listen(handler);
    await expect(transport().transport.call(address, new Uint8Array(), 50)).rejects.toThrow();
  });

  test('an address where nobody listens rejects before its time is over, and a closed transport at once', async () => {
    const { transport: made } = transport();
    await expect(made.call('127.0.0.1:1', new Uint8Array(), 5_000)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    made.close();
    await expect(made.call('127.0.0.1:1', new Uint8Array(), 5_000)).rejects.toThrow('closed');
  });
});
