import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
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
    items: items.map((item) => ({ kind: 'item' as const, json: JSON.stringify(item) })),
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

/** A turn of a request, from its place in the thread on; its record is told the rest. */
async function follow(thread: Thread, turnId: string, asked: CreateResponse): Promise<ResponseRecord> {
  const { begins } = await thread.place(asked);
  const record = new ResponseRecord(turnId);
  thread.follow({ turnId, record, generates: asked.generate, begins });
  return record;
}

/** A turn that said something. */
async function told(thread: Thread, turnId: string, asked: CreateResponse, text = 'hello'): Promise<void> {
  const record = await follow(thread, turnId, asked);
  begin(record, [text]);
  record.event(mark(1, { closed: true }));
  record.event(ended(1));
}

/** What a request finds. */
async function found(thread: Thread, asked: CreateResponse): Promise<readonly [string, number]> {
  const { parentTurnId, items } = await thread.place(asked);
  return [parentTurnId, items];
}

const tools = (json: string): Partial<CreateResponse> => ({ params: { stop: [], tools: json } });

describe('the place of a request', () => {
  test('is the turn whose context its first items are; the longest wins', async () => {
    const thread = new Thread();
    await told(thread, 't1', create([user('a')]));
    await told(thread, 't2', create([user('a'), said('hello'), user('b')]));
    const longer = create([user('a'), said('hello'), user('b'), said('hello'), user('c')]);
    expect(await found(thread, longer)).toEqual(['t2', 4]);
    expect(await found(thread, create([user('a'), said('hello'), user('x')]))).toEqual(['t1', 2]);
  });

  test.each([
    { name: 'another first item', items: [user('z'), said('hello'), user('b')] },
    { name: 'another answer', items: [user('a'), said('goodbye'), user('b')] },
    { name: 'another role', items: [message('developer', 'a'), said('hello'), user('b')] },
    { name: 'items that only together read the same', items: [user('a\nassistant\nhello'), user('b')] },
    { name: 'nothing beyond the context', items: [user('a'), said('hello')] },
    { name: 'nothing at all', items: [] },
  ])('is the root for $name', async ({ items }) => {
    const thread = new Thread();
    await told(thread, 't1', create([user('a')]));
    expect(await found(thread, create(items))).toEqual(['', 0]);
  });

  test('is the root under other tools', async () => {
    const thread = new Thread();
    await told(thread, 't1', create([user('a')], tools('[1]')));
    const again = [user('a'), said('hello'), user('b')];
    expect((await found(thread, create(again, tools('[1]'))))[0]).toBe('t1');
    expect((await found(thread, create(again, tools('[2]'))))[0]).toBe('');
    expect((await found(thread, create(again)))[0]).toBe('');
  });

  test('a prewarm may have nothing beyond the context', async () => {
    const thread = new Thread();
    const warm = create([user('a')], { generate: false });
    const record = await follow(thread, 't1', warm);
    expect(thread.running).toEqual([]);
    record.event(ended(0));
    expect(await found(thread, warm)).toEqual(['t1', 1]);
    expect((await found(thread, create([user('a')])))[0]).toBe('');
  });

  test('reasoning and calls come back as what they were, whatever their ids', async () => {
    const thread = new Thread();
    const record = await follow(thread, 't1', create([user('a')]));
    thinkAndCall(record);
    const back = [
      { type: 'reasoning', id: 'x', summary: [], content: [{ type: 'reasoning_text', text: 'hm' }] },
      { type: 'function_call', id: 'y', call_id: 'c9', name: 'look', arguments: '{"a":1}' },
      { type: 'function_call_output', call_id: 'c9', output: 'seen' },
    ];
    expect(await found(thread, create([user('a'), ...back]))).toEqual(['t1', 3]);
  });
});

describe('the point behind a turn', () => {
  test('is where a request in full would begin as well', async () => {
    const thread = new Thread();
    await told(thread, 't1', create([user('a')]));
    const { begins } = await thread.place(create([user('a'), said('hello'), user('b')]));
    expect(await thread.pointAfter('t1', create([user('b')]))).toEqual(begins);
  });

  test('is not known under other tools than the turn has, or behind a turn that is not known', async () => {
    const thread = new Thread();
    await told(thread, 't1', create([user('a')], tools('[1]')));
    expect(await thread.pointAfter('t1', create([user('b')], tools('[2]')))).toBeUndefined();
    expect(await thread.pointAfter('t2', create([user('b')], tools('[1]')))).toBeUndefined();
    expect(await thread.pointAfter('t1', create([user('b')]))).toMatchObject({ tools: '[1]' });
  });

  test('of a long conversation is found in steps: others have their turns between them', async () => {
    const thread = new Thread();
    const asked = create(Array.from({ length: 64 }, (_, index) => user(`${index} ${'word '.repeat(10_000)}`)));
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await thread.place(asked);
    isOver = true;
    expect(turns).toBeGreaterThan(10);
  });
});

describe('turns of a thread', () => {
  test('one that was cut before its first item is its input', async () => {
    const thread = new Thread();
    const record = await follow(thread, 't1', create([user('a')]));
    begin(record, ['hel']);
    expect(thread.running).toHaveLength(1);
    record.event(ended(0, { status: 'interrupted' }));
    expect(thread.running).toEqual([]);
    expect(await found(thread, create([user('a'), user('b')]))).toEqual(['t1', 1]);
  });

  test('one whose parent is not known is passed over', async () => {
    const thread = new Thread();
    const record = new ResponseRecord('t2');
    const begins = await thread.pointAfter('elsewhere', create([user('b')]));
    thread.follow({ turnId: 't2', record, generates: true, begins });
    record.event(ended(0));
    expect((await found(thread, create([user('b'), user('c')])))[0]).toBe('');
  });

  test.each([
    { name: 'a session that is lost is left', code: 'engine_lost', want: undefined },
    { name: 'a parent that is forgotten leaves the session', code: 'turn_not_found', want: undefined },
    { name: 'a request that is refused leaves it as it is', code: 'context_length_exceeded', want: 's1' },
  ] as const)('$name', async ({ code, want }) => {
    const thread = new Thread();
    thread.moveTo('s1');
    const record = await follow(thread, 't1', create([user('a')]));
    record.event(ended(0, { status: 'failed', error: { code, message: 'm', param: '' } }));
    expect(thread.sessionId).toBe(want);
  });

  test('what ends after the thread has moved is not its own', async () => {
    const thread = new Thread();
    const record = await follow(thread, 't1', create([user('a')]));
    thread.moveTo('s2');
    record.event(ended(0));
    expect((await found(thread, create([user('a'), user('b')])))[0]).toBe('');
  });

  test('are bounded: the oldest place is forgotten', async () => {
    const thread = new Thread();
    const items = [user('a')];
    for (let turn = 0; turn < 140; turn += 1) {
      await told(thread, `t${turn}`, create(items));
      items.push(said('hello'), user(`${turn}`));
    }
    expect((await found(thread, create(items)))[0]).toBe('t139');
    expect((await found(thread, create([...items.slice(0, 2), user('x')])))[0]).toBe('');
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
    for (const over of [{ model: 'other' }, { tier: 'flex' as const }, { threadId: 'th2' }]) {
      expect(threads.of(caller, create([], over))).not.toBe(thread);
    }
  });

  test('a key with other rights has a thread of its own', () => {
    const threads = new Threads(new VirtualClock());
    const thread = threads.of(caller, create([]));
    const others: readonly Partial<Caller>[] = [
      { tiers: ['fast', 'flex'] },
      { tiers: ['flex'], defaultTier: 'flex' },
      { models: ['other'] },
      { tierModels: { fast: ['other'] } },
    ];
    for (const other of others) expect(threads.of({ ...caller, ...other }, create([]))).not.toBe(thread);
    expect(threads.of({ ...caller, models: ['spark-ref'] }, create([]))).toBe(thread);
    expect(threads.of(caller, create([], { tier: 'fast' }))).toBe(thread);
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

describe('any history', () => {
  const word = fc.constantFrom('a', 'b');
  /** What a request goes on from (a share of all turns so far; 1: the beginning), how much of that it keeps, what it adds. */
  const request = fc.record({
    from: fc.double({ min: 0, max: 1, noNaN: true }),
    kept: fc.double({ min: 0, max: 1, noNaN: true }),
    more: fc.array(word, { minLength: 1, maxLength: 3 }),
    answer: word,
  });

  test('finds the longest context that a request begins with', async () => {
    const property = fc.asyncProperty(fc.array(request, { maxLength: 24 }), async (requests) => {
      const thread = new Thread();
      const contexts = new Map<string, readonly object[]>();
      for (const [index, { from, kept, more, answer }] of requests.entries()) {
        const before = [...contexts.values()][Math.floor(from * contexts.size)] ?? [];
        const items = [...before.slice(0, Math.ceil(kept * before.length)), ...more.map(user)];
        const [turnId, count] = await found(thread, create(items));
        const lengths = [...contexts.values()].filter((context) => begins(items, context)).map(({ length }) => length);
        expect(count).toBe(Math.max(0, ...lengths));
        expect(contexts.get(turnId) ?? []).toEqual(items.slice(0, count));
        await told(thread, `t${index}`, create(items), answer);
        contexts.set(`t${index}`, [...items, said(answer)]);
      }
    });
    await fc.assert(property, { numRuns: 200 });
  });

  function begins(items: readonly object[], context: readonly object[]): boolean {
    return context.length < items.length && JSON.stringify(items.slice(0, context.length)) === JSON.stringify(context);
  }
});
