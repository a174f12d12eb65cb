// One call of the unmodified OpenAI SDK, by name; prints what it came to as JSON. Address and key come by the SDK's own
// environment variables.
import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';

const client = new OpenAI({ maxRetries: 0 });
const model = 'spark';
const input = 'Write a queue.';

const calls = {
  async models() {
    const { data } = await client.models.list();
    return data.map(({ id }) => id);
  },
  async create() {
    const { status, output_text, usage } = await client.responses.create({ model, input, max_output_tokens: 60 });
    return { status, text: output_text, usage };
  },
  async stream() {
    const stream = client.responses.stream({ model, input, max_output_tokens: 400 });
    let text = '';
    stream.on('response.output_text.delta', ({ delta }) => (text += delta));
    const { status, output_text } = await stream.finalResponse();
    return { status, text, same: text === output_text };
  },
  async resume() {
    const { id, output_text } = await client.responses.stream({ model, input, max_output_tokens: 400 }).finalResponse();
    const again = client.responses.stream({ response_id: id, starting_after: 64 * 100 });
    let rest = '';
    for await (const event of again) if (event.type === 'response.output_text.delta') rest += event.delta;
    const whole = await again.finalResponse();
    const ends = rest.length > 0 && rest.length < output_text.length && output_text.endsWith(rest);
    return { ends, same: whole.output_text === output_text };
  },
  async continue() {
    const first = await client.responses.create({ model, input, max_output_tokens: 200 });
    const more = { model, input: 'Shorter.', max_output_tokens: 20, previous_response_id: first.id };
    const { usage } = await client.responses.create(more);
    return { prompt: first.usage.total_tokens, cached: usage.input_tokens_details.cached_tokens };
  },
  async abort() {
    const stream = await client.responses.create({ model, input, stream: true });
    for await (const event of stream) if (event.type === 'response.output_text.delta') stream.controller.abort();
    return stream.controller.signal.aborted;
  },
  async schema() {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, count: { type: 'integer' } },
      required: ['name', 'count'],
      additionalProperties: false,
    };
    const format = { type: 'json_schema', name: 'thing', schema, strict: true };
    const { status, output_text } = await client.responses.create({ model, input, text: { format } });
    return { status, keys: Object.keys(JSON.parse(output_text)) };
  },
  async tools() {
    const parameters = {
      type: 'object',
      properties: { cmd: { type: 'string' } },
      required: ['cmd'],
      additionalProperties: false,
    };
    const tools = [{ type: 'function', name: 'exec_command', parameters, strict: true }];
    const first = await client.responses.create({ model, tools, input: 'Please list the files.' });
    const call = first.output.find(({ type }) => type === 'function_call');
    const output = { type: 'function_call_output', call_id: call.call_id, output: 'a.txt' };
    const next = await client.responses.create({ model, tools, input: [output], previous_response_id: first.id });
    return { called: [call.name, JSON.parse(call.arguments)], answered: next.output_text.length > 0 };
  },
  async socket() {
    const socket = new ResponsesWS(client);
    let text = '';
    const done = new Promise((resolve, reject) => {
      socket.on('response.output_text.delta', ({ delta }) => (text += delta));
      socket.on('response.incomplete', ({ response }) => resolve(response));
      socket.on('error', reject);
    });
    socket.send({ type: 'response.create', model, input, max_output_tokens: 80 });
    const { status, output, usage } = await done;
    socket.close();
    return { status, same: output[0].content[0].text === text, tokens: usage.output_tokens };
  },
  async chat() {
    const messages = [{ role: 'user', content: input }];
    const { choices, usage } = await client.chat.completions.create({ model, messages, n: 2, max_tokens: 40 });
    return { finished: choices.map(({ finish_reason }) => finish_reason), tokens: usage.completion_tokens };
  },
  async chatStream() {
    const messages = [{ role: 'user', content: input }];
    const stream = client.chat.completions.stream({
      model,
      messages,
      max_tokens: 200,
      stream_options: { include_usage: true },
    });
    let text = '';
    stream.on('content', (delta) => (text += delta));
    const { choices, usage } = await stream.finalChatCompletion();
    return { same: choices[0].message.content === text, tokens: usage.completion_tokens };
  },
  async chatTools() {
    const parameters = {
      type: 'object',
      properties: { cmd: { type: 'string' } },
      required: ['cmd'],
      additionalProperties: false,
    };
    const tools = [{ type: 'function', function: { name: 'exec_command', parameters } }];
    const messages = [{ role: 'user', content: 'Please list the files.' }];
    const { choices } = await client.chat.completions.create({ model, messages, tools });
    const { message } = choices[0];
    messages.push(message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'a.txt' });
    const next = await client.chat.completions.create({ model, messages, tools });
    return { called: message.tool_calls[0].function, answered: next.choices[0].message.content.length > 0 };
  },
  async refusals() {
    const asked = [
      { model: 'nope', input },
      { model, input, temperature: 3 },
      { model, input, previous_response_id: 'resp_x' },
    ];
    const refused = await Promise.allSettled(asked.map((body) => client.responses.create(body)));
    return refused.map(({ reason }) => [reason.constructor.name, reason.status, reason.code, reason.param]);
  },
};

console.log(JSON.stringify(await calls[process.argv[2]]()));
process.exit(0);
