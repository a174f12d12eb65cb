import { request } from 'node:http';
import { parseArguments } from '../arguments.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { stateOptions, type Command } from '../context.ts';
import { requireLocalState, type LocalState } from '../local-state.ts';
import { playgroundAddress } from '../up/playground.ts';

const ANSWER_MS = 5_000;

export const playgroundCommand: Command = {
  name: 'playground',
  summary: "another address of the running platform's playground",
  help: `Usage: reticle playground

Prints an address that opens the playground of the running local platform in a browser, once and within ten minutes.

Examples:
  reticle playground
  npm run -s reticle -- playground
`,
  async run(context, args) {
    parseArguments(args, { command: 'reticle playground', options: {} });
    const state = await requireLocalState(stateOptions(context));
    context.terminal.out(`${playgroundAddress(state.http, await newCode(state))}\n`);
    return 0;
  },
};

/** A one-time code, for the platform's own key. */
async function newCode({ http, apiKey }: LocalState): Promise<string> {
  let text = '';
  try {
    text = await post(`http://${http}/v1/tickets`, apiKey);
  } catch {
    // Nobody listens there, or nobody answers: it is told below.
  }
  const [, code] = /"code":"([a-z2-7]{26})"/.exec(text) ?? [];
  if (code !== undefined) return code;
  throw new CliError('no_code', 'the running platform gave no code for its playground', {
    exitCode: exitCodes.remote,
    hint: 'See whether it runs with `reticle ps`; start it again with `reticle up`.',
  });
}

function post(url: string, key: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const asked = request(url, { method: 'POST', headers, timeout: ANSWER_MS }, (answer) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (more: string) => void (text += more));
    answer.once('end', () => resolve(text));
    answer.once('error', reject);
  });
  asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
  asked.once('error', reject);
  asked.end('{"grant":"code"}');
  return promise;
}
