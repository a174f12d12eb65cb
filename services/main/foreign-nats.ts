import { join } from 'node:path';
import { Secret, silentLogger, type Env } from '@reticle/core/process';
import { NatsBus, natsServerConfig, type NatsComponent } from '@reticle/services/bus';

const PROBE_MS = 2_000;
const LOOK_MS = 5;
const NATS_PORT = 4222;
/** Public keys and subjects only. */
const MODE = 0o644;

export type ForeignNatsOptions = {
  readonly env: Env;
  /** `nats://host:port` or `tls://…`. */
  readonly url: string;
  readonly cell: string;
  readonly members: readonly { readonly component: NatsComponent; readonly seed: string }[];
  /** Where the users are written that the server lacks. */
  readonly folder: string;
};

/**
 * Whether a server that this platform did not start takes all of its members. Rejects for people: with how to start
 * one where none answers, and with a file of the users to add where it refuses a key.
 */
export async function checkForeignNats(options: ForeignNatsOptions): Promise<void> {
  const answers = await Promise.all(options.members.map(({ seed }) => answerTo(seed, options)));
  if (answers.includes('refused')) throw new Error(await refusal(options));
  if (answers.includes('away')) {
    throw new Error(`no NATS server answers at ${options.url}; start one there, or use --nats embedded`);
  }
}

/** One member's attempt, until its outcome is known. */
async function answerTo(seed: string, { env, url }: ForeignNatsOptions): Promise<'taken' | 'refused' | 'away'> {
  const { clock, random } = env;
  const bus = new NatsBus({ servers: [url], seed: new Secret(seed), clock, random, logger: silentLogger });
  const untilMs = clock.nowMs() + PROBE_MS;
  const isOver = (): boolean => bus.connected || bus.counters.authorizationFailures > 0 || clock.nowMs() >= untilMs;
  while (!isOver()) await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  const { connected, counters } = bus;
  await bus.close();
  if (connected) return 'taken';
  return counters.authorizationFailures > 0 ? 'refused' : 'away';
}

async function refusal({ env, url, cell, members, folder }: ForeignNatsOptions): Promise<string> {
  const file = join(folder, 'nats-server.conf');
  const components = members.map(({ component }) => component);
  const port = Number(/:(\d+)\/?$/.exec(url)?.[1] ?? NATS_PORT);
  await env.disk.writeText(file, natsServerConfig({ cell, components, port }), MODE);
  return (
    `the NATS server at ${url} refuses the keys of this platform; ` +
    `add the users in ${file} to its configuration (or start it with "nats-server -c" and that file), then start again`
  );
}
