/** The checker itself: every way to break a turn is noticed, and a sound turn is not. */
import { describe, expect, test } from '@jest/globals';
import {
  OracleContext,
  outcomes,
  sparkChain,
  statuses,
  TokenChecker,
  turnOf,
  type ConverseResponse,
} from '../kit/index.ts';

const oracle = OracleContext.root(sparkChain()).turn(turnOf('t1', 100));

const response = (message: object): ConverseResponse => {
  const [kind] = Object.keys(message);
  return { ...message, message: kind } as ConverseResponse;
};
const started = (promptTokens = oracle.promptTokens) => response({ turnStarted: { turnId: 't1', promptTokens } });
const ended = (endOffset: number, status = statuses.incomplete) =>
  response({ turnEnded: { turnId: 't1', endOffset, status } });
const acked = (effectiveOffset: number) =>
  response({ controlAck: { turnId: 't1', outcome: outcomes.applied, effectiveOffset } });
const frame = (firstOffset: number, tokenCount: number, change: object = {}) => {
  const { ids, text, lengths } = oracle.tokens(firstOffset, tokenCount);
  const tokenFrame = { turnId: 't1', firstOffset, tokenCount, tokenIds: [...ids], text, textLengths: [...lengths] };
  return response({ tokenFrame: { ...tokenFrame, itemIndex: 0, ...change } });
};
const swapped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === 9 ? byte ^ 1 : byte));

describe('TokenChecker', () => {
  test.each([
    { name: 'a turn to its end', told: [started(), frame(0, 30), frame(30, 70), ended(100)] },
    { name: 'a cut below what arrived', told: [started(), frame(0, 30), acked(20), ended(20, statuses.interrupted)] },
    {
      name: 'a cut above what arrived',
      told: [started(), frame(0, 30), acked(40), frame(30, 10), ended(40, statuses.interrupted)],
    },
  ])('accepts $name', ({ told }) => {
    const checker = new TokenChecker('t1', oracle);
    for (const each of told) checker.feed(each);
    expect(checker.faults()).toEqual([]);
  });

  const { ids, text } = oracle.tokens(0, 30);
  test.each([
    { name: 'a gap', told: [started(), frame(0, 30), frame(31, 69), ended(100)], want: 'frame at 31' },
    { name: 'a repeat', told: [started(), frame(0, 30), frame(29, 71), ended(100)], want: 'frame at 29' },
    { name: 'no terminal', told: [started(), frame(0, 100)], want: 'no terminal' },
    { name: 'two terminals', told: [started(), frame(0, 100), ended(100), ended(100)], want: 'a second terminal' },
    { name: 'a missing tail', told: [started(), frame(0, 90), ended(100)], want: 'ended at 100' },
    { name: 'a tail too much', told: [started(), frame(0, 100), ended(90)], want: 'past the end' },
    { name: 'tokens after the end', told: [started(), ended(0), frame(0, 1)], want: 'after the terminal' },
    { name: 'tokens before the start', told: [frame(0, 100), ended(100)], want: 'before TurnStarted' },
    { name: 'another prompt', told: [started(3), frame(0, 100), ended(100)], want: 'prompt of 3' },
    {
      name: 'a foreign id',
      told: [started(), frame(0, 30, { tokenIds: [...ids].with(4, 1) }), ended(30)],
      want: 'foreign ids',
    },
    {
      name: 'a foreign byte',
      told: [started(), frame(0, 30, { text: swapped(text) }), ended(30)],
      want: 'foreign text',
    },
    { name: 'wrong lengths', told: [started(), frame(0, 30, { textLengths: [8] }), ended(30)], want: 'text lengths' },
    { name: 'another item', told: [started(), frame(0, 30, { itemIndex: 1 }), ended(30)], want: 'item 1' },
    {
      name: 'tokens past E',
      told: [started(), frame(0, 30), acked(40), frame(30, 11), ended(40, statuses.interrupted)],
      want: 'past E 40',
    },
    {
      name: 'an end that is not E',
      told: [started(), frame(0, 30), acked(20), ended(25, statuses.interrupted)],
      want: 'cut at 20',
    },
    {
      name: 'an E that moves',
      told: [started(), frame(0, 30), acked(20), acked(21), ended(20, statuses.interrupted)],
      want: 'E moved',
    },
  ])('notices $name', ({ told, want }) => {
    const checker = new TokenChecker('t1', oracle);
    for (const each of told) checker.feed(each);
    expect(checker.faults().join('; ')).toContain(want);
  });
});
