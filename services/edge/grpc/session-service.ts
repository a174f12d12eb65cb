import type { Metadata, MethodDefinition, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { sessionServiceDefinition } from '@reticle/proto/load';
import type { Caller } from '@reticle/services/stream';
import { ConverseStream, type ConverseCall, type ConverseOptions } from './converse.ts';
import { strictDeserialiser } from './refused.ts';
import { serveReplay, type ReplayCall } from './replay.ts';
import { unaryMethods } from './unary.ts';

export const SESSION_SERVICE = 'reticle.session.v1.SessionService';
/** The guard leaves refused messages of this method to {@link ConverseStream}, which ends its attachment too. */
export const CONVERSE_PATH = `/${SESSION_SERVICE}/Converse`;

type Method = MethodDefinition<object, object>;

/**
 * SessionService with strict deserialisers. Messages of the two streams are encoded before they are written,
 * so their serialiser passes bytes through.
 */
export function strictSessionService(): ServiceDefinition<UntypedServiceImplementation> {
  const methods = Object.entries(sessionServiceDefinition() as unknown as Record<string, Method>);
  return Object.fromEntries(
    methods.map(([name, method]) => [
      name,
      {
        ...method,
        // buf lint STANDARD fixes the request's name.
        requestDeserialize: strictDeserialiser(`reticle.session.v1.${name}Request`),
        ...(method.responseStream ? { responseSerialize: (bytes: Buffer) => bytes } : {}),
      },
    ]),
  );
}

/** A running stream, for what happens to it from outside. */
export type OpenStream = { readonly caller: Caller; readonly refuse: (error: unknown) => void };

export type SessionMethodsOptions = ConverseOptions & {
  readonly callerOf: (metadata: Metadata) => Caller;
  /** Holds every running stream. */
  readonly open: Set<OpenStream>;
};

export function sessionMethods(options: SessionMethodsOptions): UntypedServiceImplementation {
  const { callerOf, open } = options;
  const track = (call: ConverseCall | ReplayCall, stream: OpenStream): void => {
    open.add(stream);
    call.on('cancelled', () => open.delete(stream));
  };
  return {
    ...unaryMethods(options),
    Converse(call: ConverseCall) {
      const stream = new ConverseStream(call, callerOf(call.metadata), options);
      track(call, { caller: stream.caller, refuse: (error) => stream.refuse(error) });
    },
    ReplayTurn(call: ReplayCall) {
      const caller = callerOf(call.metadata);
      track(call, { caller, refuse: serveReplay(call, caller, options) });
    },
  } as unknown as UntypedServiceImplementation;
}
