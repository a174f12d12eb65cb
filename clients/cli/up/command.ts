import { join } from 'node:path';
import type { LocalAccess, TlsPair } from '@reticle/core/domain';
import { numberFlag, parseArguments, type ParsedArguments } from '../arguments.ts';
import { chatOn } from '../chat/command.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { localConnection, stateOptions, type Command, type Context } from '../context.ts';
import {
  httpBase,
  processStart,
  readLocalState,
  removeLocalState,
  writeLocalState,
  type LocalState,
} from '../local-state.ts';
import { listDirectory } from '../manifests/list-directory.ts';
import { loadManifests, type ManifestFiles, type Scene } from '../manifests/load-manifests.ts';
import { processTable } from '../ps/command.ts';
import type { Signal } from '../terminal/terminal.ts';
import { clientLines } from './client-lines.ts';
import { writeCodexCatalog } from './codex-catalog.ts';
import { demonstrate } from './demonstration.ts';
import { accessLine, loadGatewayFile, type GatewayFile } from './local-access.ts';
import { natsFlag } from './nats-flag.ts';
import { PlatformProcess } from './platform-process.ts';
import { accessOf, platformSpec, type PlatformSpec } from './platform-spec.ts';
import { buildPlayground, PLAYGROUND, playgroundAddress } from './playground.ts';
import { fileMode, hostOf, loadTls, tlsFiles, type LoadedTls, type TlsFiles } from './tls-files.ts';
import { watchAccess } from './watch-access.ts';
import { watchTls } from './watch-tls.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');
const MANIFESTS = join(REPOSITORY, 'examples', 'local');
/** A file, not an import: the platform is a process of its own and this package does not know its parts. */
const SUPERVISOR = join(REPOSITORY, 'services', 'main', 'platform.ts');
const PORT = 50_051;
const HTTP_PORT = 8_080;
/** Where Prometheus looks for OpenTelemetry's exporters. */
const METRICS_PORT = 9_464;
/** Processes that one machine is asked for; each gateway worker and each engine is one. */
const WORKERS_MAX = 64;

export const upCommand: Command = {
  name: 'up',
  summary: 'run a local platform on simulated wafers',
  help: `Usage: reticle up [--manifests PATH] [--port N] [--http-port N] [--metrics-port N] [--gateways N] [--replicas N] [--nats SERVER] [--gateway-config FILE] [--tls-cert FILE --tls-key FILE] [--once] [--no-chat]

Runs gateways and the engines of each ModelDeployment on this machine. In a terminal it opens the chat; without one it
shows a short demonstration (a turn, an interrupt, a redirect) and serves until it is stopped.

  --manifests PATH  file or folder of manifests, or several with commas between (default: examples/local)
  --port N          wanted gRPC port; another free one is taken when it is in use (default: ${PORT})
  --http-port N     wanted port of the OpenAI surfaces, in the same way (default: ${HTTP_PORT})
  --metrics-port N  wanted port of the first process's /metrics, the next ones for the others (default: ${METRICS_PORT})
  --gateways N      gateway workers, a process each (default: 1)
  --replicas N      engines per model, a process each (default: what the manifests say)
  --nats SERVER     carrier of signals between them: none, embedded, or the URL of a running server, nats://host:port
                    (default: none; embedded starts a nats-server where the binary is available)
  --gateway-config FILE
                    issuers of tokens, origins of browsers, limits of sockets, the secret behind the keys of Tenant
                    manifests (docs/reference/authentication.md); without it the key of the run alone comes in
  --tls-cert FILE   certificate of the OpenAI surfaces, PEM, with those of its issuers after it: they speak HTTPS and WSS
  --tls-key FILE    its private key, PEM; both are read again when they change (default: what --gateway-config says)
  --once            show the demonstration, stop, exit 0
  --no-chat         show the demonstration in a terminal too

The API key is fresh for each run and is kept, with the addresses, in a file that only you can read:
\${XDG_STATE_HOME:-~/.local/state}/reticle/local.json. The other commands read it.

Examples:
  reticle up
  reticle up --once
  reticle up --manifests my-models/ --port 0
  reticle up --gateways 2 --replicas 2 --nats embedded
`,
  async run(context, args) {
    const given = parseArguments(args, {
      command: 'reticle up',
      options: {
        manifests: { type: 'string' },
        port: { type: 'string' },
        'http-port': { type: 'string' },
        'metrics-port': { type: 'string' },
        gateways: { type: 'string' },
        replicas: { type: 'string' },
        nats: { type: 'string' },
        'gateway-config': { type: 'string' },
        'tls-cert': { type: 'string' },
        'tls-key': { type: 'string' },
        once: { type: 'boolean' },
        'no-chat': { type: 'boolean' },
      },
    });
    const ports = { min: 0, max: 65_535, whole: true };
    const grpcPort = numberFlag(given, 'port', ports) ?? PORT;
    const httpPort = numberFlag(given, 'http-port', ports) ?? HTTP_PORT;
    const metricsPort = numberFlag(given, 'metrics-port', ports) ?? METRICS_PORT;
    const workers = { min: 1, max: WORKERS_MAX, whole: true };
    const gateways = numberFlag(given, 'gateways', workers) ?? 1;
    const replicas = numberFlag(given, 'replicas', workers);
    const nats = natsFlag(given.text('nats'));
    await refuseSecond(context);
    const files = { disk: context.env.disk, list: listDirectory };
    const read = readerOf(given, files);
    const { scene, ...door } = await read();
    const tls = await servedTls(context, tlsFiles(given, door.gatewayFile));
    const wanted = { grpcPort, httpPort, metricsPort, ...(tls === undefined ? {} : { tls: tls.first.pair }) };
    const spec = platformSpec(scene, { ...wanted, gateways, replicas, nats, playground: PLAYGROUND, ...door });
    const load = async (): Promise<LocalAccess> => {
      const again = await read();
      return accessOf(again.scene, again.gatewayFile);
    };
    // Without a file there is neither a pepper nor an issuer, and so nobody to follow.
    const followed = given.text('gateway-config') === undefined ? {} : { load };
    return await runPlatform(context, spec, { given, tls, ...followed });
  },
};

type Read = { readonly scene: Scene; readonly gatewayFile?: GatewayFile };

/** Reads what the flags name, as often as it is asked. */
function readerOf(given: ParsedArguments, files: ManifestFiles): () => Promise<Read> {
  const config = given.text('gateway-config');
  return async () => {
    const scene = await loadManifests((given.text('manifests') ?? MANIFESTS).split(','), files);
    return config === undefined ? { scene } : { scene, gatewayFile: await loadGatewayFile(config, files) };
  };
}

/** A certificate, its file, and how to read both files again. */
type ServedTls = { readonly certFile: string; readonly first: LoadedTls; readonly load: () => Promise<LoadedTls> };

async function servedTls({ env, terminal }: Context, files: TlsFiles | undefined): Promise<ServedTls | undefined> {
  if (files === undefined) return undefined;
  const load = (): Promise<LoadedTls> => loadTls(files, { disk: env.disk, modeOf: fileMode, clock: env.clock });
  const first = await load();
  for (const warning of first.warnings) terminal.err(`${warning}\n`);
  return { certFile: files.certificate.path, first, load };
}

async function refuseSecond(context: Context): Promise<void> {
  const running = await readLocalState(stateOptions(context));
  if (running === undefined) return;
  throw new CliError('already_running', `a local platform runs already (pid ${running.pid}, ${running.grpc})`, {
    exitCode: exitCodes.conflict,
    hint: `Use it (\`reticle chat\`), or stop it first: kill ${running.pid}`,
  });
}

type Asked = {
  readonly given: ParsedArguments;
  readonly tls: ServedTls | undefined;
  readonly load?: () => Promise<LocalAccess>;
};

async function runPlatform(context: Context, spec: PlatformSpec, { given, tls, load }: Asked): Promise<number> {
  const { env, terminal, signals, pid } = context;
  const platform = new PlatformProcess(env.spawn.fork(SUPERVISOR, []), env.clock);
  const stopped = Promise.withResolvers<Signal>();
  const stopListening = signals.on((signal) => stopped.resolve(signal));
  let stopWatching = (): Promise<void> => Promise.resolve();
  let stopFollowing = (): void => {};
  let stopWatchingTls = (): void => {};
  try {
    const startMs = env.clock.nowMs();
    const elapsed = (): string => ((env.clock.nowMs() - startMs) / 1_000).toFixed(1).padStart(5);
    const progress = (text: string): void => terminal.err(`${elapsed()} s  ${text}\n`);
    const page = buildPlayground(env.spawn, progress);
    const ready = await Promise.race([platform.start(spec, progress), stopped.promise]);
    if (typeof ready === 'string') return exitCodes.interrupted;
    const surfaces = surfacesOf(ready.http, tls);
    const address = (await page) ? playgroundAddress(httpBase(surfaces), ready.playgroundCode) : undefined;
    const state: LocalState = {
      version: 1,
      pid,
      pidStart: await processStart(env.disk, pid),
      grpc: ready.grpc,
      ...surfaces,
      apiKey: ready.apiKey,
      model: ready.models[0] ?? '',
      models: ready.models,
      processes: ready.processes,
    };
    await writeLocalState(stateOptions(context), state);
    stopWatching = keepProcesses(context, platform, state);
    if (load !== undefined) stopFollowing = follow(context, platform, { first: spec.access, load });
    if (tls !== undefined) stopWatchingTls = followTls(context, platform, tls);
    const catalog = await writeCodexCatalog(stateOptions(context), ready.codexModels);
    terminal.out(firstScreen(spec, state, { catalog, address }));
    return await serve({ context, state, given, stopped: stopped.promise, platform });
  } finally {
    stopFollowing();
    stopWatchingTls();
    await platform.stop();
    await stopWatching();
    await removeLocalState(stateOptions(context), pid);
    stopListening();
  }
}

type Followed = { readonly first: LocalAccess; readonly load: () => Promise<LocalAccess> };

function follow({ env, terminal }: Context, platform: PlatformProcess, { first, load }: Followed): () => void {
  const apply = (access: LocalAccess): void => platform.replaceAccess(access);
  return watchAccess(first, { clock: env.clock, load, apply, say: (text) => terminal.err(text) });
}

function followTls({ env, terminal }: Context, platform: PlatformProcess, { first, load }: ServedTls): () => void {
  const apply = (pair: TlsPair): void => platform.replaceTls(pair);
  return watchTls(first, { clock: env.clock, load, apply, say: (text) => terminal.err(text) });
}

/** Where the OpenAI surfaces are, under the name that their certificate has. */
function surfacesOf(http: string, tls: ServedTls | undefined): Pick<LocalState, 'http' | 'tls'> {
  if (tls === undefined) return { http };
  const { certFile, first } = tls;
  const { isSelfSigned } = first.facts;
  return { http: `${hostOf(first.facts)}:${http.split(':').at(-1)}`, tls: { certFile, isSelfSigned } };
}

/** Keeps the pids in the state file true, in order, until the returned function is called. */
function keepProcesses(context: Context, platform: PlatformProcess, state: LocalState): () => Promise<void> {
  let written = Promise.resolve();
  const stop = platform.onProcesses((processes) => {
    written = written.then(() => writeLocalState(stateOptions(context), { ...state, processes }));
    // Nothing but `reticle ps` reads them: a full disk must not stop the platform.
    written = written.catch(() => {});
  });
  return () => {
    stop();
    return written;
  };
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

export type FirstScreenFacts = {
  /** File that tells Codex of the models. */
  readonly catalog: string;
  /** Of the playground; undefined where there is none. */
  readonly address: string | undefined;
};

/** What else there is to know of surfaces that speak TLS. */
function overTls({ http, tls }: LocalState): string {
  if (tls === undefined) return '';
  const sockets = `, wss://${http}/v1/responses`;
  if (!tls.isSelfSigned) return sockets;
  return `${sockets}
  Its certificate is self-signed: the line with \`env\` below makes the clients of that shell trust it (NODE_EXTRA_CA_CERTS,
  SSL_CERT_FILE, CURL_CA_BUNDLE; or curl --cacert ${tls.certFile}); a browser asks you once.`;
}

/** What runs, where, and what to type next. */
export function firstScreen(spec: PlatformSpec, state: LocalState, { catalog, address }: FirstScreenFacts): string {
  const page = address === undefined ? '' : `In your browser (opens once, within ten minutes):\n  ${address}\n\n`;
  const models = spec.chains.map(({ servedName, wafers, contextTokens, replicas }) => {
    const engines = replicas === 1 ? '' : ` on each of ${replicas} engines`;
    return `  ${servedName}: ${wafers} simulated wafers${engines}, ${contextTokens} tokens of context\n`;
  });
  const clients = clientLines(state.model, catalog).map(({ command }) => `  ${command}\n`);
  const processes = processTable(state.processes).trimEnd().replaceAll(/^/gm, '  ');
  return `
${page}Reticle runs at ${state.grpc} (gRPC), ${httpBase(state)}/v1 (OpenAI)${overTls(state)}
${models.join('')}${accessLine(spec.access)}
${processes}

Next, in another terminal:
  npm run -s reticle -- chat
  npm run -s reticle -- replay examples/traces/azure-code-sample.csv
  eval "$(npm run -s reticle -- env)"

Your own clients, in that terminal (more: docs/clients):
${clients.join('')}
While it answers, \`kill -9\` any of the processes above: the text goes on (\`npm run -s reticle -- ps\` lists them).
`;
}
