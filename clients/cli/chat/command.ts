import { isReticleError, type Session, type TurnOptions } from '@reticle/sdk';
import { numberFlag, parseArguments } from '../arguments.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { openConnection, type Command, type Connection, type Context } from '../context.ts';
import { chatAtTerminal } from './interactive.ts';
import { chatInPipe } from './piped.ts';

const INSTRUCTIONS_BYTES_MAX = 1024 * 1024;

/** Above it no local context holds an answer. */
const TOKENS_MAX = 1_000_000;

export type ChatOptions = {
  readonly model?: string;
  readonly instructions?: string;
  /** Of every turn. */
  readonly turns?: Pick<TurnOptions, 'maxOutputTokens' | 'outputLength' | 'seed'>;
};

/** Seeds are below it: any engine takes them. */
const SEED_END = 2 ** 31;

export const chatCommand: Command = {
  name: 'chat',
  summary: 'talk to a model; interrupt and redirect it',
  help: `Usage: reticle chat [--model M] [--instructions FILE] [--tokens N] [--seed N] [--target HOST:PORT,…]

Talks to a model of the running platform. While it speaks:
  Esc               interrupts it and shows the receipt
  text and Enter    redirects it: cut here, go on with this
  Ctrl-C            interrupts; a second one leaves (exit 130)
Ctrl-D on an empty line leaves.

In a pipe, standard input is one message; the answer goes to standard output, its figures to standard error.

A gateway or an engine that dies is replaced under the running answer: the text goes on at the exact token, and one
line says what happened. \`reticle ps\` lists the processes of the local platform for those who want to try.

  --model M            default: RETICLE_MODEL, or the platform's first model
  --instructions FILE  what the model is told before the conversation
  --tokens N           answers of exactly N tokens, where the engine allows it (simulated ones do)
  --seed N             of the sampling: the same seed and question give the same answer (default: another one each time)
  --target LIST        gateways, with commas between; the next one is used when one is lost
                       (default: RETICLE_GRPC, or the platform's)

Examples:
  reticle chat
  echo "Write a queue with a bound." | reticle chat
  reticle chat --tokens 20000        # long enough to kill what it runs on
  reticle chat --target gateway-a:50051,gateway-b:50051
`,
  async run(context, args) {
    const given = parseArguments(args, {
      command: 'reticle chat',
      options: {
        model: { type: 'string' },
        instructions: { type: 'string' },
        target: { type: 'string' },
        tokens: { type: 'string' },
        seed: { type: 'string' },
      },
    });
    const path = given.text('instructions');
    const instructions = path === undefined ? undefined : await readInstructions(context, path);
    const model = given.text('model');
    const tokens = numberFlag(given, 'tokens', { min: 1, max: TOKENS_MAX, whole: true });
    const seed = numberFlag(given, 'seed', { min: 0, max: SEED_END - 1, whole: true });
    const connection = await openConnection(context, given.text('target'));
    try {
      return await chatOn(context, connection, {
        ...(model === undefined ? {} : { model }),
        ...(instructions === undefined ? {} : { instructions }),
        turns: {
          ...(tokens === undefined ? {} : { maxOutputTokens: tokens, outputLength: 'exact' }),
          ...(seed === undefined ? {} : { seed }),
        },
      });
    } finally {
      connection.client.close();
    }
  },
};

/** One conversation over an open connection; gives the exit status. */
export async function chatOn(context: Context, { client }: Connection, options: ChatOptions): Promise<number> {
  const { model, instructions } = options;
  // Seeded, so that another engine goes on with the tokens that the first one would have made.
  const turns = { seed: Math.floor(context.env.random.unit() * SEED_END), ...options.turns };
  const session = await client.createSession({
    ...(model === undefined ? {} : { model }),
    ...(instructions === undefined ? {} : { prefix: { role: 'system', content: instructions } }),
  });
  try {
    const { inputIsTty, outputIsTty } = context.terminal;
    return inputIsTty && outputIsTty
      ? await chatAtTerminal(context, session, turns)
      : await chatInPipe(context, session, turns);
  } finally {
    await closeQuietly(session);
  }
}

/** The conversation is over, whatever became of the gateway since: the service lets an idle session go by itself. */
async function closeQuietly(session: Session): Promise<void> {
  try {
    await session.close();
  } catch (error) {
    if (!isReticleError(error)) throw error;
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
