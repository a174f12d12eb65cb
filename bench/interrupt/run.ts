/**
 * Bench `interrupt`: one session at 1,000 tok/s on an otherwise idle platform, cut in band at random moments. What
 * the engine generated after the client's send is counted on the engine's own step clock (PERFORMANCE G6). A bare
 * grpc-js chain of as many processes is cut by the same client in interleaved rounds. `variants.ts` and `elsewhere.ts` have the rest.
 */
import { join } from 'node:path';
import type { BenchOptions } from '../command-line.ts';
import { startBareChain } from '../referents/bare-chain.ts';
import { startPlatform } from '../rig/platform.ts';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { isValid, type Cell } from '../result.ts';
import { cellOf, disposing, largest, type Bench } from '../run.ts';
import type { CutRecord, CutterCalls, CutterOrder } from './client-process.ts';
import { cutFromElsewhere } from './elsewhere.ts';
import { figuresOf, goalsOf, ratiosOf } from './figures.ts';
import { cutVariants } from './variants.ts';

const TOKENS_PER_SECOND = 1_000;
/** Of one chain in a run, divided over its rounds. */
const CUTS = 1_200;
const CUTS_SHORT = 120;
const CUTS_FOR_CLAIM = 1_000;
const WARM_CUTS = 200;
const MIB = 1024 * 1024;
const clientFile = join(import.meta.dirname, 'client-process.ts');

const CELL = 'in-band-1x1000-idle';
const BARE_CELL = `${CELL}-bare`;
const REFERENT = 'bare-chain';

const NOTES = [
  'generatedAfterSend = generated_offset − tokens due at the send; wastedTokens = the receipt’s, keeping what had come',
  'the rig’s CPU is the client’s wait for the moment of a cut, and binds nothing',
];

export const interruptBench: Bench = async (options, say) => {
  const idle = await cutIdle(options, say);
  const others = await cutVariants(options, say);
  const elsewhere = await cutFromElsewhere(options, say);
  return {
    cells: [...idle.cells, ...others.cells, ...elsewhere.cells],
    goals: [...idle.goals, ...others.goals, ...elsewhere.goals],
    skipped: elsewhere.skipped,
  };
};

async function cutIdle(options: BenchOptions, say: (text: string) => void) {
  // The referent alone has no goal: a run is both cells or none.
  if (options.only !== undefined && !CELL.startsWith(options.only)) return { cells: [], goals: [] };
  const { ours, bare } = await cutBoth(options, say);
  const cells = cellsOf(ours, bare);
  // A claim needs its number of cuts; a short run is none.
  const wanted = options.short ? CUTS_SHORT : CUTS_FOR_CLAIM;
  const decidable = isValid(cells) && Math.min(ours.cuts.length, bare.cuts.length) >= wanted;
  return { cells, goals: goalsOf(ours.cuts, bare.cuts, decidable) };
}

/** A system under test, and what its rounds showed. */
type Chain = {
  readonly sut: string;
  readonly target: Pick<CutterOrder, 'address' | 'apiKey' | 'clockOffsetMicros'>;
  /** Its process that the client talks to. */
  readonly front: RigProcess<object>;
  readonly cuts: CutRecord[];
  lost: number;
  doubled: number;
  rigCpu: number;
  rssMiB: number;
};

async function cutBoth(options: BenchOptions, say: (text: string) => void) {
  const client = new RigProcess<CutterCalls>({ file: clientFile, core: Core.rig });
  return await disposing([client], async () => {
    // Engine and gateway share the system's core, as emitter and relay do: a client that waits for a moment is busy.
    const platform = await startPlatform({ tokensPerSecond: TOKENS_PER_SECOND, engineCore: Core.system });
    return await disposing([platform], async () => {
      const referent = await startBareChain(TOKENS_PER_SECOND);
      return await disposing([referent], async () => {
        const ours = chainOf('ours', platform, platform.gateway);
        const bare = chainOf(REFERENT, { ...referent, apiKey: 'none' }, referent.relay);
        await cutInRounds({ chains: [ours, bare], client, options, say });
        return { ours, bare };
      });
    });
  });
}

function chainOf(sut: string, target: Chain['target'], front: RigProcess<object>): Chain {
  // A call to the client is cloned, so only what it needs.
  const { address, apiKey, clockOffsetMicros } = target;
  const none = { lost: 0, doubled: 0, rigCpu: 0, rssMiB: 0 };
  return { sut, target: { address, apiKey, clockOffsetMicros }, front, cuts: [], ...none };
}

type Cutting = {
  readonly chains: readonly Chain[];
  readonly client: RigProcess<CutterCalls>;
  readonly options: BenchOptions;
  readonly say: (text: string) => void;
};

/** One client process cuts all chains, so that its own state is the same for each. */
async function cutInRounds({ chains, client, options, say }: Cutting): Promise<void> {
  const { short, seconds, rounds } = options;
  const pace = { tokensPerSecond: TOKENS_PER_SECOND, secondsMax: seconds, sessions: 1, pausedMs: 0 };
  for (const { target } of chains) await client.call('run', { ...target, ...pace, cuts: WARM_CUTS });
  const cuts = Math.ceil((short ? CUTS_SHORT : CUTS) / rounds);
  for (let round = 1; round <= rounds; round += 1) {
    for (const chain of chains) {
      const before = await client.sample();
      const report = await client.call('run', { ...chain.target, ...pace, cuts });
      chain.rigCpu = Math.max(chain.rigCpu, cpuBetween(before, await client.sample()).core);
      chain.cuts.push(...report.cuts);
      chain.lost += report.lost;
      chain.doubled += report.doubled;
      chain.rssMiB = largest([chain.rssMiB, (await chain.front.sample()).rssBytes / MIB]);
      say(`round ${round}/${rounds} ${chain.sut}: ${report.cuts.length} cuts, ${report.tokens} tokens`);
    }
  }
}

function cellsOf(ours: Chain, bare: Chain): Cell[] {
  const common = ({ sut, lost, doubled, rigCpu, rssMiB }: Chain) => ({ sut, lost, doubled, rigCpu, rssMiB });
  const cells = [
    cellOf({
      ...common(ours),
      id: CELL,
      referent: REFERENT,
      figures: { ...figuresOf(ours.cuts), ...ratiosOf(ours.cuts, bare.cuts) },
      notes: NOTES,
    }),
    cellOf({
      ...common(bare),
      id: BARE_CELL,
      figures: figuresOf(bare.cuts),
      notes: [
        'client → relay → emitter on grpc-js and proto-loader, a frame per token, on the simulator’s schedule and wakes',
        'our gateway and engine stay up and idle beside it, and it beside them',
      ],
    }),
  ];
  return cells.map((cell) => ({ ...cell, rigBound: false }));
}
