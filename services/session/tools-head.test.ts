import { describe, expect, test } from '@jest/globals';
import type { StartTurn, TurnInput } from './commands.ts';
import { refusalsOf, SessionRig, start } from './session-rig.ts';
import type { StartPlan } from './session-state.ts';
import { remoteStart, toolsHeadOf } from './tools-head.ts';

const ls = '[{"name":"ls","type":"function"}]';
const patch = '[{"name":"patch","type":"custom"}]';
const input: readonly TurnInput[] = [{ kind: 'item', json: '{"role":"user","content":"a"}' }];
const head = (tools: string): TurnInput => ({ kind: 'item', json: `{"type":"tools","tools":${tools}}` });

function planned(rig: SessionRig, turnId: string, over: Partial<StartTurn>): StartPlan {
  const [effect] = rig.start(start(turnId, { input, ...over }));
  if (effect?.kind !== 'start') throw new Error('was refused');
  return effect.plan;
}

/** A finished first turn with these tools. */
function after(tools?: string): SessionRig {
  const rig = new SessionRig();
  rig.running('t1', 5, { input, params: { stop: [], ...(tools === undefined ? {} : { tools }) } });
  rig.ended('t1', 5);
  return rig;
}

describe('the head of an input', () => {
  test.each([
    { name: 'new tools come first', before: undefined, tools: ls, want: [head(ls), ...input] },
    {
      name: 'written in another way they are the same',
      before: ls,
      tools: `[ {"type":"function","name":"ls"}]`,
      want: input,
    },
    { name: 'other tools come again', before: ls, tools: patch, want: [head(patch), ...input] },
    { name: 'no tools', before: ls, tools: undefined, want: input },
    { name: 'an empty list', before: undefined, tools: '[]', want: input },
  ])('$name', ({ before, tools, want }) => {
    const params = { stop: [], ...(tools === undefined ? {} : { tools }) };
    expect(planned(after(before), 't2', { parentTurnId: 't1', params }).input).toEqual(want);
  });

  test('is inherited over a turn without tools, and paid for once', () => {
    const rig = after(ls);
    rig.running('t2', 5, { input, parentTurnId: 't1' });
    rig.ended('t2', 5);
    const plain = planned(rig, 't3', { input, parentTurnId: 't2' });
    const again = planned(rig, 't4', { input, parentTurnId: 't2', params: { stop: [], tools: ls } });
    const other = planned(rig, 't5', { input, parentTurnId: 't2', params: { stop: [], tools: patch } });
    expect([again.input, again.promptTokens]).toEqual([input, plain.promptTokens]);
    expect(other.promptTokens).toBeGreaterThan(plain.promptTokens);
  });

  test('keeps the numbers of the items that the client sent', () => {
    const rig = new SessionRig();
    const effects = rig.start(start('t1', { input: [{ kind: 'item', json: '{' }], params: { stop: [], tools: ls } }));
    expect(refusalsOf(effects)[0]?.error).toMatchObject({ code: 'invalid_json', param: 'input[0].item_json' });
  });

  test('comes first in any case where nobody knows what the context was told', () => {
    const asked = start('t1', { input, params: { stop: [], tools: `[ {"type":"function","name":"ls"} ]` } });
    expect(remoteStart(asked)).toEqual({ ...asked, input: [head(ls), ...input], params: { stop: [], tools: ls } });
    const plain = start('t1', { input });
    expect(remoteStart(plain)).toEqual(plain);
    const wrong = start('t1', { params: { stop: [], toolChoice: '"always"' } });
    expect(() => remoteStart(wrong)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test.each([
    { name: 'a head', given: [head(ls), ...input], want: ls },
    { name: 'none', given: input, want: '' },
    { name: "a client's own tokens", given: [{ kind: 'tokens' as const, ids: [1] }], want: '' },
    { name: 'nothing', given: [], want: '' },
  ])('is read back: $name', ({ given, want }) => {
    expect(toolsHeadOf(given)).toBe(want);
  });
});
