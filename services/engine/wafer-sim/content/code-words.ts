/**
 * Words of a person's message that can name things in code. The message may be long and hostile: only its first
 * characters are read, and only plain letters come out.
 */
const READ_CHARACTERS = 4096;
const WORDS_MAX = 8;
const WORDS_MIN = 3;
const LETTERS_MIN = 3;
const LETTERS_MAX = 16;

/** Names for a message that has too few of its own. */
const defaultWords = ['order', 'sensor', 'ticket', 'route', 'invoice', 'message'] as const;

/** Words that ask for code, or bind a sentence, and name nothing. */
const passedOver: ReadonlySet<string> = new Set(
  `about above after again also and another any are aren ask because been before being below best better both but call
  can cannot clean code could create did does doing don done down during each else ensure every example few file first
  for from function further gave generate get give given good had has have having hello help her here him his how
  implement into isn its javascript just keep kind know last less let like line little long look made make many may
  method might mine module more most much must need new next nice not note now off one only other our out over own
  package part please program python quick really rust same say script see set shall she should show simple snippet
  some something such sure take tell test than thank that the their them then there these they thing this those thus
  too two type typescript under until use used using very via want was way well were what when where which while who whom
  why will with without would write yes yet you your`.split(/\s+/),
);

/** Distinct words for identifiers in lower case and singular, three at least; the same message gives the same words. */
export function identifierWords(message: string | undefined): readonly string[] {
  const words = new Set<string>();
  const plain = (message ?? '').slice(0, READ_CHARACTERS).normalize('NFKD').replace(/\p{M}/gu, '');
  for (const [found] of plain.matchAll(/[\p{L}]+/gu)) {
    if (passedOver.has(found.toLowerCase())) continue;
    for (const part of camelParts(found)) {
      const word = singular(part.toLowerCase());
      if (words.size < WORDS_MAX && namesSomething(word)) words.add(word);
    }
  }
  for (const word of defaultWords) if (words.size < WORDS_MIN) words.add(word);
  return [...words];
}

/** `rateLimiter` names two things; `HTTP` one. */
function camelParts(word: string): readonly string[] {
  return word.split(/(?<=[a-z])(?=[A-Z])/);
}

function singular(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return word.length > 3 && word.endsWith('s') && !/(ss|us|is)$/.test(word) ? word.slice(0, -1) : word;
}

function namesSomething(word: string): boolean {
  const { length } = word;
  return length >= LETTERS_MIN && length <= LETTERS_MAX && /^[a-z]+$/.test(word) && !passedOver.has(word);
}
