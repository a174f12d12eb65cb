// One call of the unmodified OpenAI SDK, by name; prints what it came to as JSON. Address and key come by the SDK's own
// environment variables.
import OpenAI from 'openai';

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
