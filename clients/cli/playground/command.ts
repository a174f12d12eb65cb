import { X509Certificate } from 'node:crypto';
import { request, type RequestOptions } from 'node:http';
import { request as requestSecure, type RequestOptions as SecureOptions } from 'node:https';
import type { Disk } from '@reticle/core/process';
import { parseArguments } from '../arguments.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { stateOptions, type Command } from '../context.ts';
import { httpBase, requireLocalState, type LocalState } from '../local-state.ts';
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
    context.terminal.out(`${playgroundAddress(httpBase(state), await newCode(state, context.env.disk))}\n`);
    return 0;
  },
};

/** A one-time code, for the platform's own key. */
async function newCode(state: LocalState, disk: Pick<Disk, 'readText'>): Promise<string> {
  let text = '';
  try {
    text = await post(state, await trustOf(state, disk));
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

/** The certificate of the platform alone, whoever vouches for it and whatever it is called: no other server gets the key. */
async function trustOf({ tls }: LocalState, disk: Pick<Disk, 'readText'>): Promise<SecureOptions> {
  if (tls === undefined) return {};
  const { certFile } = tls;
  const own = new X509Certificate(await disk.readText(certFile)).toString();
  return { ca: own, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
}

function post(state: LocalState, trust: SecureOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { authorization: `Bearer ${state.apiKey}`, 'content-type': 'application/json' };
  const url = `${httpBase(state)}/v1/tickets`;
  const options: RequestOptions = { method: 'POST', headers, timeout: ANSWER_MS };
  const asked = state.tls === undefined ? request(url, options) : requestSecure(url, { ...options, ...trust });
  asked.once('response', (answer) => {
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
