/**
 * A grpc-js relay with a stream on both sides for every session: it decodes every message and passes it on unchanged.
 * Middle of the bare chain, and second referent of the plane.
 */
import * as grpc from '@grpc/grpc-js';
import { limits } from '@reticle/proto/contract';
import { sessionServiceDefinition } from '@reticle/proto/load';
import type { ConverseRequest } from '@reticle/proto/gen/session/v1/ConverseRequest';
import type { ConverseResponse, ConverseResponse__Input } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { CreateSessionRequest } from '@reticle/proto/gen/session/v1/CreateSessionRequest';
import type { CreateSessionResponse } from '@reticle/proto/gen/session/v1/CreateSessionResponse';
import type { SessionServiceClient } from '@reticle/proto/gen/session/v1/SessionService';
import { serveCalls } from '../rig/calls.ts';

type Call = grpc.ServerDuplexStream<ConverseRequest, ConverseResponse__Input>;

export type RelayOrder = {
  /** Of what is behind it. */
  readonly address: string;
  /** Connections to it; streams take them in turn. */
  readonly connections: number;
};

/** The rig needs no back-pressure: its clients always read. */
function relay(call: Call, emitter: SessionServiceClient): void {
  const upstream = emitter.Converse();
  call.on('data', (request: ConverseRequest) => upstream.write(request));
  call.on('end', () => upstream.end());
  call.on('error', () => upstream.cancel());
  call.on('cancelled', () => upstream.cancel());
  upstream.on('data', (response: ConverseResponse) => call.write(response));
  upstream.on('end', () => call.end());
  upstream.on('error', (error) => call.destroy(error));
}

async function listen({ address, connections }: RelayOrder): Promise<string> {
  const service = sessionServiceDefinition();
  const Client = grpc.makeGenericClientConstructor(service, 'SessionService');
  const credentials = grpc.credentials.createInsecure();
  const options = { 'grpc.use_local_subchannel_pool': 1 };
  const emitters = Array.from(
    { length: connections },
    () => new Client(address, credentials, options) as unknown as SessionServiceClient,
  );
  let calls = 0;
  const next = (): SessionServiceClient => emitters[calls++ % connections] as SessionServiceClient;
  const server = new grpc.Server({ 'grpc.max_concurrent_streams': limits.concurrentStreamsMax });
  server.addService(
    { CreateSession: service.CreateSession, Converse: service.Converse },
    {
      CreateSession: (
        call: grpc.ServerUnaryCall<CreateSessionRequest, CreateSessionResponse>,
        callback: grpc.sendUnaryData<CreateSessionResponse>,
      ) => void next().CreateSession(call.request, (error, answer) => callback(error, answer)),
      Converse: (call: Call) => relay(call, next()),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return `127.0.0.1:${port}`;
}

const calls = { start: (order: RelayOrder): Promise<string> => listen(order) };

export type BareChainRelayCalls = typeof calls;
serveCalls(calls);
