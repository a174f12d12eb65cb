/** A bug as a value: a patch of one module's text, and the test that must fail when it is in. */
export type Bug = {
  /** Unique, kebab case: what the fault is, not where. */
  readonly name: string;
  /** The folder whose tests must catch it. */
  readonly ownedBy: string;
  /** Repository-relative path of the module. */
  readonly file: string;
  /** Occurs exactly once in the module; else the entry is stale. */
  readonly find: string;
  readonly replace: string;
  readonly caughtBy: Trial;
  /** Text that the failure prints when it fails for this bug, and not for another reason. */
  readonly wants: string;
};

/** The cheapest test that owns a bug: tests of one file whose full names match, or the first seeds of the simulation. */
export type Trial = { readonly test: string; readonly named: string } | { readonly seeds: number };

/** Enough of them that each bug they own shows in several, also when a new fault changes what each seed draws. */
export const SEEDS = 16;

/** What names the planted bug to every process of a run. */
export const ZOO = 'RETICLE_ZOO';
/** File that a planted module makes when it is loaded, so that a bug that nobody ran is not taken for one that lived. */
export const ZOO_SEEN = 'RETICLE_ZOO_SEEN';

const SEEN = `
;if (process.env.${ZOO_SEEN}) process.getBuiltinModule('node:fs').writeFileSync(process.env.${ZOO_SEEN}, '');
`;

/**
 * The module's text with the bug in it.
 *
 * @throws Error when `find` does not occur exactly once: the entry is stale
 */
export function plant({ name, file, find, replace }: Bug, source: string): string {
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`zoo: ${name} is stale: its text occurs ${places} times in ${file}, not once`);
  return source.replace(find, () => replace) + SEEN;
}
