/** What a chapter of code calls its things, and its own numbers; a function of the turn's key and the chapter. */
export type ChapterNames = {
  /** `OrderQueue`: the chapter's type; every declared name is built on it, so chapters never collide. */
  readonly type: string;
  /** `orderQueue`: a value of that type. */
  readonly value: string;
  /** `order queue`, for prose. */
  readonly title: string;
  /** `order`, for prose and inside longer names. */
  readonly word: string;
  /** A whole number in [low, high], fixed for this chapter and slot. */
  readonly number: (slot: number, low: number, high: number) => number;
};

/** The four blocks of a chapter: what it is for, its type, its functions, its tests. Each ends at a newline. */
export type ChapterShape = {
  /** Last words of the names that this shape can bear: `Queue`, `Backlog`. */
  readonly suffixes: readonly string[];
  readonly comment: (names: ChapterNames) => string;
  readonly types: (names: ChapterNames) => string;
  readonly functions: (names: ChapterNames) => string;
  readonly tests: (names: ChapterNames) => string;
};

/** A word with its article: `an order`. */
export function an(word: string): string {
  return `${/^[aeiou]/i.test(word) ? 'an' : 'a'} ${word}`;
}

/** With a capital, as at the start of a sentence or a type's name. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
