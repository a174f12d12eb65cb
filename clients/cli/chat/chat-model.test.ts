import { describe, expect, test } from '@jest/globals';
import { NEW_CHAT, stepChat, type ChatEffect, type ChatModel } from './chat-model.ts';
import { parseKeys, type Key } from './keys.ts';
import { lineText } from './line-editor.ts';

/** Types at the model: `over` is the end of a turn, anything else is what a terminal sends. */
function play(inputs: readonly string[], from: ChatModel = NEW_CHAT) {
  let model = from;
  const effects: ChatEffect[] = [];
  const step = (event: Parameters<typeof stepChat>[1]): void => {
    const next = stepChat(model, event);
    ({ model } = next);
    effects.push(...next.effects);
  };
  for (const input of inputs) {
    if (input === 'over') step({ kind: 'turn-over' });
    else parseKeys(input).forEach((key: Key) => step({ kind: 'key', key }));
  }
  return { phase: model.phase, line: lineText(model.line), effects: effects.map(shown) };
}

const shown = (effect: ChatEffect): string =>
  'text' in effect ? `${effect.kind} ${effect.text}` : 'code' in effect ? `exit ${effect.code}` : effect.kind;

const ESC = '\u001B';
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

describe('stepChat', () => {
  test.each([
    { name: 'asks on Enter', inputs: ['hi\r'], want: { phase: 'speaking', effects: ['ask hi'] } },
    { name: 'asks nothing for blanks', inputs: ['  \r'], want: { phase: 'idle', effects: [] } },
    {
      name: 'redirects while it speaks',
      inputs: ['a\r', 'b\r'],
      want: { phase: 'speaking', effects: ['ask a', 'redirect b'] },
    },
    { name: 'interrupts on Esc', inputs: ['a\r', ESC], want: { phase: 'stopping', effects: ['ask a', 'interrupt'] } },
    {
      name: 'interrupts once',
      inputs: ['a\r', ESC, ESC],
      want: { phase: 'stopping', effects: ['ask a', 'interrupt'] },
    },
    {
      name: 'is idle after the end',
      inputs: ['a\r', ESC, 'over'],
      want: { phase: 'idle', effects: ['ask a', 'interrupt'] },
    },
    {
      name: 'asks after a cut what was entered during it',
      inputs: ['a\r', ESC, 'b\r', 'over'],
      want: { phase: 'speaking', effects: ['ask a', 'interrupt', 'ask b'] },
    },
    {
      name: 'interrupts on Ctrl-C',
      inputs: ['a\r', CTRL_C],
      want: { phase: 'stopping', effects: ['ask a', 'interrupt'] },
    },
    {
      name: 'leaves on a second Ctrl-C',
      inputs: ['a\r', CTRL_C, CTRL_C],
      want: { phase: 'stopping', effects: ['ask a', 'interrupt', 'exit 130'] },
    },
    {
      name: 'leaves on a second Ctrl-C after the turn has ended',
      inputs: ['a\r', CTRL_C, 'over', CTRL_C],
      want: { phase: 'idle', effects: ['ask a', 'interrupt', 'exit 130'] },
    },
    {
      name: 'leaves on Ctrl-C while Esc is under way',
      inputs: ['a\r', ESC, CTRL_C],
      want: { phase: 'stopping', effects: ['ask a', 'interrupt', 'exit 130'] },
    },
    {
      name: 'warns on Ctrl-C when idle',
      inputs: [CTRL_C],
      want: { phase: 'idle', effects: ['say Ctrl-C again to leave.'] },
    },
    {
      name: 'leaves on two Ctrl-C when idle',
      inputs: [CTRL_C, CTRL_C],
      want: { phase: 'idle', effects: ['say Ctrl-C again to leave.', 'exit 130'] },
    },
    {
      name: 'forgets a Ctrl-C when another key comes between',
      inputs: [CTRL_C, 'x', CTRL_C],
      want: { phase: 'idle', effects: ['say Ctrl-C again to leave.', 'say Ctrl-C again to leave.'] },
    },
    { name: 'leaves on Ctrl-D', inputs: [CTRL_D], want: { phase: 'idle', effects: ['exit 0'] } },
  ])('$name', ({ inputs, want }) => {
    expect(play(inputs)).toEqual({ line: '', ...want });
  });

  test.each([
    { name: 'keeps the line on Ctrl-D', inputs: ['ab', CTRL_D], wantLine: 'ab' },
    { name: 'clears the line on Esc', inputs: ['ab', ESC], wantLine: '' },
    { name: 'keeps what is typed when the turn ends', inputs: ['a\r', 'next', 'over'], wantLine: 'next' },
    { name: 'keeps what is typed while it is cut', inputs: ['a\r', 'next', ESC], wantLine: 'next' },
  ])('$name', ({ inputs, wantLine }) => {
    expect(play(inputs).line).toBe(wantLine);
  });
});
