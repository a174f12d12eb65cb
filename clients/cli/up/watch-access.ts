import type { LocalAccess } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';

export type AccessWatch = {
  readonly clock: Clock;
  /** Reads the files anew; rejects for what is wrong with them. */
  readonly load: () => Promise<LocalAccess>;
  /** Puts what they say in force. */
  readonly apply: (access: LocalAccess) => void;
  /** Lines for people. */
  readonly say: (text: string) => void;
};

/** A revoked key ends its streams within 5 s of the change of its file (PROMISES P22). */
const LOOK_MS = 2_000;

/**
 * Follows the files of tenants and keys, until the returned function is called. What is wrong with them is told once,
 * and what was in force stays.
 */
export function watchAccess(first: LocalAccess, { clock, load, apply, say }: AccessWatch): () => void {
  let known = textOf(first);
  let told = '';
  let isOver = false;
  let cancel = (): void => {};
  const take = (access: LocalAccess): void => {
    told = '';
    const text = textOf(access);
    if (text.followed !== known.followed) {
      apply(access);
      say('tenants and keys were read again\n');
    }
    if (text.fixed !== known.fixed)
      say('issuers, origins, limits of sockets and the pepper are read at the next start\n');
    known = text;
  };
  const look = async (): Promise<void> => {
    try {
      const access = await load();
      if (!isOver) take(access);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== told && !isOver) say(`${why}\ntenants and keys stay as they were\n`);
      told = why;
    }
    if (!isOver) next();
  };
  const next = (): void => {
    cancel = clock.after(LOOK_MS, () => void look());
  };
  next();
  return () => {
    isOver = true;
    cancel();
  };
}

/** What a running platform follows, and what it does not. */
function textOf({ keys, tenants, keepsPartial, door, pepper }: LocalAccess): { followed: string; fixed: string } {
  return { followed: JSON.stringify([keys, tenants, keepsPartial]), fixed: JSON.stringify([door, pepper]) };
}
