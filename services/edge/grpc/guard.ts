/**
 * What every call meets before its handler: header screening, then authentication, denied unless allowed.
 * Only health checks need no key (PROMISES §5.1).
 */
import { Metadata, ServerInterceptingCall, status, type ServerInterceptor, type ServerListener } from '@grpc/grpc-js';
import { ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { headers } from '@reticle/proto/contract';
import type { Caller } from '@reticle/services/stream';
import { MISPLACED_KEY_HEADERS, type Authenticator } from '../auth/index.ts';
import type { GrpcStatusObject, StatusOf } from './errors.ts';
import { Refused } from './refused.ts';
import { screeningOf, type Screening } from './screening.ts';

export type Guard = {
  readonly interceptor: ServerInterceptor;
  /** Who made the call that this metadata came with. */
  callerOf(metadata: Metadata): Caller;
};

const OPEN_PATHS = '/grpc.health.v1.Health/';

/** A request that is one message must have come by then (PROMISES §7.2 G12). */
export const REQUEST_MS_MAX = 30_000;

export type GuardOptions = {
  readonly auth: Authenticator;
  readonly statusOf: StatusOf;
  readonly clock: Clock;
  /** Methods whose handler answers refused messages itself. */
  readonly ownRefusals: ReadonlySet<string>;
};

export function createGuard({ auth, statusOf, clock, ownRefusals }: GuardOptions): Guard {
  const callers = new WeakMap<Metadata, Caller>();

  /** Why a call is refused; undefined: it is not. */
  const refusal = (path: string, metadata: Metadata): GrpcStatusObject | undefined => {
    const screening = screeningOf(metadata);
    try {
      if (!path.startsWith(OPEN_PATHS)) {
        const given = screening === 'authorization' ? ['', ''] : texts(metadata, headers.authorization);
        const isMisplaced = MISPLACED_KEY_HEADERS.some((name) => has(metadata, name));
        callers.set(metadata, auth.authenticate(given, isMisplaced));
      }
      refuseScreened(screening);
    } catch (error) {
      return statusOf(error);
    }
    return screening === 'deadline' ? deadlineExceeded() : undefined;
  };

  const interceptor: ServerInterceptor = (method, call) => {
    let cancelTimer = (): void => {};
    const admit = (metadata: Metadata, next: (metadata: Metadata) => void): void => {
      const refused = refusal(method.path, metadata);
      if (refused !== undefined) {
        call.sendStatus(refused);
        return;
      }
      if (!method.requestStream) {
        cancelTimer = clock.after(REQUEST_MS_MAX, () => call.sendStatus(deadlineExceeded()));
      }
      next(metadata);
    };
    const listener: ServerListener = {
      onReceiveMetadata(metadata, next) {
        // No message is read before the handler is there to ask for one.
        const prepared = auth.prepare(texts(metadata, headers.authorization));
        if (prepared === undefined) admit(metadata, next);
        else void prepared.then(() => admit(metadata, next));
      },
      onReceiveMessage(message: unknown, next) {
        if (message instanceof Refused && !ownRefusals.has(method.path)) {
          cancelTimer();
          call.sendStatus(statusOf(message.error));
        } else next(message);
      },
      onReceiveHalfClose(next) {
        cancelTimer();
        next();
      },
      onCancel: () => cancelTimer(),
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

/** @throws ReticleError for headers that were found wrong before the library saw them */
function refuseScreened(screening: Screening | undefined): void {
  if (screening === 'encoding') throw new ReticleError('unimplemented', 'compressed messages are not accepted');
  if (screening === 'size') throw new ReticleError('request_too_large', 'the metadata is too large');
  if (screening === 'timeout') {
    throw new ReticleError('invalid_request', 'the timeout is malformed', { param: 'grpc-timeout' });
  }
}

/** The library's own answer to a deadline; the registry has no code for it. */
function deadlineExceeded(): GrpcStatusObject {
  return { code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded', metadata: new Metadata() };
}

function texts(metadata: Metadata, name: string): string[] {
  return metadata.get(name).map(String);
}

function has(metadata: Metadata, name: string): boolean {
  return metadata.get(name).length > 0;
}
