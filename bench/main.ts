/** `npm run bench`: runs one bench, prints its goals, and writes its result and the page of all results. */
import { addedBench } from './added/run.ts';
import { parseCommand, type BenchOptions } from './command-line.ts';
import { contextBench } from './context/run.ts';
import { doorBench } from './door/run.ts';
import { commitOf, HostProbe, sourcesDigest } from './host-record.ts';
import { initBench } from './init/run.ts';
import { interruptBench } from './interrupt/run.ts';
import { linkBench } from './link/run.ts';
import { placementBench } from './placement/run.ts';
import { planeBench } from './plane/run.ts';
import { preparedBench } from './prepared/run.ts';
import { decided, isValid, type BenchName, type Result } from './result.ts';
import { Core, tasksetPath } from './rig/rig-process.ts';
import type { Bench } from './run.ts';
import { windowBench } from './window/run.ts';
import { writeResult } from './write-result.ts';

const byName: Readonly<Record<BenchName, Bench>> = {
  link: linkBench,
  plane: planeBench,
  init: initBench,
  interrupt: interruptBench,
  window: windowBench,
  door: doorBench,
  added: addedBench,
  context: contextBench,
  prepared: preparedBench,
  placement: placementBench,
};
const PROFILE = 'bench-flat';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function resultOf(bench: BenchName, options: BenchOptions): Promise<Result> {
  const probe = new HostProbe();
  const sources = sourcesDigest();
  const { cells, goals: looked, skipped } = await byName[bench](options, say);
  const host = probe.record();
  const valid = isValid(cells);
  const goals = decided(looked, { valid, spinNoise: host.spinNoise });
  const [goal] = goals;
  if (goal === undefined) throw new RangeError(`no cell of ${bench} begins with ${options.only ?? ''}`);
  const at = new Date().toISOString();
  const pinned = tasksetPath !== undefined;
  return {
    bench,
    commit: commitOf(),
    sources,
    cmd: options.cmd,
    date: at.slice(0, 10),
    at,
    short: options.short,
    valid,
    host,
    rig: 'ts',
    pin: pinned ? { gen: [Core.rig], sut: [Core.system] } : { gen: [], sut: [] },
    rounds: options.rounds,
    profile: PROFILE,
    cells,
    skipped: pinned
      ? skipped
      : [
          ...skipped,
          { peer: 'taskset', reason: 'not on PATH: nothing is pinned', install: 'apt-get install util-linux' },
        ],
    goal,
    goals,
  };
}

function verdict(met: boolean | null): string {
  if (met === null) return 'undecided';
  return met ? 'met' : 'MISSED';
}

async function main(): Promise<number> {
  const command = parseCommand(process.argv.slice(2));
  if (command.kind === 'help') {
    process.stdout.write(command.text);
    return 0;
  }
  if (command.kind === 'usage') {
    process.stderr.write(command.text);
    return 2;
  }
  const result = await resultOf(command.bench, command.options);
  for (const { id, limit, measured, met } of result.goals) {
    process.stdout.write(`${verdict(met).padEnd(9)} ${id}: ${measured?.toPrecision(3) ?? 'not measured'} (${limit})\n`);
  }
  process.stdout.write(
    `load ${result.host.load.join(' → ')}, spin noise ${result.host.spinNoise} (costs are void above 0.2)\n`,
  );
  if (!result.valid) process.stdout.write('VOID: tokens were lost, doubled, altered or reordered\n');
  for (const path of writeResult(result)) process.stdout.write(`bench/${path}\n`);
  return result.valid ? 0 : 1;
}

process.exitCode = await main();
