import { kinds } from '@reticle/operator/api';
import { nearestName } from '@reticle/core/domain';

/** Kinds that a person may name: ours, and the hosts. */
export type NamedKind = keyof typeof kinds | 'Node';

/** An object as a person names it; without a namespace it is looked for in all of them. */
export type NamedObject = { readonly kind: NamedKind; readonly namespace?: string; readonly name: string };

const words: ReadonlyMap<string, NamedKind> = new Map([
  ...Object.values(kinds).flatMap(({ kind, plural, shortName }): [string, NamedKind][] => [
    [kind.toLowerCase(), kind],
    [plural, kind],
    [shortName, kind],
  ]),
  ['node', 'Node'],
  ['nodes', 'Node'],
  ['no', 'Node'],
]);

/** What a kind is called in short, as in `md/agent-1t`. */
export function shortKind(kind: NamedKind): string {
  return kind === 'Node' ? 'node' : kinds[kind].shortName;
}

/**
 * `KIND/NAME` or `KIND/NAMESPACE/NAME`, the kind by any name that kubectl knows it by.
 *
 * @returns the words that say what is wrong with it, where it is none
 */
export function namedObject(text: string): NamedObject | { readonly wrong: string } {
  const [word = '', ...rest] = text.split('/');
  const kind = words.get(word.toLowerCase());
  const [name, namespace] = rest.toReversed();
  if (rest.length === 0 || rest.length > 2 || rest.includes('') || name === undefined) {
    return { wrong: `"${text}" is not KIND/NAME or KIND/NAMESPACE/NAME, such as md/agent-1t` };
  }
  if (kind === undefined) {
    const near = nearestName(word, [...words.keys()]);
    const meant = near === undefined ? `there are ${shortNames.join(', ')}` : `did you mean ${near}?`;
    return { wrong: `"${word}" is not a kind here (${meant})` };
  }
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

const shortNames = [...Object.values(kinds).map(({ shortName }) => shortName), 'node'];
