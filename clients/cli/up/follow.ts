import type { Clock } from '@reticle/core/flow';

export type Followed<T> = {
  readonly clock: Clock;
  /** Reads the files anew; rejects for what is wrong with them. */
  readonly load: () => Promise<T>;
  readonly take: (found: T) => void;
  /** Told once for each fault that lasts. */
  readonly refused: (why: string) => void;
};

/** A revoked key ends its streams within 5 s of the change of its file (PROMISES P22). */
const LOOK_MS = 2_000;

/** Reads files again and again, until the returned function is called; what is on its way then is let go. */
export function follow<T>({ clock, load, take, refused }: Followed<T>): () => void {
  let told = '';
  let isOver = false;
  let cancel = (): void => {};
  const look = async (): Promise<void> => {
    try {
      const found = await load();
      if (!isOver) take(found);
      told = '';
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== told && !isOver) refused(why);
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
