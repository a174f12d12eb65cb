import type { TlsPair } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { follow } from './follow.ts';
import { isOver, type LoadedTls } from './tls-files.ts';

export type TlsWatch = {
  readonly clock: Clock;
  /** Reads the files anew; rejects for what is wrong with them. */
  readonly load: () => Promise<LoadedTls>;
  /** Puts another pair in force for new connections. */
  readonly apply: (pair: TlsPair) => void;
  /** Lines for people. */
  readonly say: (text: string) => void;
};

/**
 * Follows the files of a certificate, until the returned function is called. What cannot be served, and what is over
 * already, is told once, and the one in force stays. Its own end is told once too.
 */
export function watchTls(first: LoadedTls, { clock, load, apply, say }: TlsWatch): () => void {
  let inForce = first;
  // Its end may have been told at the start.
  let isEndTold = isOver(first.facts, clock);
  const take = (found: LoadedTls): void => {
    if (found.pair.certificate === inForce.pair.certificate && found.pair.key === inForce.pair.key) {
      if (isEndTold || !isOver(inForce.facts, clock)) return;
      isEndTold = true;
      for (const warning of found.warnings) say(`${warning}\n`);
      return;
    }
    if (isOver(found.facts, clock)) throw new Error(found.warnings.join('\n'));
    inForce = found;
    isEndTold = false;
    apply(found.pair);
    for (const warning of found.warnings) say(`${warning}\n`);
    say(`the certificate was read again: new connections see one that counts until ${found.facts.notAfter}\n`);
  };
  return follow({ clock, load, take, refused: (why) => say(`${why}\nthe certificate stays as it was\n`) });
}
