import { describe, expect, test } from '@jest/globals';
import { ControlAnswers } from './control-answers.ts';

const answer = (n: number): { readonly n: number } => ({ n });

describe('ControlAnswers', () => {
  test('lists the answers of one turn, the newest of each control', () => {
    const answers = new ControlAnswers<{ readonly n: number }>(8);
    answers.set('t1 a', answer(1));
    answers.set('t10 a', answer(2));
    answers.set('t1 b', answer(3));
    answers.set('t1 a', answer(4));
    expect([answers.of('t1'), answers.of('t10'), answers.of('t')]).toEqual([[answer(4), answer(3)], [answer(2)], []]);
  });

  test('what was pushed out is in no list', () => {
    const answers = new ControlAnswers<{ readonly n: number }>(4);
    for (let n = 0; n < 50; n++) answers.set(`t1 s${n}`, answer(n));
    expect(answers.of('t1').map(({ n }) => n)).toEqual([46, 47, 48, 49]);
  });
});
