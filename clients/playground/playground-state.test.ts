import { describe, expect, test } from '@jest/globals';
import {
  initialState,
  previousId,
  reduce,
  runningTurn,
  type Action,
  type PlaygroundState,
  type Turn,
} from './playground-state.ts';
import { parseEvent, type Receipt, type ResponseObject, type ServerEvent } from './server-event.ts';
import { endingWords, statusWords } from './words.ts';

const receipt: Receipt = {
  effective_offset: 3,
  generated_offset: 9,
  delivered_offset: 5,
  wasted_tokens: 6,
  kv_action: 'cut_in_place',
  kv_kept_tokens: 20,
};

function response(over: Partial<ResponseObject> = {}): ResponseObject {
  return { id: 'r1', model: 'spark', incomplete_details: null, error: null, usage: null, reticle: {}, ...over };
}

const event = (type: string, offset: number, more: Partial<ServerEvent> = {}, atMs = 100): Action => ({
  kind: 'event',
  event: { type: `response.${type}`, sequence_number: 64 * offset, ...more },
  atMs,
});
const asked: Action = { kind: 'asked', prompt: 'Hi', atMs: 0 };
const created = (id = 'r1'): Action => event('created', 0, { response: response({ id }) });
const item: Action = event('output_item.added', 0, { output_index: 0, item: { type: 'message' } });
const delta = (offset: number, text: string, atMs = 100): Action =>
  event('output_text.delta', offset, { output_index: 0, delta: text }, atMs);
const interrupted = (offset: number, more: Partial<ResponseObject> = {}): Action =>
  event('incomplete', offset, { response: response({ incomplete_details: { reason: 'interrupted' }, ...more }) });
const open: Action = { kind: 'link', link: 'open' };
const lost: Action = { kind: 'link', link: 'lost', notice: 'lost' };

const after = (...actions: readonly Action[]): PlaygroundState => actions.reduce(reduce, initialState);
const running = [open, asked, created(), item, delta(2, 'ab')] as const;
const turn = (state: PlaygroundState, index = 0): Turn => state.turns[index] as Turn;
const textOf = ({ items }: Turn): string => items.map(({ text }) => text).join('|');

describe('a turn', () => {
  test('grows by its deltas; its first token and its place are known', () => {
    const state = after(...running, delta(5, 'cde', 140));
    expect(turn(state)).toMatchObject({ id: 'r1', offset: 5, sequence: 320, firstTokenMs: 100, lastTokenMs: 140 });
    expect(textOf(turn(state))).toBe('abcde');
    expect(state.speed.bins.reduce((sum, each) => sum + each, 0)).toBe(5);
  });

  test('takes the whole text of an item from the server', () => {
    expect(textOf(turn(after(...running, event('output_text.done', 2, { output_index: 0, text: 'AB' }))))).toBe('AB');
  });

  test('holds reasoning, calls and messages apart', () => {
    const call = { output_index: 1, item: { type: 'function_call', name: 'run' } };
    const state = after(
      ...running,
      event('output_item.added', 2, call),
      event('function_call_arguments.delta', 3, { output_index: 1, delta: '{' }),
      event('function_call_arguments.done', 4, { output_index: 1, arguments: '{}' }),
    );
    expect(turn(state).items).toEqual([
      { kind: 'message', name: '', text: 'ab' },
      { kind: 'function_call', name: 'run', text: '{}' },
    ]);
  });

  test.each<[string, Action, string]>([
    ['completed', event('completed', 2, { response: response() }), 'completed'],
    [
      'at its length',
      event('incomplete', 2, { response: response({ incomplete_details: { reason: 'max_output_tokens' } }) }),
      'length',
    ],
    [
      'failed',
      event('failed', 2, { response: response({ error: { code: 'server_error', message: 'lost' } }) }),
      'failed',
    ],
    ['interrupted', interrupted(2), 'stopped'],
    [
      'refused',
      { kind: 'event', event: { type: 'error', error: { code: 'x', message: 'no' } }, atMs: 1 } as Action,
      'failed',
    ],
  ])('ends %s', (_name, action, wantEnding) => {
    const state = after(...running, action);
    expect(turn(state).ending).toBe(wantEnding);
    expect(runningTurn(state)).toBeUndefined();
  });

  test('nothing changes it once it is over', () => {
    const over = after(...running, event('completed', 2, { response: response() }));
    for (const late of [delta(9, 'late'), item, interrupted(9), event('created', 0, { response: response() })]) {
      expect(turn(reduce(over, late))).toEqual(turn(over));
    }
  });

  test('who served is told as the server says', () => {
    const reticle = { served_tier: 'fast', region: 'eu-1', replica: 'e1', epoch: 3, resume_token: 'rtr1' };
    const { served, turns } = after(open, asked, event('in_progress', 0, { response: response({ reticle }) }));
    expect(turns[0]?.resumeToken).toBe('rtr1');
    expect(served).toEqual({ model: 'spark', tier: 'fast', region: 'eu-1', engine: 'e1', epoch: 3 });
  });
});

describe('a cut', () => {
  const cut: Action = { kind: 'cut', atMs: 200 };

  test('what comes behind it is not shown, and its receipt is', () => {
    const accepted = event('interrupt.accepted', 2, { response_id: 'r1', receipt });
    const state = after(...running, cut, delta(5, 'cde'), accepted, interrupted(5));
    expect(textOf(turn(state))).toBe('ab');
    expect(turn(state)).toMatchObject({ ending: 'stopped', receipt, offset: 2 });
    expect(endingWords(turn(state))).toBe('Cut at token 3: 9 generated, 6 discarded.');
  });

  test('a second one does not move the first', () => {
    expect(turn(after(...running, cut, event('in_progress', 7), cut)).cutAfter).toBe(128);
  });

  test('the receipt of a terminal is enough: a lost socket takes the event with it', () => {
    const state = after(...running, cut, lost, interrupted(2, { reticle: { receipt } }));
    expect(turn(state).receipt).toEqual(receipt);
  });

  test('an item that is discarded goes', () => {
    const state = after(...running, cut, event('output_item.interrupted', 2, { output_index: 0 }), interrupted(2));
    expect(turn(state).items).toEqual([]);
  });

  test('one that is refused changes nothing: the text goes on', () => {
    const failed = event('interrupt.failed', 2, { error: { code: 'interrupt_not_supported', message: 'no' } });
    expect(textOf(turn(after(...running, cut, failed, delta(3, 'c'))))).toBe('abc');
  });
});

describe('a redirect', () => {
  const redirect: Action = { kind: 'cut', prompt: 'Other', atMs: 200 };

  test('the successor begins when the cut turn is over', () => {
    const state = after(...running, redirect, delta(3, 'c'), interrupted(2), created('r2'), item, delta(1, 'x', 260));
    expect(state.turns.map(textOf)).toEqual(['ab', 'x']);
    expect(state.turns.map(({ id, ending }) => [id, ending])).toEqual([
      ['r1', 'redirected'],
      ['r2', undefined],
    ]);
    expect(turn(state, 1).firstTokenMs).toBe(60);
  });

  test('one that is refused ends its successor and not the answer', () => {
    const failed = event('interrupt.failed', 2, { error: { code: 'x', message: 'not now' } });
    const state = after(...running, redirect, failed, delta(3, 'c'));
    expect(textOf(turn(state))).toBe('abc');
    expect(turn(state, 1)).toMatchObject({ ending: 'failed', fault: 'not now (x)' });
  });
});

describe('a lost socket', () => {
  test('keeps the turn and its place; the seam is where the text was', () => {
    const state = after(...running, lost, open, { kind: 'resumed', afresh: false }, delta(3, 'c'));
    expect(turn(state)).toMatchObject({ offset: 3, marks: [{ offset: 2, item: 0, at: 2 }] });
    expect([textOf(turn(state)), statusWords(state)]).toEqual(['abc', 'Resumed at token 2.']);
  });

  test('afresh, the text is read again from its beginning', () => {
    const again = [created(), item, delta(1, 'a'), delta(2, 'b')] as const;
    const state = after(...running, lost, open, { kind: 'resumed', afresh: true }, ...again);
    expect(turn(state)).toMatchObject({ id: 'r1', offset: 2, marks: [] });
    expect(textOf(turn(state))).toBe('ab');
  });

  test('a turn that the server had not told of cannot be found again', () => {
    expect(turn(after(open, asked, lost))).toMatchObject({ ending: 'failed' });
    expect(turn(after(...running, { kind: 'cut', prompt: 'Other', atMs: 1 }, lost), 1)).toMatchObject({
      ending: 'failed',
    });
  });

  test('a response that is no longer there fails', () => {
    const gone = event('resume.failed', 0, { error: { code: 'previous_response_not_found', message: 'gone' } });
    expect(turn(after(...running, lost, open, gone))).toMatchObject({ ending: 'failed' });
  });
});

describe('previousId', () => {
  test('is the last answer that did not fail', () => {
    const first = [...running, event('completed', 2, { response: response() })];
    const failed = event('failed', 0, { response: response({ id: 'r2' }) });
    expect(previousId(after(...first, asked, created('r2'), failed))).toBe('r1');
    expect(previousId(initialState)).toBeUndefined();
  });
});

describe('statusWords', () => {
  test('changes a few times per turn, never per token', () => {
    const words = [lost, open, asked, created(), item, delta(1, 'a'), delta(2, 'b'), delta(3, 'c')].map(
      (
        (state) => (action: Action) =>
          statusWords((state = reduce(state, action)))
      )(initialState),
    );
    expect([...new Set(words)]).toEqual(['lost', '', 'Answering.']);
  });
});

describe('parseEvent', () => {
  test.each(['', '{', '[]', 'null', '1', '{"type":1}'])('%p is none', (text) => {
    expect(parseEvent(text)).toBeUndefined();
  });
});
