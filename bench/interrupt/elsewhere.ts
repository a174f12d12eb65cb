/**
 * Cuts that enter at another gateway than the turn's: a signal over a real nats-server, and with the server frozen or
 * dead the direct way that the sender races after 15 ms (PROTOCOL §3).
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../command-line.ts';
import { findBusServer, type BusServer } from '../rig/bus-server.ts';
import { startPlatform } from '../rig/platform.ts';
import { Core, RigProcess } from '../rig/rig-process.ts';
import { disposing } from '../run.ts';
import { percentile } from '../statistics.ts';
import type { CutterCalls } from './client-process.ts';
import { cellFor, cut, goal, stale, type CutClient, type Measured } from './variants.ts';

const TOKENS_PER_SECOND = 1_000;
const SESSIONS = 50;
const CUTS = 2_000;
const CUTS_SHORT = 200;
/** The senders have time to see that the server is gone. */
const OUTAGE_MS = 2_000;

type Outage = {
  readonly id: string;
  readonly note: string;
  readonly fault: ((bus: BusServer) => void | Promise<void>) | undefined;
  /** Milliseconds that half of the receipts, and 99 % of them, may take (PROMISES P8). */
  readonly p50: number | undefined;
  readonly p99: number;
};

/** In this order in one platform: a server that was frozen or killed does not come back. */
const OUTAGES: readonly Outage[] = [
  { id: 'other-gateway-50x1000', note: 'cuts go to another gateway and over NATS', fault: undefined, p50: 5, p99: 20 },
  {
    id: 'nats-frozen-50x1000',
    note: 'the same, nats-server stopped',
    fault: (bus) => bus.freeze(),
    p50: undefined,
    p99: 60,
  },
  { id: 'nats-dead-50x1000', note: 'the same, nats-server killed', fault: (bus) => bus.end(), p50: undefined, p99: 60 },
];

type Skipped = { readonly peer: string; readonly reason: string; readonly install: string };

/** The cells that the options ask for; none of them without a nats-server. */
export async function cutFromElsewhere(
  options: BenchOptions,
  say: (text: string) => void,
): Promise<Measured & { readonly skipped: readonly Skipped[] }> {
  const wanted = OUTAGES.filter(({ id }) => options.only === undefined || id.startsWith(options.only));
  if (wanted.length === 0) return { cells: [], goals: [], skipped: [] };
  const server = await findBusServer();
  if ('missing' in server) {
    const skipped = { peer: 'cuts from another gateway over NATS', reason: 'no nats-server', install: server.missing };
    return { cells: [], goals: [], skipped: [skipped] };
  }
  const client: CutClient = new RigProcess<CutterCalls>({
    file: join(import.meta.dirname, 'client-process.ts'),
    core: Core.rig,
  });
  const platform = await startPlatform({
    tokensPerSecond: TOKENS_PER_SECOND,
    engineCore: Core.rig,
    gateways: 2,
    natsPath: server.path,
  });
  return await disposing([client, platform], async () => {
    const measured: Measured[] = [];
    for (const outage of wanted) measured.push(await measure(outage, { platform, client, options, say }));
    return {
      cells: measured.flatMap(({ cells }) => cells),
      goals: measured.flatMap(({ goals }) => goals),
      skipped: [],
    };
  });
}

type Rig = {
  readonly platform: Awaited<ReturnType<typeof startPlatform>>;
  readonly client: CutClient;
  readonly options: BenchOptions;
  readonly say: (text: string) => void;
};

async function measure(outage: Outage, { platform, client, options, say }: Rig): Promise<Measured> {
  const { id, note, fault, p50, p99 } = outage;
  const [, signalsAt] = platform.addresses;
  if (platform.bus === undefined || signalsAt === undefined) throw new Error('two gateways and a bus');
  await fault?.(platform.bus);
  if (fault !== undefined) await sleep(OUTAGE_MS);
  const cuts = options.short ? CUTS_SHORT : CUTS;
  const report = await cut(platform, client, {
    cuts,
    sessions: SESSIONS,
    pausedMs: 0,
    secondsMax: options.seconds,
    signalsAt,
  });
  say(`${id}: ${report.cuts.length} cuts`);
  const receipts = report.cuts.map(({ ackMicros }) => ackMicros);
  const enough = report.cuts.length >= cuts;
  const receipt = (fraction: number, target: number) =>
    goal(`${id} p${fraction * 100}`, `client’s call at the other gateway to its receipt ≤ ${target} ms`, {
      target,
      measured: percentile(receipts, fraction) / 1000,
      enough,
    });
  return {
    cells: [cellFor(id, report, [`${SESSIONS} sessions at 1,000 tok/s, each cut every 0.1 s; ${note}`])],
    goals: [...(p50 === undefined ? [] : [receipt(0.5, p50)]), receipt(0.99, p99), stale(id, report)],
  };
}
