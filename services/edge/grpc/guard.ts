/**
 * What every call meets before its handler: header screening, then authentication, denied unless allowed.
 * Only health checks need no key (PROMISES §5.1).
 */
import { ServerInterceptingCall, type Metadata, type ServerInterceptor, type ServerListener } from '@grpc/grpc-js';
import { ReticleError } from '@reticle/core/domain';
import { headers } from '@reticle/proto/contract';
import type { Caller } from '@reticle/services/stream';
import { MISPLACED_KEY_HEADERS, type Authenticator } from '../auth/index.ts';
import type { StatusOf } from './errors.ts';
import { Refused } from './refused.ts';
import { screeningOf } from './screening.ts';

export type Guard = {
  readonly interceptor: ServerInterceptor;
  /** Who made the call that this metadata came with. */
  callerOf(metadata: Metadata): Caller;
};

const OPEN_PATHS = '/grpc.health.v1.Health/';

export type GuardOptions = {
  readonly auth: Authenticator;
  readonly statusOf: StatusOf;
  /** Methods whose handler answers refused messages itself. */
  readonly ownRefusals: ReadonlySet<string>;
};

export function createGuard({ auth, statusOf, ownRefusals }: GuardOptions): Guard {
  const callers = new WeakMap<Metadata, Caller>();

  const admit = (path: string, metadata: Metadata): unknown => {
    const screening = screeningOf(metadata);
    try {
      if (!path.startsWith(OPEN_PATHS)) {
        const given = screening === 'authorization' ? ['', ''] : texts(metadata, headers.authorization);
        callers.set(
          metadata,
          auth.authenticate(
            given,
            MISPLACED_KEY_HEADERS.some((name) => has(metadata, name)),
          ),
        );
      }
      if (screening === 'encoding') throw new ReticleError('unimplemented', 'compressed messages are not accepted');
      if (screening === 'size') throw new ReticleError('request_too_large', 'the metadata is too large');
    } catch (error) {
      return error;
    }
    return undefined;
  };

  const interceptor: ServerInterceptor = (method, call) => {
    const listener: ServerListener = {
      onReceiveMetadata(metadata, next) {
        const error = admit(method.path, metadata);
        if (error === undefined) next(metadata);
        else call.sendStatus(statusOf(error));
      },
      onReceiveMessage(message: unknown, next) {
        if (message instanceof Refused && !ownRefusals.has(method.path)) call.sendStatus(statusOf(message.error));
        else next(message);
      },
    };
    return new ServerInterceptingCall(call, { start: (next) => next(listener) });
  };

  return {
    interceptor,
    callerOf(metadata) {
      const caller = callers.get(metadata);
      if (caller === undefined) throw new Error('invariant: a handler runs behind the guard');
      return caller;
    },
  };
}

function texts(metadata: Metadata, name: string): string[] {
  return metadata.get(name).map(String);
}

function has(metadata: Metadata, name: string): boolean {
  return metadata.get(name).length > 0;
}
