/** Tools and reasoning on the Responses surface, against a real engine whose script calls them (PROTOCOL §4.1a, §4.2). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { allEvents, flatChain, HttpClient, startTestPlatform, type SseEvent, type TestPlatform } from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const script = JSON.stringify([
  {
    lastItem: 'message',
    role: 'user',
    text: 'list files',
    items: [{ reasoning: 24 }, { call: { name: 'exec_command', arguments: { cmd: 'ls' } } }],
  },
  {
    text: 'both',
    items: [{ call: { name: 'exec_command', arguments: { cmd: 'pwd' } } }, { call: { name: 'patch', input: 'a\nb' } }],
  },
  { text: 'think', items: [{ reasoning: 12 }, { message: {} }] },
]);
const chain = flatChain(2_000, { servedName: 'scripted', engine: { script } });
const exec = {
  type: 'function',
  name: 'exec_command',
  description: 'Runs a command.',
  parameters: {
    type: 'object',
    properties: { cmd: { type: 'string' }, tries: { enum: [1, 2, 3] } },
    required: ['cmd', 'tries'],
    additionalProperties: false,
  },
  strict: true,
};
const patch = { type: 'custom', name: 'patch', format: { type: 'text' } };
const tools = [exec, patch];
const user = (content: string): object => ({ type: 'message', role: 'user', content });
const output = (callId: string, text: string): object => ({
  type: 'function_call_output',
  call_id: callId,
  output: text,
});

let platform: TestPlatform;
let client: HttpClient;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [chain] });
  client = new HttpClient(platform.httpOf(), platform.keyOf('acme'));
});
afterAll(() => platform[Symbol.asyncDispose]());

type OutputItem = { readonly [field: string]: unknown } & {
  readonly type: string;
  readonly call_id: string;
  readonly arguments: string;
};
type Answer = {
  readonly id: string;
  readonly status: string;
  readonly output: readonly OutputItem[];
  readonly tools: unknown;
  readonly usage: {
    readonly input_tokens: number;
    readonly input_tokens_details: { readonly cached_tokens: number };
    readonly output_tokens_details: { readonly reasoning_tokens: number };
  };
  readonly reticle: { readonly ignored?: readonly string[] };
};

async function streamed(body: object): Promise<SseEvent[]> {
  const response = await client.post('/v1/responses', { model: 'scripted', stream: true, tools, ...body });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return allEvents(response);
}

function last(events: readonly SseEvent[]): Answer {
  return events.at(-1)?.data['response'] as Answer;
}

async function answered(body: object): Promise<Answer> {
  return last(await streamed(body));
}

async function refused(body: object): Promise<readonly unknown[]> {
  const response = await client.post('/v1/responses', { model: 'scripted', tools, ...body });
  const { error } = (await response.json()) as { error: { code: string; param: string } };
  return [response.status, error.code, error.param];
}

const callOf = ({ output: items }: Answer): OutputItem => {
  const call = items.find(({ type }) => type === 'function_call');
  if (call === undefined) throw new Error('nothing was called');
  return call;
};
const deltasOf = (events: readonly SseEvent[], type: string): string =>
  events
    .filter((event) => event.type === type)
    .map(({ data }) => String(data['delta']))
    .join('');

describe('a function call', () => {
  test('comes after its thought, as events that say the same as the answer', async () => {
    const events = await streamed({ input: 'Please list files' });
    const { output: items, status, usage } = last(events);
    expect([status, items.map(({ type }) => type)]).toEqual(['completed', ['reasoning', 'function_call']]);
    expect(items[1]).toMatchObject({ name: 'exec_command', arguments: '{"cmd":"ls"}', status: 'completed' });
    expect(items[1]?.call_id).toMatch(/^call_/);
    expect(deltasOf(events, 'response.function_call_arguments.delta')).toBe('{"cmd":"ls"}');
    const thought = deltasOf(events, 'response.reasoning_text.delta');
    expect(items[0]).toMatchObject({ content: [{ type: 'reasoning_text', text: thought }], encrypted_content: null });
    expect(usage.output_tokens_details.reasoning_tokens).toBeGreaterThanOrEqual(24);
    const types = events.map(({ type }) => type);
    expect(types.filter((type) => type.startsWith('response.content_part'))).toHaveLength(2);
    const numbers = events.map(({ id }) => id);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  test('its output is answered alike after previous_response_id and in a full resend, since both are one context', async () => {
    const first = await answered({ input: 'Please list files' });
    const result = output(callOf(first).call_id, 'a.txt');
    const rest = { max_output_tokens: 40 };
    const next = await answered({ ...rest, previous_response_id: first.id, input: [result] });
    const again = await answered({ ...rest, input: [user('Please list files'), ...first.output, result] });
    expect(again.usage.input_tokens).toBe(next.usage.input_tokens);
    expect(again.output[0]?.['content']).toEqual(next.output[0]?.['content']);
    expect(next.output[0]).toMatchObject({ type: 'message', content: [{ text: expect.stringMatching(/^.{300,}/) }] });
    expect(next.usage.input_tokens_details.cached_tokens).toBeGreaterThan(first.usage.input_tokens);
  });

  test('tools are read once: a turn that repeats them costs what one without them costs', async () => {
    const first = await answered({ input: 'Hi', max_output_tokens: 4 });
    const more = { input: 'More', previous_response_id: first.id, max_output_tokens: 4 };
    const [same, none, other] = [
      await answered(more),
      await answered({ ...more, tools: undefined }),
      await answered({ ...more, tools: [patch] }),
    ];
    expect(same.usage.input_tokens).toBe(none.usage.input_tokens);
    expect(other.usage.input_tokens).toBeGreaterThan(same.usage.input_tokens);
  });

  test('two calls in one turn, one of them custom, unless calls are one at a time', async () => {
    const events = await streamed({ input: 'both' });
    const { output: items } = last(events);
    expect(items).toMatchObject([
      { type: 'function_call', name: 'exec_command', arguments: '{"cmd":"pwd"}' },
      { type: 'custom_tool_call', name: 'patch', input: 'a\nb' },
    ]);
    expect(deltasOf(events, 'response.custom_tool_call_input.delta')).toBe('a\nb');
    expect(new Set(items.map(({ call_id: id }) => id)).size).toBe(2);
    const one = await answered({ input: 'both', parallel_tool_calls: false });
    expect(one.output.map(({ type }) => type)).toEqual(['function_call']);
    const results = [
      output(items[0]?.call_id ?? '', '/'),
      { ...output(items[1]?.call_id ?? '', 'ok'), type: 'custom_tool_call_output' },
    ];
    const next = await answered({ input: [user('both'), ...items, ...results], max_output_tokens: 4 });
    expect(next.output.map(({ type }) => type)).toEqual(['message']);
  });

  test('that a limit cuts short is not part of the answer', async () => {
    const answer = await answered({ input: 'both', max_output_tokens: 12 });
    expect([answer.status, answer.output]).toEqual(['incomplete', []]);
  });

  test('is left out without its tool', async () => {
    const answer = await answered({ input: 'Please list files', tools: [patch], max_output_tokens: 4 });
    expect(answer.output.map(({ type }) => type)).toEqual(['message']);
  });

  test('a tool of additional_tools, grouped as Codex does, counts in later turns as well', async () => {
    const groups = ['functions', 'others'].map((name) => ({ type: 'namespace', name, tools: [exec] }));
    const added = { type: 'additional_tools', role: 'developer', tools: groups };
    const first = await answered({ tools: undefined, input: [added, user('Hi')], max_output_tokens: 4 });
    const next = await answered({ tools: undefined, input: 'list files', previous_response_id: first.id });
    expect(callOf(next)['name']).toBe('exec_command');
  });
});

describe('tool_choice', () => {
  test.each([
    { name: 'required', tools: [exec], choice: 'required' },
    { name: 'a tool by name', tools, choice: { type: 'function', name: 'exec_command' } },
  ])('$name forces a call that keeps the schema', async ({ tools: offered, choice }) => {
    const { output: items } = await answered({ input: 'Hi', tools: offered, tool_choice: choice });
    expect(items.map(({ type }) => type)).toEqual(['function_call']);
    const { cmd, tries, ...more } = JSON.parse(items[0]?.arguments ?? '') as Record<string, unknown>;
    expect([typeof cmd, [1, 2, 3].includes(tries as number), more]).toEqual(['string', true, {}]);
  });

  test('none forbids what the script would call', async () => {
    const answer = await answered({ input: 'list files', tool_choice: 'none', max_output_tokens: 4 });
    expect(answer.output.map(({ type }) => type)).toEqual(['message']);
  });
});

describe('reasoning', () => {
  test('before a message, and before a JSON text of a schema', async () => {
    const plain = await answered({ input: 'think', reasoning: { effort: 'high' }, max_output_tokens: 60 });
    expect(plain.output.map(({ type }) => type)).toEqual(['reasoning', 'message']);
    const format = {
      type: 'json_schema',
      name: 'a',
      schema: { type: 'object', properties: { a: { const: 1 } }, required: ['a'] },
    };
    const typed = await answered({ input: 'think', text: { format } });
    expect(typed.output[1]).toMatchObject({ type: 'message', content: [{ text: '{"a":1}' }] });
    expect(typed.status).toBe('completed');
  });

  test('sent back is part of the context that it was', async () => {
    const first = await answered({ input: 'think', max_output_tokens: 40 });
    const more = { max_output_tokens: 30 };
    const next = await answered({ ...more, previous_response_id: first.id, input: 'More' });
    const again = await answered({ ...more, input: [user('think'), ...first.output, user('More')] });
    expect([again.usage.input_tokens, again.output[0]?.['content']]).toEqual([
      next.usage.input_tokens,
      next.output[0]?.['content'],
    ]);
  });
});

describe('what nobody here runs', () => {
  test('is dropped and named', async () => {
    const answer = await answered({
      input: [{ ...user('Hi'), phase: 'final' }],
      tools: [exec, { type: 'web_search' }, { type: 'namespace', name: 'n', tools: [] }],
      include: ['reasoning.encrypted_content'],
      max_output_tokens: 2,
    });
    expect(answer.reticle.ignored).toEqual([
      'tools.web_search',
      'tools.namespace',
      'include.reasoning.encrypted_content',
      'input.phase',
    ]);
    expect(answer.tools).toHaveLength(3);
  });
});

describe('refusals', () => {
  const call = { type: 'function_call', call_id: 'call_1', name: 'exec_command', arguments: '{}' };
  test.each([
    { name: 'W14 an output of no call', body: { input: [user('a'), output('call_9', 'x')] }, want: 'input[1].call_id' },
    { name: 'an output before its call', body: { input: [output('call_1', 'x'), call] }, want: 'input[0].call_id' },
    { name: 'H16 no type', body: { input: 'a', tools: [{ name: 'x' }] }, want: 'tools[0].type' },
    { name: 'H16 two of one name', body: { input: 'a', tools: [patch, patch] }, want: 'tools' },
    {
      name: 'a choice that is not offered',
      body: { input: 'a', tool_choice: { type: 'function', name: 'rm' } },
      want: 'tool_choice',
    },
    { name: 'arguments that are no text', body: { input: [{ ...call, arguments: {} }] }, want: 'input[0].arguments' },
    { name: 'an item of the session layer', body: { input: [{ type: 'tools', tools: [] }] }, want: 'input[0].type' },
    {
      name: 'an unknown item, counted without instructions',
      body: { instructions: 'Be brief.', input: [{ type: 'item_reference', id: 'x' }] },
      want: 'input[0].type',
    },
    {
      name: 'a call that no tool can answer',
      body: { input: 'a', tools: undefined, tool_choice: 'required' },
      want: 'tool_choice',
    },
  ])('$name', async ({ body, want }) => {
    expect(await refused(body)).toEqual([400, 'invalid_request', want]);
  });

  test.each([
    {
      name: 'H16 a name of 64 KiB',
      body: { input: 'a', tools: [{ ...exec, name: 'x'.repeat(65_536) }] },
      want: ['value_out_of_range', 'tools[0].name'],
    },
    {
      name: 'H16 1,000 tools',
      body: { input: 'a', tools: Array.from({ length: 1_000 }, (_, index) => ({ ...patch, name: `p${index}` })) },
      want: ['value_out_of_range', 'tools'],
    },
    {
      name: 'a hosted tool by choice',
      body: { input: 'a', tool_choice: { type: 'web_search' } },
      want: ['unknown_parameter', 'tool_choice.type'],
    },
    {
      name: 'a schema that cannot be followed',
      body: { input: 'a', text: { format: { type: 'json_schema', schema: { pattern: '(a+)+$' } } } },
      want: ['schema_too_complex', 'text.format'],
    },
  ])('$name', async ({ body, want }) => {
    expect(await refused(body)).toEqual([400, ...want]);
  });

  test('W14 an output of no call in what the request continues', async () => {
    const first = await answered({ input: 'Please list files' });
    const next = { previous_response_id: first.id };
    expect(await refused({ ...next, input: [output('call_9', 'x')] })).toEqual([
      400,
      'invalid_request',
      'input[0].call_id',
    ]);
    const good = await answered({ ...next, input: [output(callOf(first).call_id, 'x')], max_output_tokens: 2 });
    expect(good.status).toBe('incomplete');
  });
});

describe('tools on the Chat surface', () => {
  const { type, ...called } = exec;
  const asked = { model: 'scripted', tools: [{ type, function: called }] };
  type Message = { readonly content: string | null; readonly tool_calls?: readonly { readonly id: string }[] };
  type Completion = {
    readonly choices: readonly { readonly message: Message; readonly finish_reason: string }[];
    readonly usage: { readonly prompt_tokens: number };
  };
  const completed = async (body: object): Promise<Completion> => {
    const response = await client.post('/v1/chat/completions', { ...asked, ...body });
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    return (await response.json()) as Completion;
  };

  test('a call, its output, and the answer to it', async () => {
    const question = { role: 'user', content: 'Please list files' };
    const { choices, usage } = await completed({ messages: [question] });
    const { message, finish_reason: reason } = choices[0] as Completion['choices'][number];
    expect(reason).toBe('tool_calls');
    expect(message.tool_calls).toMatchObject([
      { type: 'function', function: { name: 'exec_command', arguments: '{"cmd":"ls"}' } },
    ]);
    const result = { role: 'tool', tool_call_id: message.tool_calls?.[0]?.id, content: 'a.txt' };
    const next = await completed({ messages: [question, message, result], max_tokens: 40 });
    expect(next.choices[0]?.message.content?.length).toBeGreaterThan(0);
    expect(next.usage.prompt_tokens).toBeGreaterThan(usage.prompt_tokens);
  });

  test('an output whose call is not in the conversation is refused by its message', async () => {
    const messages = [
      { role: 'user', content: 'x' },
      { role: 'tool', tool_call_id: 'call_none', content: 'y' },
    ];
    const response = await client.post('/v1/chat/completions', { ...asked, messages });
    const { error } = (await response.json()) as { error: { code: string; param: string } };
    expect([response.status, error.code, error.param]).toEqual([400, 'invalid_request', 'messages[1].tool_call_id']);
  });
});
