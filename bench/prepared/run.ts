/**
 * Bench `prepared`: the first event of a turn over WebSocket, when everything is still to be done and when
 * `generate: false` has brought its prefix before (PERFORMANCE G5 at the front door). The profile takes no time for
 * prefill, so that what is left is overhead.
 */
import { join } from 'node:path';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { NO_WIRES, startWiredPlatform, type WiredPlatform, type WireName } from '../rig/wired-platform.ts';
import { disposing, type Bench } from '../run.ts';
import type { BenchOptions } from '../command-line.ts';
import type { PreparedClientCalls, PreparedReport } from './client-process.ts';
import { preparedCells, preparedGoals, lineOf, type PreparedResult } from './figures.ts';

const TOKENS_PER_SECOND = 1_000;
/** Codex's first turn (PROTOCOL §5.2). */
const PREFIX_BYTES = 39_500;
const WIRES: readonly WireName[] = ['loopback', 'rtt20'];
const TURNS = 100;
const TURNS_SHORT = 10;
const WARM_TURNS = 20;
const MIB = 1024 * 1024;

export const preparedBench: Bench = async (options, say) => {
  const wanted = WIRES.filter((wire) => options.only === undefined || wire.startsWith(options.only));
  if (wanted.length === 0) return { cells: [], goals: [], skipped: [] };
  const platform = await startWiredPlatform(TOKENS_PER_SECOND);
  const client = new RigProcess<PreparedClientCalls>({
    file: join(import.meta.dirname, 'client-process.ts'),
    core: Core.rig,
  });
  return await disposing([client, platform], async () => {
    const reached = wanted.filter((wire) => platform.addresses[wire] !== undefined);
    const skipped = reached.length < wanted.length ? [NO_WIRES] : [];
    for (const { reason, install } of skipped) say(`${reason} (${install})`);
    const results: PreparedResult[] = [];
    for (const wire of reached) results.push(await runWire(wire, { platform, client, options, say }));
    return { cells: preparedCells(results), goals: preparedGoals(results), skipped };
  });
};

type Run = {
  readonly platform: WiredPlatform;
  readonly client: RigProcess<PreparedClientCalls>;
  readonly options: BenchOptions;
  readonly say: (text: string) => void;
};

async function runWire(wire: WireName, { platform, client, options, say }: Run): Promise<PreparedResult> {
  const { apiKey, gateway, addresses } = platform;
  const { rounds, seconds, short } = options;
  const tls = wire !== 'loopback';
  const order = { address: addresses[wire] ?? '', tls, apiKey, prefixBytes: PREFIX_BYTES, secondsMax: seconds };
  await client.call('run', { ...order, turns: short ? 2 : WARM_TURNS });
  const reports: PreparedReport[] = [];
  const before = await client.sample();
  for (let round = 1; round <= rounds; round += 1) {
    const report = await client.call('run', { ...order, turns: short ? TURNS_SHORT : TURNS });
    reports.push(report);
    say(`round ${round}/${rounds} ${wire}: ${lineOf(report)}`);
  }
  const rigCore = cpuBetween(before, await client.sample()).core;
  return { wire, reports, rigCore, rssMiB: (await gateway.sample()).rssBytes / MIB };
}
