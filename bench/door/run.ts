/**
 * Bench `door`: response streams at one token a millisecond through one gateway process, everything on, beside nginx and a
 * naive relay on `node:http`, which carry the same events (PERFORMANCE G1a, G1c, H9).
 */
import type { BenchOptions } from '../command-line.ts';
import { findNginx, NGINX_INSTALL } from '../referents/nginx.ts';
import { type Cell, type Goal } from '../result.ts';
import type { Bench } from '../run.ts';
import { runOurs, runReferent, type DoorBlock, type DoorLoad } from './block.ts';
import { cellsOf, goalsOf, lineOf, type DoorRounds, type DoorVariant } from './figures.ts';

const TOKENS_PER_SECOND = 1_000;
const WARM_SECONDS = 2;
const WARM_SECONDS_SHORT = 1;

type Group = {
  readonly id: string;
  readonly streams: number;
  readonly variants: readonly DoorVariant[];
  /** Left out unless `--only` names it. */
  readonly isExtra?: true;
};

/** Ratios of one group come from one round each; referents that cannot carry 80 streams on a core are left out there. */
const GROUPS: readonly Group[] = [
  { id: '40x1000', streams: 40, variants: ['sse', 'nginx', 'node-http', 'ws', 'sse-untold'] },
  { id: '80x1000', streams: 80, variants: ['sse', 'ws'] },
  { id: '160x1000', streams: 160, variants: ['sse', 'ws'], isExtra: true },
];

export const doorBench: Bench = async (options, say) => {
  const cells: Cell[] = [];
  const goals: Goal[] = [];
  const nginxPath = findNginx();
  for (const group of GROUPS) {
    const isWanted = options.only === undefined ? group.isExtra !== true : group.id.startsWith(options.only);
    if (!isWanted) continue;
    const rounds = await runRounds(group, options, { say, nginxPath });
    cells.push(...cellsOf(group, rounds));
    goals.push(...goalsOf(group, rounds));
  }
  const nginx = { peer: 'nginx', reason: 'neither on PATH nor named by RETICLE_NGINX', install: NGINX_INSTALL };
  return { cells, goals, skipped: nginxPath === undefined ? [nginx] : [] };
};

type Around = { readonly say: (text: string) => void; readonly nginxPath: string | undefined };

async function runRounds(group: Group, options: BenchOptions, { say, nginxPath }: Around): Promise<DoorRounds> {
  const { rounds, seconds, short } = options;
  const warmSeconds = short ? WARM_SECONDS_SHORT : WARM_SECONDS;
  const blocks: Partial<Record<DoorVariant, DoorBlock[]>> = {};
  if (nginxPath === undefined && group.variants.includes('nginx')) say(`nginx is not there: ${NGINX_INSTALL}`);
  const variants = group.variants.filter((variant) => variant !== 'nginx' || nginxPath !== undefined);
  for (let round = 1; round <= rounds; round += 1) {
    // Every other round runs backwards, so that no variant always follows the same one.
    for (const variant of round % 2 === 1 ? variants : variants.toReversed()) {
      const transport = variant === 'ws' ? 'websocket' : 'sse';
      const load = {
        transport,
        streams: group.streams,
        tokensPerSecond: TOKENS_PER_SECOND,
        warmSeconds,
        seconds,
      } as const;
      const block = await runVariant(variant, load, nginxPath);
      (blocks[variant] ??= []).push(block);
      say(`round ${round}/${rounds} ${group.id}-${variant}: ${lineOf(block)}`);
    }
  }
  return blocks;
}

function runVariant(variant: DoorVariant, load: DoorLoad, nginxPath: string | undefined): Promise<DoorBlock> {
  if (variant === 'nginx') return runReferent(load, nginxPath);
  if (variant === 'node-http') return runReferent(load, undefined);
  return runOurs(load, variant !== 'sse-untold');
}
