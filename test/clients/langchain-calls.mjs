// One call of an unmodified LangChain chat model, by name, over the surface that is named; prints what it came to as JSON.
// Address and key come by the OpenAI SDK's own environment variables.
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';

const [, , name, surface] = process.argv;
const model = new ChatOpenAI({
  model: 'spark',
  maxRetries: 0,
  maxTokens: 60,
  useResponsesApi: surface === 'responses',
});
const exec = {
  type: 'function',
  function: {
    name: 'exec_command',
    description: 'Runs a command.',
    parameters: { type: 'object', properties: { cmd: { type: 'string' } }, required: ['cmd'] },
  },
};

const calls = {
  async invoke() {
    const { text, usage_metadata: usage } = await model.invoke('Write a queue.');
    return { said: text.length > 0, usage: [usage.input_tokens > 0, usage.output_tokens] };
  },
  async stream() {
    let text = '';
    let pieces = 0;
    let whole;
    for await (const chunk of await model.stream('Write a queue.')) {
      text += chunk.text;
      pieces += 1;
      whole = whole === undefined ? chunk : whole.concat(chunk);
    }
    return { same: text.length > 0 && text === whole.text, pieces, tokens: whole.usage_metadata.output_tokens };
  },
  async tools() {
    const bound = model.bindTools([exec]);
    const asked = new HumanMessage('Please list the files.');
    const called = await bound.invoke([asked]);
    const [{ name: tool, args, id }] = called.tool_calls;
    const answer = await bound.invoke([asked, called, new ToolMessage({ content: 'a.txt', tool_call_id: id })]);
    return { called: [tool, args], answered: answer.text.length > 0 };
  },
  async refusal() {
    const other = new ChatOpenAI({ model: 'none', maxRetries: 0, useResponsesApi: surface === 'responses' });
    return other.invoke('Hi').then(
      () => 'answered',
      ({ status, code }) => [status, code],
    );
  },
};

console.log(JSON.stringify(await calls[name]()));
