/** Middle of the bare chain: a grpc-js server and client that decode every message and pass it on unchanged. */
import * as grpc from '@grpc/grpc-js';
import { sessionServiceDefinition } from '@reticle/proto/load';
import type { ConverseRequest } from '@reticle/proto/gen/session/v1/ConverseRequest';
import type { ConverseResponse, ConverseResponse__Input } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { CreateSessionRequest } from '@reticle/proto/gen/session/v1/CreateSessionRequest';
import type { CreateSessionResponse } from '@reticle/proto/gen/session/v1/CreateSessionResponse';
import type { SessionServiceClient } from '@reticle/proto/gen/session/v1/SessionService';
import { serveCalls } from '../rig/calls.ts';

type Call = grpc.ServerDuplexStream<ConverseRequest, ConverseResponse__Input>;

/** The rig needs no back-pressure: one session at 1,000 tok/s, whose client always reads. */
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

async function listen(emitterAddress: string): Promise<string> {
  const service = sessionServiceDefinition();
  const Client = grpc.makeGenericClientConstructor(service, 'SessionService');
  const credentials = grpc.credentials.createInsecure();
  const emitter = new Client(emitterAddress, credentials) as unknown as SessionServiceClient;
  const server = new grpc.Server();
  server.addService(
    { CreateSession: service.CreateSession, Converse: service.Converse },
    {
      CreateSession: (
        call: grpc.ServerUnaryCall<CreateSessionRequest, CreateSessionResponse>,
        callback: grpc.sendUnaryData<CreateSessionResponse>,
      ) => void emitter.CreateSession(call.request, (error, answer) => callback(error, answer)),
      Converse: (call: Call) => relay(call, emitter),
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

const calls = { start: (emitterAddress: string): Promise<string> => listen(emitterAddress) };

export type BareChainRelayCalls = typeof calls;
serveCalls(calls);
