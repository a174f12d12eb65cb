import { numberFlag, parseArguments } from '../arguments.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { openConnection, type Command, type Context } from '../context.ts';
import { progressText, type Progress } from './progress.ts';
import { runTrace } from './run-trace.ts';
import { Tally, tallyTable } from './tally.ts';
import { parseTrace, type TraceRow } from './trace.ts';

const FILE_BYTES_MAX = 256 * 1024 * 1024;
const CONCURRENCY = 64;
/** A terminal's bar moves often, a log gets a line per second. */
const TICK_MS = { tty: 100, log: 1_000 } as const;

export const replayCommand: Command = {
  name: 'replay',
  summary: 'replay a recorded arrival trace and check every token',
  help: `Usage: reticle replay FILE [--speed N] [--limit N] [--concurrency N] [--model M]

Replays a public trace against the platform: each request at its time, with its input length (token ids made from
the row's number) and exactly its output length, each in a session of its own. Every token's offset is checked.
Exit 0 only when no token was lost, none came twice, and at least one request was served.

FILE is an Azure LLM trace (CSV: TIMESTAMP,ContextTokens,GeneratedTokens) or a Mooncake trace (JSON lines).

  --speed N        trace seconds per second (default: 1)
  --limit N        only the first N requests
  --concurrency N  sessions at once; an arrival past it waits (default: ${CONCURRENCY})
  --model M        default: the platform's

Times are this client's: to the first frame read; between frames, shared evenly by a frame's tokens.

Examples:
  reticle replay examples/traces/azure-code-sample.csv
  reticle replay AzureLLMInferenceTrace_code.csv --limit 200 --speed 10
`,
  async run(context, args) {
    const given = parseArguments(args, {
      command: 'reticle replay',
      positionals: ['FILE'],
      options: {
        speed: { type: 'string' },
        limit: { type: 'string' },
        concurrency: { type: 'string' },
        model: { type: 'string' },
      },
    });
    const speed = numberFlag(given, 'speed', { min: 0.001, max: 1_000_000, whole: false }) ?? 1;
    const limit = numberFlag(given, 'limit', { min: 1, max: 1e9, whole: true });
    const concurrency = numberFlag(given, 'concurrency', { min: 1, max: 1_000, whole: true }) ?? CONCURRENCY;
    const rows = (await readTrace(context, given.positionals[0] ?? '')).slice(0, limit);
    const model = given.text('model');
    return await replay(model === undefined ? context : withModel(context, model), { rows, speed, concurrency });
  },
};

function withModel(context: Context, model: string): Context {
  return { ...context, variables: { ...context.variables, RETICLE_MODEL: model } };
}

async function readTrace({ env }: Context, path: string): Promise<readonly TraceRow[]> {
  let text: string;
  try {
    text = await env.disk.readText(path, FILE_BYTES_MAX);
  } catch (error) {
    throw new CliError('unreadable', `${path} cannot be read: ${(error as Error).message}`, {
      exitCode: exitCodes.usage,
      hint: 'Give the path of a trace file.',
    });
  }
  return parseTrace(text);
}

type Replay = { readonly rows: readonly TraceRow[]; readonly speed: number; readonly concurrency: number };

async function replay(context: Context, options: Replay): Promise<number> {
  const { terminal, env, signals } = context;
  const { client } = await openConnection(context);
  const tally = new Tally();
  const stop = new AbortController();
  const stopListening = signals.on(() => stop.abort());
  const startMs = env.clock.nowMs();
  const stopTicking = ticking(context, () => ({
    done: tally.turns,
    total: options.rows.length,
    tokens: tally.tokens,
    elapsedMs: env.clock.nowMs() - startMs,
  }));
  try {
    await runTrace({ ...options, client, clock: env.clock, tally, signal: stop.signal });
  } finally {
    stopTicking();
    stopListening();
    client.close();
  }
  terminal.out(tallyTable(tally, env.clock.nowMs() - startMs));
  if (stop.signal.aborted) return exitCodes.interrupted;
  return tally.clean && tally.completed > 0 ? exitCodes.ok : exitCodes.remote;
}

/** Shows progress until the returned function is called, which shows it a last time. */
function ticking({ terminal, env }: Context, progress: () => Progress): () => void {
  const tty = terminal.outputIsTty;
  const show = (): void =>
    terminal.err(tty ? `\r\u001B[2K${progressText(progress())}` : `${progressText(progress())}\n`);
  let cancel = (): void => {};
  const tick = (): void => {
    show();
    cancel = env.clock.after(tty ? TICK_MS.tty : TICK_MS.log, tick);
  };
  cancel = env.clock.after(tty ? TICK_MS.tty : TICK_MS.log, tick);
  return () => {
    cancel();
    show();
    if (tty) terminal.err('\n');
  };
}
