import { join } from 'node:path';
import type { LocalPlatformSpec } from '@reticle/core/domain';
import { numberFlag, parseArguments, type ParsedArguments } from '../arguments.ts';
import { chatOn } from '../chat/command.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { localConnection, stateOptions, type Command, type Context } from '../context.ts';
import { processStart, readLocalState, removeLocalState, writeLocalState, type LocalState } from '../local-state.ts';
import { listDirectory } from '../manifests/list-directory.ts';
import { loadManifests } from '../manifests/load-manifests.ts';
import type { Signal } from '../terminal/terminal.ts';
import { demonstrate } from './demonstration.ts';
import { PlatformProcess } from './platform-process.ts';
import { platformSpec } from './platform-spec.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');
const MANIFESTS = join(REPOSITORY, 'examples', 'local');
/** A file, not an import: the platform is a process of its own and this package does not know its parts. */
const SUPERVISOR = join(REPOSITORY, 'services', 'main', 'platform.ts');
const PORT = 50_051;

export const upCommand: Command = {
  name: 'up',
  summary: 'run a local platform on simulated wafers',
  help: `Usage: reticle up [--manifests PATH] [--port N] [--once] [--no-chat]

Runs a gateway and one engine per ModelDeployment on this machine. In a terminal it opens the chat; without one it
shows a short demonstration (a turn, an interrupt, a redirect) and serves until it is stopped.

  --manifests PATH  file or folder of manifests (default: examples/local)
  --port N          wanted gRPC port; another free one is taken when it is in use (default: ${PORT})
  --once            show the demonstration, stop, exit 0
  --no-chat         show the demonstration in a terminal too

The API key is fresh for each run and is kept, with the addresses, in a file that only you can read:
\${XDG_STATE_HOME:-~/.local/state}/reticle/local.json. The other commands read it.

Examples:
  reticle up
  reticle up --once
  reticle up --manifests my-models/ --port 0
`,
  async run(context, args) {
    const given = parseArguments(args, {
      command: 'reticle up',
      options: {
        manifests: { type: 'string' },
        port: { type: 'string' },
        once: { type: 'boolean' },
        'no-chat': { type: 'boolean' },
      },
    });
    const port = numberFlag(given, 'port', { min: 0, max: 65_535, whole: true }) ?? PORT;
    await refuseSecond(context);
    const files = { disk: context.env.disk, list: listDirectory };
    const scene = await loadManifests([given.text('manifests') ?? MANIFESTS], files);
    const spec = platformSpec(scene, port);
    return await runPlatform(context, spec, given);
  },
};

async function refuseSecond(context: Context): Promise<void> {
  const running = await readLocalState(stateOptions(context));
  if (running === undefined) return;
  throw new CliError('already_running', `a local platform runs already (pid ${running.pid}, ${running.grpc})`, {
    exitCode: exitCodes.conflict,
    hint: `Use it (\`reticle chat\`), or stop it first: kill ${running.pid}`,
  });
}

async function runPlatform(context: Context, spec: LocalPlatformSpec, given: ParsedArguments): Promise<number> {
  const { env, terminal, signals, pid } = context;
  const platform = new PlatformProcess(env.spawn.fork(SUPERVISOR, []), env.clock);
  const stopped = Promise.withResolvers<Signal>();
  const stopListening = signals.on((signal) => stopped.resolve(signal));
  try {
    const startMs = env.clock.nowMs();
    const elapsed = (): string => ((env.clock.nowMs() - startMs) / 1_000).toFixed(1).padStart(5);
    const progress = (text: string): void => terminal.err(`${elapsed()} s  ${text}\n`);
    const ready = await Promise.race([platform.start(spec, progress), stopped.promise]);
    if (typeof ready === 'string') return exitCodes.interrupted;
    const state: LocalState = {
      version: 1,
      pid,
      pidStart: await processStart(env.disk, pid),
      grpc: ready.grpc,
      apiKey: ready.apiKey,
      model: ready.models[0] ?? '',
      models: ready.models,
    };
    await writeLocalState(stateOptions(context), state);
    terminal.out(firstScreen(spec, state));
    return await serve({ context, state, given, stopped: stopped.promise, platform });
  } finally {
    await platform.stop();
    await removeLocalState(stateOptions(context), pid);
    stopListening();
  }
}

type Serving = {
  readonly context: Context;
  readonly state: LocalState;
  readonly given: ParsedArguments;
  readonly stopped: Promise<Signal>;
  readonly platform: PlatformProcess;
};

async function serve({ context, state, given, stopped, platform }: Serving): Promise<number> {
  const { terminal, env } = context;
  const lost = platform.exited.then(() => {
    throw new CliError('platform_lost', 'the local platform ended by itself', {
      exitCode: exitCodes.remote,
      hint: 'Its log is above. Start it again with `reticle up`.',
    });
  });
  lost.catch(() => {});
  const connection = localConnection(context, state);
  try {
    if (terminal.inputIsTty && terminal.outputIsTty && !given.flag('once') && !given.flag('no-chat')) {
      return await Promise.race([chatOn(context, connection, {}), lost]);
    }
    const show = demonstrate({ client: connection.client, clock: env.clock, out: (text) => terminal.out(text) });
    const early = await Promise.race([show, stopped, lost]);
    if (early !== undefined) {
      show.catch(() => {});
      return exitCodes.ok;
    }
    if (given.flag('once')) return exitCodes.ok;
    terminal.err('\nServing until stopped (Ctrl-C).\n');
    await Promise.race([stopped, lost]);
    // Being stopped is how serving ends well, whatever the signal.
    return exitCodes.ok;
  } finally {
    connection.client.close();
  }
}

/** What runs, where, and what to type next. */
export function firstScreen(spec: LocalPlatformSpec, state: LocalState): string {
  const models = spec.chains.map(
    ({ servedName, wafers, contextTokens }) =>
      `  ${servedName}: ${wafers} simulated wafers, ${contextTokens} tokens of context\n`,
  );
  return `
Reticle runs at ${state.grpc} (gRPC)
${models.join('')}
Next, in another terminal:
  npm run -s reticle -- chat
  npm run -s reticle -- replay examples/traces/azure-code-sample.csv
  eval "$(npm run -s reticle -- env)"
`;
}
