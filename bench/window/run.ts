/**
 * Bench `window`: a large first turn over a wire of 20 ms, from its send to its start, at the gateway and at a
 * grpc-js server as it comes. A server that keeps HTTP/2's 64 KiB makes the client wait a round trip for each
 * (PERFORMANCE R0); the gateway widens its own side.
 */
import { join } from 'node:path';
import type { BareEmitterCalls } from '../referents/bare-emitter.ts';
import { costAtMost, type Cell } from '../result.ts';
import type { DelayRelayCalls } from '../rig/delay-relay-process.ts';
import { startPlatform } from '../rig/platform.ts';
import { Core, RigProcess } from '../rig/rig-process.ts';
import { cellOf, disposing, type Bench } from '../run.ts';
import { percentile, ratioSpread, spread } from '../statistics.ts';
import type { WindowClientCalls, WindowReport } from './client-process.ts';

const RTT_MS = 20;
const IDLE_MS = 300;
/** 461 KB in ids of three bytes, the size of PERFORMANCE R0. */
const INPUT_TOKENS = 153_600;
const TURNS_PER_ROUND = 5;
const TOKENS_PER_SECOND = 1_000;
const CELL = 'first-turn-461k-rtt20';
/** Two round trips against the seven of a 64 KiB window, with room for what the turn itself takes. */
const RATIO_MAX = 0.5;
const MIB = 1024 * 1024;

export const windowBench: Bench = async (options, say) => {
  if (options.only !== undefined && !CELL.startsWith(options.only)) return { cells: [], goals: [], skipped: [] };
  const file = (...path: string[]): string => join(import.meta.dirname, ...path);
  const rig = <Calls extends object>(path: string): RigProcess<Calls> =>
    new RigProcess<Calls>({ file: path, core: Core.rig });
  const wires = [0, 1].map(() => rig<DelayRelayCalls>(file('..', 'rig', 'delay-relay-process.ts')));
  const client = rig<WindowClientCalls>(file('client-process.ts'));
  const bare = new RigProcess<BareEmitterCalls>({
    file: file('..', 'referents', 'bare-emitter.ts'),
    core: Core.system,
  });
  return await disposing([client, bare, ...wires], async () => {
    const platform = await startPlatform({ tokensPerSecond: TOKENS_PER_SECOND, engineCore: Core.rig });
    return await disposing([platform], async () => {
      const behind = await bare.call('start', { tokensPerSecond: TOKENS_PER_SECOND, windowMs: 1, tokensMax: 600_000 });
      const [near, far] = wires as [RigProcess<DelayRelayCalls>, RigProcess<DelayRelayCalls>];
      const ours = await near.call('start', { address: platform.address, rttMs: RTT_MS });
      const theirs = await far.call('start', { address: behind, rttMs: RTT_MS });
      const turn = { turns: TURNS_PER_ROUND, idleMs: IDLE_MS, inputTokens: INPUT_TOKENS };
      const rounds: { ours: WindowReport; bare: WindowReport }[] = [];
      // The first of each is cold code.
      await client.call('run', { ...turn, turns: 2, address: ours, apiKey: platform.apiKey });
      await client.call('run', { ...turn, turns: 2, address: theirs, apiKey: 'none' });
      for (let round = 1; round <= options.rounds; round += 1) {
        const each = {
          ours: await client.call('run', { ...turn, address: ours, apiKey: platform.apiKey }),
          bare: await client.call('run', { ...turn, address: theirs, apiKey: 'none' }),
        };
        rounds.push(each);
        say(`round ${round}/${options.rounds} ours ${median(each.ours)} ms, grpc-js ${median(each.bare)} ms`);
      }
      const rssMiB = (await platform.gateway.sample()).rssBytes / MIB;
      return outcome(rounds, rssMiB);
    });
  });
};

const median = ({ startMicros }: WindowReport): number => percentile(startMicros, 0.5) / 1000;

function outcome(rounds: readonly { ours: WindowReport; bare: WindowReport }[], rssMiB: number) {
  const oursMs = rounds.map(({ ours }) => median(ours));
  const bareMs = rounds.map(({ bare }) => median(bare));
  const ratio = ratioSpread(oursMs, bareMs);
  const common = { lost: 0, doubled: 0, rigCpu: 0, rssMiB };
  const cells: Cell[] = [
    cellOf({
      ...common,
      id: CELL,
      sut: 'ours',
      referent: 'grpcjs-default-window',
      ratio,
      figures: {
        startMs: spread(oursMs),
        rttMs: RTT_MS,
        requestBytes: rounds[0]?.ours.requestBytes ?? 0,
        turns: rounds.length * TURNS_PER_ROUND,
      },
      notes: ['send of StartTurn to TurnStarted, on a fresh connection after a pause; medians of rounds'],
    }),
    cellOf({
      ...common,
      id: `${CELL}-default`,
      sut: 'grpcjs-default-window',
      figures: { startMs: spread(bareMs), rttMs: RTT_MS },
      notes: ['a grpc-js server with its default 64 KiB receive window that starts the turn at once'],
    }),
  ];
  const limit = `send of a 461 KB turn to its start, ÷ grpc-js server as it comes ≤ ${RATIO_MAX}`;
  return {
    cells,
    goals: [costAtMost({ id: 'R0 window ratio', limit, target: RATIO_MAX, measured: ratio.median }, true)],
    skipped: [],
  };
}
