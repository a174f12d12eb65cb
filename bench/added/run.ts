/**
 * Bench `added`: what the gateway adds over reading the engine's link directly, in the same run and from the same client:
 * to the newest token of streams at one token a millisecond, and to the first token of a turn (PERFORMANCE G3).
 */
import { join } from 'node:path';
import type { BenchOptions } from '../command-line.ts';
import { runOurs, type DoorBlock, type DoorLoad } from '../door/block.ts';
import type { DoorTransport } from '../rig/door-client-process.ts';
import { startFrontPlatform } from '../rig/front-platform.ts';
import { Core, RigProcess } from '../rig/rig-process.ts';
import { disposing, type Bench } from '../run.ts';
import { addedCells, addedGoals, lineOf, type AddedRounds, type Ways } from './figures.ts';
import type { TurnsCalls } from './turns-process.ts';

const CELL = '8x1000';
const STREAMS = 8;
const TOKENS_PER_SECOND = 1_000;
const WARM_SECONDS = 2;
const WARM_SECONDS_SHORT = 1;
const TURNS = 300;
const TURNS_SHORT = 50;
const WARM_TURNS = 50;
const TRANSPORTS = ['link', 'sse', 'websocket'] as const satisfies readonly DoorTransport[];

export const addedBench: Bench = async (options, say) => {
  if (options.only !== undefined && !CELL.startsWith(options.only)) return { cells: [], goals: [], skipped: [] };
  const streams: Ways<DoorBlock[]> = { link: [], sse: [], websocket: [] };
  const turns: Ways<number[][]> = { link: [], sse: [], websocket: [] };
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const transport of round % 2 === 1 ? TRANSPORTS : TRANSPORTS.toReversed()) {
      const block = await runOurs(loadOf(transport, options), true);
      streams[transport].push(block);
      say(`round ${round}/${options.rounds} ${CELL}-${transport}: ${lineOf(block)}`);
    }
  }
  await firstTokens(options, turns);
  const rounds: AddedRounds = { id: CELL, streams, turns };
  return { cells: addedCells(rounds), goals: addedGoals(rounds), skipped: [] };
};

function loadOf(transport: DoorTransport, { short, seconds }: BenchOptions): DoorLoad {
  const warmSeconds = short ? WARM_SECONDS_SHORT : WARM_SECONDS;
  return { transport, streams: STREAMS, tokensPerSecond: TOKENS_PER_SECOND, warmSeconds, seconds };
}

/** All ways into one platform, in turn, without what the engine itself took to each first row. */
async function firstTokens({ rounds, short }: BenchOptions, turns: Ways<number[][]>): Promise<void> {
  const platform = await startFrontPlatform({ tokensPerSecond: TOKENS_PER_SECOND });
  const client = new RigProcess<TurnsCalls>({ file: join(import.meta.dirname, 'turns-process.ts'), core: Core.rig });
  await disposing([client, platform], async () => {
    const { front, engine, engineAddress, apiKey } = platform;
    const run = async (transport: DoorTransport, count: number): Promise<number[]> => {
      await engine.call('record');
      const address = transport === 'link' ? engineAddress : front;
      const micros = await client.call('run', { transport, address, apiKey, turns: count });
      const { firstRowMicros } = await engine.call('stamps');
      if (firstRowMicros.length !== count) throw new Error(`${transport}: the engine saw other turns`);
      return micros.map((each, turn) => each - (firstRowMicros[turn] as number));
    };
    for (const transport of TRANSPORTS) await run(transport, WARM_TURNS);
    for (let round = 1; round <= rounds; round += 1) {
      for (const transport of TRANSPORTS) turns[transport].push(await run(transport, short ? TURNS_SHORT : TURNS));
    }
  });
}
