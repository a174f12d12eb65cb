/** Who is speaking: one function for every transport (PROTOCOL §0, PROMISES §5.1). */
import { ReticleError } from '@reticle/core/domain';
import type { Caller } from '@reticle/services/stream';

/** One kind of credential. */
export interface BearerAuthenticator {
  /** True when the bearer has this kind's form; decides alone who judges it. */
  recognises(bearer: string): boolean;
  /** As {@link Authenticator.prepare}; absent: nothing is ever waited for. */
  prepare?(bearer: string): Promise<void> | undefined;
  /** Undefined for a bearer that proves nothing; `key_revoked` for one that did once. */
  authenticate(bearer: string): Caller | undefined;
  /** For streams that run on: throws `key_revoked` when the caller's credential no longer holds. */
  check(caller: Caller): void;
  /** Whether a caller of another process, or of an earlier request, is one of this kind. Absent: none is. */
  readonly owns?: (caller: Caller) => boolean;
  /** Tells that credentials changed, until the returned function is called. */
  listen(listener: () => void): () => void;
}

export interface Authenticator {
  /**
   * Before `authenticate`: resolves when what a credential is judged by has come, or after a bound, and never rejects.
   * Undefined: it can be judged at once, whatever it is. Says nothing of who is speaking.
   */
  prepare(authorization: readonly string[]): Promise<void> | undefined;
  /**
   * @param authorization every `authorization` header of the request, in order
   * @param misplaced true when the request carries a credential in another place
   * @throws ReticleError `invalid_api_key` with one text for a missing, malformed, doubled or unknown
   *   credential; `key_revoked` for a true one that is no longer valid
   */
  authenticate(authorization: readonly string[], misplaced?: boolean): Caller;
  /** As {@link BearerAuthenticator.check}. */
  check(caller: Caller): void;
  /**
   * Takes in a caller that was authenticated elsewhere or earlier, so that {@link check} holds for it.
   *
   * @throws ReticleError `invalid_api_key` when no kind knows it, `key_revoked` when its credential no longer holds
   */
  adopt(caller: Caller): void;
  /** As {@link BearerAuthenticator.listen}. */
  listen(listener: () => void): () => void;
}

/** Metadata and header names in which people put a key by mistake. */
export const MISPLACED_KEY_HEADERS = ['x-api-key', 'api-key', 'x-goog-api-key', 'x-reticle-api-key'] as const;

const BEARER = /^bearer +([\x21-\x7e]+)$/i;
/** Longer headers are not looked at; a JWT fits. */
const HEADER_CHARACTERS_MAX = 8_192;

/** The first kind that recognises a bearer judges it. */
export function createAuthenticator(kinds: readonly BearerAuthenticator[]): Authenticator {
  const kindOf = new WeakMap<Caller, BearerAuthenticator>();
  return {
    prepare(authorization) {
      const bearer = onlyBearer(authorization);
      return bearer === undefined ? undefined : kinds.find((each) => each.recognises(bearer))?.prepare?.(bearer);
    },
    authenticate(authorization, misplaced = false) {
      const bearer = onlyBearer(authorization);
      const kind = bearer === undefined ? undefined : kinds.find((each) => each.recognises(bearer));
      const caller = bearer === undefined ? undefined : kind?.authenticate(bearer);
      if (kind === undefined || caller === undefined) throw invalidKey(authorization.length === 0 && misplaced);
      kindOf.set(caller, kind);
      return caller;
    },
    check: (caller) => kindOf.get(caller)?.check(caller),
    adopt(caller) {
      const kind = kinds.find(({ owns }) => owns?.(caller) === true);
      if (kind === undefined) throw invalidKey(false);
      kind.check(caller);
      kindOf.set(caller, kind);
    },
    listen(listener) {
      const stops = kinds.map((kind) => kind.listen(listener));
      return () => stops.forEach((stop) => stop());
    },
  };
}

function onlyBearer(authorization: readonly string[]): string | undefined {
  const [header] = authorization;
  if (authorization.length !== 1 || header === undefined || header.length > HEADER_CHARACTERS_MAX) return undefined;
  return BEARER.exec(header)?.[1];
}

function invalidKey(misplaced: boolean): ReticleError {
  const details = misplaced ? { hint: 'send the key as "authorization: Bearer <key>"' } : {};
  return new ReticleError('invalid_api_key', 'no valid API key was given', { details });
}
