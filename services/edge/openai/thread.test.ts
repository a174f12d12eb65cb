import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import type { Caller } from '@reticle/services/stream';
import type { CreateResponse } from './create-response.ts';
import { begin, ended, mark, profile, thinkAndCall } from './openai-kit.ts';
import { ResponseRecord } from './response-record.ts';
import { Thread } from './thread.ts';
import { Threads } from './threads.ts';

const message = (role: string, content: string): object => ({ type: 'message', role, content });
const user = (content: string): object => message('user', content);
const said = (content: string): object => message('assistant', content);

function create(items: readonly object[], over: Partial<CreateResponse> = {}): CreateResponse {
  return {
    model: 'spark-ref',
    items: items.map((item) => JSON.stringify(item)),
    previousResponseId: undefined,
    cacheKey: '',
    params: { stop: [] },
    maxOutputTokens: undefined,
    tier: undefined,
    stream: true,
    background: false,
    generate: true,
    dialect: 'codex',
    threadId: 'th1',
    echo: profile,
    ...over,
  };
}

/** A turn that said something, from its place in the thread on. */
function told(thread: Thread, turnId: string, asked: CreateResponse, text = 'hello'): void {
  const { parentTurnId, items } = thread.place(asked);
  const record = new ResponseRecord(turnId);
  thread.follow({ turnId, parentTurnId, record, create: { ...asked, items: asked.items.slice(items) } });
  begin(record, [text]);
  record.event(mark(1, { closed: true }));
  record.event(ended(1));
}

const tools = (json: string): Partial<CreateResponse> => ({ params: { stop: [], tools: json } });

describe('the place of a request', () => {
  test('is the turn whose context its first items are; the longest wins', () => {
    const thread = new Thread();
    told(thread, 't1', create([user('a')]));
    told(thread, 't2', create([user('a'), said('hello'), user('b')]));
    expect(thread.place(create([user('a'), said('hello'), user('b'), said('hello'), user('c')]))).toEqual({
      parentTurnId: 't2',
      items: 4,
    });
    expect(thread.place(create([user('a'), said('hello'), user('x')]))).toEqual({ parentTurnId: 't1', items: 2 });
  });

  test.each([
    { name: 'another first item', items: [user('z'), said('hello'), user('b')] },
    { name: 'another answer', items: [user('a'), said('goodbye'), user('b')] },
    { name: 'another role', items: [message('developer', 'a'), said('hello'), user('b')] },
    { name: 'items that only together read the same', items: [user('a\nassistant\nhello'), user('b')] },
    { name: 'nothing beyond the context', items: [user('a'), said('hello')] },
    { name: 'nothing at all', items: [] },
  ])('is the root for $name', ({ items }) => {
    const thread = new Thread();
    told(thread, 't1', create([user('a')]));
    expect(thread.place(create(items))).toEqual({ parentTurnId: '', items: 0 });
  });

  test('is the root under other tools', () => {
    const thread = new Thread();
    told(thread, 't1', create([user('a')], tools('[1]')));
    const again = [user('a'), said('hello'), user('b')];
    expect(thread.place(create(again, tools('[1]'))).parentTurnId).toBe('t1');
    expect(thread.place(create(again, tools('[2]'))).parentTurnId).toBe('');
    expect(thread.place(create(again)).parentTurnId).toBe('');
  });

  test('a prewarm may have nothing beyond the context', () => {
    const thread = new Thread();
    const warm = create([user('a')], { generate: false });
    const record = new ResponseRecord('t1');
    thread.follow({ turnId: 't1', parentTurnId: '', record, create: warm });
    expect(thread.running).toEqual([]);
    record.event(ended(0));
    expect(thread.place(warm)).toEqual({ parentTurnId: 't1', items: 1 });
    expect(thread.place(create([user('a')])).parentTurnId).toBe('');
  });

  test('reasoning and calls come back as what they were, whatever their ids', () => {
    const thread = new Thread();
    const record = new ResponseRecord('t1');
    thread.follow({ turnId: 't1', parentTurnId: '', record, create: create([user('a')]) });
    thinkAndCall(record);
    const back = [
      { type: 'reasoning', id: 'x', summary: [], content: [{ type: 'reasoning_text', text: 'hm' }] },
      { type: 'function_call', id: 'y', call_id: 'c9', name: 'look', arguments: '{"a":1}' },
      { type: 'function_call_output', call_id: 'c9', output: 'seen' },
    ];
    expect(thread.place(create([user('a'), ...back]))).toEqual({ parentTurnId: 't1', items: 3 });
  });
});

describe('turns of a thread', () => {
  test('one that was cut before its first item is its input', () => {
    const thread = new Thread();
    const record = new ResponseRecord('t1');
    thread.follow({ turnId: 't1', parentTurnId: '', record, create: create([user('a')]) });
    begin(record, ['hel']);
    expect(thread.running).toHaveLength(1);
    record.event(ended(0, { status: 'interrupted' }));
    expect(thread.running).toEqual([]);
    expect(thread.place(create([user('a'), user('b')]))).toEqual({ parentTurnId: 't1', items: 1 });
  });

  test('one whose parent is not known is passed over', () => {
    const thread = new Thread();
    const record = new ResponseRecord('t2');
    thread.follow({ turnId: 't2', parentTurnId: 'elsewhere', record, create: create([user('b')]) });
    record.event(ended(0));
    expect(thread.place(create([user('b'), user('c')])).parentTurnId).toBe('');
  });

  test.each([
    { name: 'a session that is lost is left', code: 'engine_lost', want: undefined },
    { name: 'a parent that is forgotten leaves the session', code: 'turn_not_found', want: undefined },
    { name: 'a request that is refused leaves it as it is', code: 'context_length_exceeded', want: 's1' },
  ] as const)('$name', ({ code, want }) => {
    const thread = new Thread();
    thread.moveTo('s1');
    const record = new ResponseRecord('t1');
    thread.follow({ turnId: 't1', parentTurnId: '', record, create: create([user('a')]) });
    record.event(ended(0, { status: 'failed', error: { code, message: 'm', param: '' } }));
    expect(thread.sessionId).toBe(want);
  });

  test('what ends after the thread has moved is not its own', () => {
    const thread = new Thread();
    const record = new ResponseRecord('t1');
    thread.follow({ turnId: 't1', parentTurnId: '', record, create: create([user('a')]) });
    thread.moveTo('s2');
    record.event(ended(0));
    expect(thread.place(create([user('a'), user('b')])).parentTurnId).toBe('');
  });

  test('are bounded: the oldest place is forgotten', () => {
    const thread = new Thread();
    const items = [user('a')];
    for (let turn = 0; turn < 140; turn += 1) {
      told(thread, `t${turn}`, create(items));
      items.push(said('hello'), user(`${turn}`));
    }
    expect(thread.place(create(items)).parentTurnId).toBe('t139');
    expect(thread.place(create([...items.slice(0, 2), user('x')])).parentTurnId).toBe('');
  });

  test('requests are alone with it, and one that fails lets the next go on', async () => {
    const thread = new Thread();
    const order: string[] = [];
    const failing = thread.alone(async () => {
      await Promise.resolve();
      order.push('first');
      throw new Error('refused');
    });
    const next = thread.alone(async () => void order.push('second'));
    await expect(failing).rejects.toThrow('refused');
    await next;
    expect(order).toEqual(['first', 'second']);
  });
});

describe('threads', () => {
  const caller: Caller = { tenant: 'acme', keyId: 'k1', models: [], tiers: ['fast'], defaultTier: 'fast' };

  test('a key is one thread within tenant, model and tier', () => {
    const threads = new Threads(new VirtualClock());
    const thread = threads.of(caller, create([]));
    expect(thread).toBeInstanceOf(Thread);
    expect(threads.of({ ...caller, keyId: 'k2' }, create([user('a')]))).toBe(thread);
    expect(threads.of({ ...caller, tenant: 'globex' }, create([]))).not.toBe(thread);
    for (const over of [{ model: 'other' }, { tier: 'fast' as const }, { threadId: 'th2' }]) {
      expect(threads.of(caller, create([], over))).not.toBe(thread);
    }
  });

  test.each([{ dialect: 'openai' as const }, { threadId: undefined }])('none for %j', (over) => {
    expect(new Threads(new VirtualClock()).of(caller, create([], over))).toBeUndefined();
  });

  test('one that nobody asks for is forgotten with its session', () => {
    const clock = new VirtualClock();
    const threads = new Threads(clock);
    const thread = threads.of(caller, create([]));
    clock.advance(limits.idleTtlMsDefault);
    expect(threads.of(caller, create([]))).toBe(thread);
    clock.advance(limits.idleTtlMsDefault + 1);
    expect(threads.of(caller, create([]))).not.toBe(thread);
  });

  test('are bounded per tenant', () => {
    const threads = new Threads(new VirtualClock());
    const other = threads.of({ ...caller, tenant: 'globex' }, create([]));
    const first = threads.of(caller, create([]));
    for (let index = 0; index < 512; index += 1) threads.of(caller, create([], { threadId: `n${index}` }));
    expect(threads.of(caller, create([]))).not.toBe(first);
    expect(threads.of({ ...caller, tenant: 'globex' }, create([]))).toBe(other);
  });
});
