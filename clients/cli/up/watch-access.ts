import type { LocalAccess } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { follow } from './follow.ts';

export type AccessWatch = {
  readonly clock: Clock;
  /** Reads the files anew; rejects for what is wrong with them. */
  readonly load: () => Promise<LocalAccess>;
  /** Puts what they say in force. */
  readonly apply: (access: LocalAccess) => void;
  /** Lines for people. */
  readonly say: (text: string) => void;
};

/**
 * Follows the files of tenants and keys, until the returned function is called. What is wrong with them is told once,
 * and what was in force stays.
 */
export function watchAccess(first: LocalAccess, { clock, load, apply, say }: AccessWatch): () => void {
  let known = textOf(first);
  const take = (access: LocalAccess): void => {
    const text = textOf(access);
    if (text.followed !== known.followed) {
      apply(access);
      say('tenants and keys were read again\n');
    }
    if (text.fixed !== known.fixed)
      say('issuers, origins, limits of sockets and the pepper are read at the next start\n');
    known = text;
  };
  return follow({ clock, load, take, refused: (why) => say(`${why}\ntenants and keys stay as they were\n`) });
}

/** What a running platform follows, and what it does not. */
function textOf({ keys, tenants, keepsPartial, door, pepper }: LocalAccess): { followed: string; fixed: string } {
  return { followed: JSON.stringify([keys, tenants, keepsPartial]), fixed: JSON.stringify([door, pepper]) };
}
