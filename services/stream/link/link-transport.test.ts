import { afterEach, describe, expect, test } from '@jest/globals';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { VirtualClock, seededRandom } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { linkServiceDefinition } from '@reticle/proto/load';
import { StepFrameWriter } from '@reticle/proto/wire';
import type { LinkRequest } from '@reticle/proto/gen/engine/v1/LinkRequest';
import { CAPABILITIES, ENGINE } from '../scripted-engine.ts';
import type { LaneReceiver } from './engine-link.ts';
import { LinkClient } from './link-client.ts';
import { GrpcLinkTransport } from './link-transport.ts';

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent };

type Call = ServerDuplexStream<LinkRequest, unknown>;
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A gRPC server whose Link answers by itself: Welcome to Hello, one step to Start. */
async function serve(onCall: (call: Call) => void): Promise<string> {
  const server = new Server();
  const definition = linkServiceDefinition();
  const Link = {
    ...definition.Link,
    // Steps are bytes already; the rest goes through the library's serialiser.
    responseSerialize: (value: unknown) =>
      Buffer.isBuffer(value) ? value : definition.Link.responseSerialize(value as object),
  };
  server.addService({ ...definition, Link } as never, { Link: onCall, SignalTurn: () => {} } as never);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  closing.push(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

describe('a link over grpc-js', () => {
  test('welcomes, carries a start one way and a step the other, and tells of its end', async () => {
    const address = await serve((call) => {
      call.on('error', () => {});
      call.on('data', (request: LinkRequest) => {
        const { engineId, replicaEpoch, modelDigest, region } = ENGINE;
        if (request.hello)
          call.write({
            welcome: { protocol: 1, engineId, replicaEpoch, modelDigest, region, capabilities: CAPABILITIES },
          });
        if (!request.start) return;
        const writer = new StepFrameWriter();
        writer.begin(1, 2);
        const columns = {
          ids: Uint32Array.of(7, 8),
          lengths: Uint32Array.of(1, 1),
          at: 0,
          text: Buffer.from('ok'),
          textStart: 0,
          textEnd: 2,
        };
        writer.row({ lane: request.start.lane, firstOffset: 0, count: 2, ...columns });
        call.write(writer.finish());
      });
    });
    const client = new LinkClient(
      { ...ENGINE, address },
      {
        transport: new GrpcLinkTransport(),
        clock: new VirtualClock(),
        random: seededRandom(1),
        logger: silent,
        gatewayId: 'gw',
        incarnation: '1',
        region: ENGINE.region,
        onLoad: () => {},
        onAlive: () => {},
        onLost: () => {},
      },
    );
    const link = await client.ready({ ...ENGINE, address });
    const got = new Promise<string>((resolve) => {
      const none = (): void => {};
      const receiver: LaneReceiver = {
        owed: false,
        started: none,
        mark: none,
        cutDone: none,
        ended: none,
        fault: none,
        row: (row) => {
          resolve(
            `${row.firstOffset}+${row.count} ${Buffer.from(row.text.subarray(row.textStart, row.textEnd)).toString()}`,
          );
          return true;
        },
      };
      link.send({ start: { lane: link.openLane(receiver), sid: 1, turnId: 't1' } });
    });
    expect(await got).toBe('0+2 ok');
    const none = (): void => {};
    const lost = new Promise<string>((resolve) => {
      const silent = {
        opened: none,
        prefilled: none,
        fault: none,
        transcript: none,
        hostStarted: none,
        draining: none,
      };
      link.openSid({ ...silent, lost: resolve });
    });
    for (const close of closing.splice(0)) close();
    expect(await lost).toBe('transport');
    expect(link.alive).toBe(false);
    client.close();
  });
});
