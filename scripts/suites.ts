/**
 * The suites beside jest: each is a program of its own that writes what it came to as JSON. `npm test` runs them at
 * their everyday size, `npm run test:release` at the size that a release needs (PROMISES §4).
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot, toolEnvironment } from './run-tool.ts';

export type SuiteSize = 'everyday' | 'release';
export type SuiteOutcome = {
  readonly name: string;
  /** How many of what were checked, in words. */
  readonly text: string;
  readonly passed: number;
  readonly failed: number;
};

type Counts = Omit<SuiteOutcome, 'name'>;
type Suite = {
  readonly name: string;
  readonly file: string;
  readonly args: Readonly<Record<SuiteSize, readonly string[]>>;
  readonly read: (json: unknown) => Counts;
};

type Simulation = { seeds: number; failed: number[]; events: number; turns: number; hashChecked: number };
type Faults = { faulted: number; failed: number; untouched: number; untouchedFailed: number; scenarios: unknown[] };
type Zoo = { bugs: number; caught: number };
type Fuzz = { target: string; runs: number; findings: unknown[] }[];

export const suites: readonly Suite[] = [
  {
    name: 'simulation',
    file: 'test/simulation/main.ts',
    args: { everyday: ['--seeds', '200'], release: ['--seeds', '2000'] },
    read: (json) => {
      const { seeds, failed, turns, hashChecked } = json as Simulation;
      const text = `${seeds} seeds, ${failed.length} failed; ${turns} turns, ${hashChecked} traces equal in two runs`;
      return { text, passed: seeds - failed.length, failed: failed.length };
    },
  },
  {
    name: 'faults',
    file: 'test/faults/main.ts',
    args: { everyday: ['--count', '300'], release: ['--count', '3000', '--every', '--strict-bounds'] },
    read: (json) => {
      const { faulted, failed, untouched, untouchedFailed, scenarios } = json as Faults;
      const text = `${faulted} faulted streams in ${scenarios.length} scenarios, ${failed} failed; ${untouched} others, ${untouchedFailed} failed`;
      return { text, passed: faulted - failed, failed: failed + untouchedFailed };
    },
  },
  {
    name: 'zoo',
    file: 'test/zoo/main.ts',
    args: { everyday: [], release: [] },
    read: (json) => {
      const { bugs, caught } = json as Zoo;
      return { text: `${bugs} planted bugs, ${caught} caught`, passed: caught, failed: bugs - caught };
    },
  },
  {
    name: 'fuzz',
    file: 'test/fuzz/main.ts',
    args: { everyday: ['--seconds', '6'], release: ['--seconds', '60'] },
    read: (json) => {
      const targets = (json as Fuzz).filter(({ target }) => target !== 'self-check');
      const runs = targets.reduce((sum, each) => sum + each.runs, 0);
      const findings = targets.reduce((sum, each) => sum + each.findings.length, 0);
      return {
        text: `${targets.length} targets, ${runs} runs, ${findings} findings`,
        passed: targets.length,
        failed: findings,
      };
    },
  },
];

/** Runs one suite; what it says goes to standard error. One that leaves no result, or fails otherwise, counts as one failure. */
export async function runSuite(suite: Suite, size: SuiteSize, folder: string): Promise<SuiteOutcome> {
  const { name, file, args, read } = suite;
  const resultFile = join(folder, `${name}.json`);
  const started = process.hrtime.bigint();
  process.stderr.write(`test: ${name}\n`);
  const child = spawn(process.execPath, [join(repositoryRoot, file), ...args[size], '--json', resultFile], {
    cwd: repositoryRoot,
    stdio: ['ignore', 2, 2],
    env: toolEnvironment(),
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', forward);
  process.on('SIGTERM', forward);
  const code = await new Promise<number>((resolve) => child.once('exit', (status) => resolve(status ?? 1)));
  process.off('SIGINT', forward);
  process.off('SIGTERM', forward);
  const seconds = Math.round(Number(process.hrtime.bigint() - started) / 1e9);
  try {
    const counts = read(JSON.parse(readFileSync(resultFile, 'utf8')));
    const failed = counts.failed === 0 && code !== 0 ? 1 : counts.failed;
    return { ...counts, name, failed, text: `${counts.text} (${seconds} s${code === 0 ? '' : `, exit ${code}`})` };
  } catch {
    return { name, passed: 0, failed: 1, text: `left no result (exit ${code})` };
  }
}
