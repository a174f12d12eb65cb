/**
 * `node test/fuzz/main.ts [--seconds N] [--target NAME] [--seed N] [--json FILE] [--keep]`: one process per target,
 * each for N seconds. `--keep` writes the inputs that reach everything reached so far to `corpus/`. A finding is saved
 * in `.cache/fuzz` and told with the command that runs it alone: `--target NAME --input FILE`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { systemEnv } from '@reticle/core/process';
import { countOf, readFlags, refuse } from '../kit/command-line.ts';
import { loadTarget, SELF_CHECK, TARGETS } from './corpus.ts';
import { problemOf } from './fuzz.ts';
import type { SearchReport } from './search-report.ts';

const HELP = `Usage: npm run test:fuzz -- [--seconds N] [--target NAME] [--seed N] [--keep] [--json FILE]
       npm run test:fuzz -- --target NAME --input FILE

Looks for bytes that break a decoder, guided by what they reach. Exits 1 for a finding, 2 for a flag that is not
understood.

  --seconds N    for each target (10)
  --target NAME  one of ${TARGETS.join(', ')}
  --seed N       another run (1)
  --keep         writes the inputs that reach everything reached so far to corpus/
  --input FILE   runs a saved input alone
  --json FILE    writes the reports as JSON
  --help

Examples:
  npm run test:fuzz
  npm run test:fuzz -- --target ${TARGETS[0] ?? ''} --seconds 60 --keep
`;

const values = readFlags({
  help: HELP,
  options: {
    seconds: { type: 'string', default: '10' },
    target: { type: 'string' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    keep: { type: 'boolean', default: false },
    input: { type: 'string' },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Forks the search; its report, or an error that names what became of it. */
async function searched(name: string): Promise<SearchReport> {
  const args = [name, String(countOf(values.seconds, 'seconds')), values.seed, values.keep ? 'keep' : 'forget'];
  const child = systemEnv().spawn.fork(join(import.meta.dirname, 'search.ts'), args);
  let report: SearchReport | undefined;
  child.onMessage((message) => (report = message as SearchReport));
  const { code, signal } = await child.exited;
  if (report === undefined) throw new Error(`${name}: the process ended with ${signal ?? code}, without a report`);
  return report;
}

function tell({ target, runs, features, corpus, findings }: SearchReport): number {
  if (target === SELF_CHECK) {
    const found = findings.length === 1;
    say(`self-check: planted bug ${found ? 'found' : 'NOT FOUND'} in ${runs} runs`);
    return found ? 0 : 1;
  }
  say(`${target.padEnd(14)} ${runs} runs, ${features} features, ${corpus} inputs, ${findings.length} findings`);
  for (const { problem, detail, file } of findings) {
    say(`  FINDING ${problem}: ${detail.split('\n')[0]}`);
    say(`    again: node test/fuzz/main.ts --target ${target} --input ${relative(process.cwd(), file)}`);
  }
  return findings.length;
}

async function all(): Promise<number> {
  const reports: SearchReport[] = [];
  let bad = 0;
  for (const name of values.target === undefined ? [SELF_CHECK, ...TARGETS] : [values.target]) {
    const report = await searched(name);
    reports.push(report);
    bad += tell(report);
  }
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(reports, null, 2)}\n`);
  return bad === 0 ? 0 : 1;
}

async function one(name: string, file: string): Promise<number> {
  const input = await readFile(file).catch(() => refuse(`there is no input ${file}`));
  const problem = problemOf(await loadTarget(name), input);
  say(problem === undefined ? 'nothing is wrong with it' : `${problem.problem}\n${problem.detail}`);
  return problem === undefined ? 0 : 1;
}

const { target } = values;
const named = target === undefined || target === SELF_CHECK || TARGETS.some((each) => each === target);
if (!named) refuse(`no target is called ${target}`);
if (values.input !== undefined && target === undefined) refuse('--input takes a --target beside it');
countOf(values.seed, 'seed', 0);
process.exitCode = values.input === undefined ? await all() : await one(values.target ?? '', values.input);
