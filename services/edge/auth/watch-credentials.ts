import type { Clock } from '@reticle/core/flow';
import type { Authenticator } from './authenticator.ts';

/** PROTOCOL §0: a stream whose key was revoked ends within 5 s. */
const RECHECK_MS = 2_500;

export type WatchOptions = { readonly auth: Authenticator; readonly clock: Clock };

/** Calls `look` on every change of credentials, and often enough for those that expire; gives what stops it. */
export function watchCredentials({ auth, clock }: WatchOptions, look: () => void): () => void {
  let cancel: () => void;
  const tick = (): void => {
    look();
    cancel = clock.after(RECHECK_MS, tick);
  };
  cancel = clock.after(RECHECK_MS, tick);
  const unlisten = auth.listen(look);
  return () => {
    unlisten();
    cancel();
  };
}
