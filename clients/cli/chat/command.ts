import { parseArguments } from '../arguments.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { openConnection, type Command, type Connection, type Context } from '../context.ts';
import { chatAtTerminal } from './interactive.ts';
import { chatInPipe } from './piped.ts';

const INSTRUCTIONS_BYTES_MAX = 1024 * 1024;

export type ChatOptions = { readonly model?: string; readonly instructions?: string };

export const chatCommand: Command = {
  name: 'chat',
  summary: 'talk to a model; interrupt and redirect it',
  help: `Usage: reticle chat [--model M] [--instructions FILE]

Talks to a model of the running platform. While it speaks:
  Esc               interrupts it and shows the receipt
  text and Enter    redirects it: cut here, go on with this
  Ctrl-C            interrupts; a second one leaves (exit 130)
Ctrl-D on an empty line leaves.

In a pipe, standard input is one message; the answer goes to standard output, its figures to standard error.

  --model M            default: RETICLE_MODEL, or the platform's first model
  --instructions FILE  what the model is told before the conversation

Examples:
  reticle chat
  echo "Write a queue with a bound." | reticle chat
`,
  async run(context, args) {
    const given = parseArguments(args, {
      command: 'reticle chat',
      options: { model: { type: 'string' }, instructions: { type: 'string' } },
    });
    const path = given.text('instructions');
    const instructions = path === undefined ? undefined : await readInstructions(context, path);
    const model = given.text('model');
    const connection = await openConnection(context);
    try {
      return await chatOn(context, connection, {
        ...(model === undefined ? {} : { model }),
        ...(instructions === undefined ? {} : { instructions }),
      });
    } finally {
      connection.client.close();
    }
  },
};

/** One conversation over an open connection; gives the exit status. */
export async function chatOn(context: Context, { client }: Connection, options: ChatOptions): Promise<number> {
  const { model, instructions } = options;
  const session = await client.createSession({
    ...(model === undefined ? {} : { model }),
    ...(instructions === undefined ? {} : { prefix: { role: 'system', content: instructions } }),
  });
  try {
    const { inputIsTty, outputIsTty } = context.terminal;
    return inputIsTty && outputIsTty ? await chatAtTerminal(context, session) : await chatInPipe(context, session);
  } finally {
    await session.close();
  }
}

async function readInstructions({ env }: Context, path: string): Promise<string> {
  try {
    return await env.disk.readText(path, INSTRUCTIONS_BYTES_MAX);
  } catch (error) {
    throw new CliError('unreadable', `${path} cannot be read: ${(error as Error).message}`, {
      exitCode: exitCodes.usage,
      hint: 'Give the path of a text file.',
    });
  }
}
