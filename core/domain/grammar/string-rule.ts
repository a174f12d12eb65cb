import { encodeUtf8 } from '../tokens/index.ts';
import { opening, Rule, textRule, type Move } from './rule.ts';

/** Code points of a string past the fewest that are allowed. */
const EXTRA_CHARACTERS = 24;
/** The longest word and the space after it. */
const STRIDE = 5;

/**
 * Words of at most four letters: with the space after it each is one token wherever it stands, and every length can be
 * put together from them.
 */
const words = 'a in of to key map row set code core item lane node note page path plan rate team unit'
  .split(' ')
  .map((word) => ({ length: word.length, last: encodeUtf8(word), inner: encodeUtf8(`${word} `) }));
const longWords = words.filter(({ length }) => length === STRIDE - 1);

const closing = textRule('"');
const openString = boundedString(1, 1 + EXTRA_CHARACTERS);

/** A JSON string of `min` to `max` code points; where the schema leaves it open, a few words. */
export function stringRule(min: number, max: number): Rule {
  const fewest = Math.min(Math.max(1, min), max);
  const most = Math.min(max, fewest + EXTRA_CHARACTERS);
  return fewest === 1 && most === 1 + EXTRA_CHARACTERS ? openString : boundedString(fewest, most);
}

/** `min` is 0 only where `max` is. */
function boundedString(min: number, max: number): Rule {
  const bodies = new Map<number, Rule>([[0, closing]]);
  /** Words of up to `most` code points together and the closing quote; how many they are at least follows from it. */
  const body = (most: number): Rule => {
    const known = bodies.get(most);
    if (known !== undefined) return known;
    const fewest = Math.max(1, most - (max - min));
    const tokens = Math.ceil((fewest + 1) / STRIDE) + 1;
    const rule = new Rule(tokens, () => wordMoves(fewest, most, body));
    bodies.set(most, rule);
    return rule;
  };
  const whole = body(max);
  return new Rule(1 + whole.minTokens, () => [opening('"', [whole])]);
}

function wordMoves(fewest: number, most: number, body: (most: number) => Rule): readonly Move[] {
  // Far from the end only long words come, which keeps a long string cheap.
  const known = fewest > 2 * STRIDE ? longWords : words;
  const moves: Move[] = [];
  for (const { length, last, inner } of known) {
    if (length >= fewest && length <= most) moves.push({ piece: last, next: [closing] });
    if (length + 1 < most) moves.push({ piece: inner, next: [body(most - length - 1)] });
  }
  return moves;
}
