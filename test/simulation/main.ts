/**
 * The seeded simulation: `node test/simulation/main.ts --seeds 200 --from 1 [--jobs 2] [--json FILE]`, or one seed
 * with `--seed N [--trace] [--faults kind,kind]`. Exits 1 when a seed broke a rule.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { countOf, readFlags, refuse } from '../kit/command-line.ts';
import { faultKinds, type FaultKind } from './faults.ts';
import { forbidRealEffects } from './guard.ts';
import { runSeed, type SeedResult } from './run-seed.ts';
import { addTo, emptySummary, summaryLine, type Summary } from './summary.ts';

/** One seed in so many runs twice, and the traces must be one. */
const SAMPLE_EVERY = 10;
/** Real time after which a seed is taken for one that never ends. */
const SEED_BOUND_MS = 120_000;
const PROGRESS_MS = 2_000;

/** What a worker says of a seed. */
type Told = { readonly result: SeedResult; readonly checked: boolean };

const HELP = `Usage: npm run sim -- [--seeds N] [--from N] [--jobs N] [--faults KIND,…] [--json FILE]
       npm run sim -- --seed N [--trace] [--faults KIND,…]

Gateways, engines, the bus and clients on one virtual clock, under seeded faults; every rule is checked.
Exits 1 when a seed broke a rule, 2 for a flag that is not understood.

  --seeds N      how many seeds (200)
  --from N       the first of them (1)
  --jobs N       processes that share them (2)
  --seed N       this one alone; prints its result
  --trace        with --seed: every event as it happens
  --faults K,K   these kinds of faults and no other:${wrapped(faultKinds)}
  --json FILE    writes the summary as JSON
  --help

Examples:
  npm run sim -- --seeds 200
  npm run sim -- --seeds 1000 --from 1001 --jobs 1
  npm run sim -- --seed 17 --trace
  npm run sim -- --seed 1 --faults gateway-crash,engine-crash
`;

const values = readFlags({
  help: HELP,
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    seed: { type: 'string' },
    faults: { type: 'string' },
    json: { type: 'string' },
    trace: { type: 'boolean', default: false },
    worker: { type: 'boolean', default: false },
  },
});

const only = onlyFaults();
if (values.worker) work();
else if (values.seed === undefined) await runMany();
else await runOne(countOf(values.seed, 'seed', 0));

/** Names in lines that fit under their flag. */
function wrapped(names: readonly string[]): string {
  let text = '';
  let column = Infinity;
  for (const name of names) {
    if (column + name.length > 110) column = 16;
    text += column === 16 ? `\n${' '.repeat(17)}${name}` : ` ${name}`;
    column += name.length + 1;
  }
  return text;
}

/** Faults that were asked for by name; undefined: what the seed draws. */
function onlyFaults(): FaultKind[] | undefined {
  if (values.faults === undefined) return undefined;
  const asked = values.faults.split(',').filter((kind) => kind !== '');
  const unknown = asked.filter((kind) => !faultKinds.some((known) => known === kind));
  if (unknown.length > 0) refuse(`no fault is called ${unknown.join(' ')}`);
  return asked as FaultKind[];
}

async function runOne(seed: number): Promise<void> {
  forbidRealEffects();
  const trace = values.trace ? { trace: (line: string) => void process.stdout.write(`${line}\n`) } : {};
  const result = await runSeed(seed, { ...trace, ...(only === undefined ? {} : { only }) });
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  if (result.violations.length > 0) process.exitCode = 1;
}

/** Runs the seeds that the parent names, one after the other. */
function work(): void {
  forbidRealEffects();
  const run = async (seed: number): Promise<void> => {
    const options = only === undefined ? {} : { only };
    let result = await runSeed(seed, options);
    const checked = seed % SAMPLE_EVERY === 0;
    if (checked && result.violations.length === 0) {
      const again = await runSeed(seed, options);
      if (again.hash !== result.hash) result = { ...result, violations: [twoTraces(result, again)] };
    }
    process.send?.({ result, checked } satisfies Told);
  };
  process.on('message', (seed: number) => void run(seed));
}

function twoTraces(first: SeedResult, again: SeedResult): SeedResult['violations'][number] {
  const text = `two runs differ: ${first.hash} after ${first.events} events, ${again.hash} after ${again.events}`;
  return { atMs: 0, rule: 'determinism', text };
}

async function runMany(): Promise<void> {
  const summary = emptySummary();
  const from = countOf(values.from, 'from', 0);
  const jobs = countOf(values.jobs, 'jobs');
  const last = from + countOf(values.seeds, 'seeds') - 1;
  const startedMs = Date.now();
  let next = from;
  const progress = setInterval(() => {
    const seconds = Math.round((Date.now() - startedMs) / 1_000);
    process.stderr.write(
      `${seconds} s: ${summary.seeds} of ${last - from + 1} seeds, ${summary.failed.length} failed\n`,
    );
  }, PROGRESS_MS);
  const lane = async (): Promise<void> => {
    for (let worker = startWorker(); next <= last;) {
      const seed = next++;
      const told = await worker.run(seed);
      tell(summary, seed, told);
      if (typeof told === 'string') worker = startWorker();
      else if (next > last) worker.stop();
    }
  };
  await Promise.all(Array.from({ length: jobs }, lane));
  clearInterval(progress);
  process.stdout.write(`${summaryLine(summary, Date.now() - startedMs)}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(summary)}\n`);
  process.exit(summary.failed.length > 0 ? 1 : 0);
}

function tell(summary: Summary, seed: number, told: Told | string): void {
  if (typeof told === 'string') {
    summary.seeds += 1;
    summary.failed.push(seed);
    report(seed, told);
    return;
  }
  addTo(summary, told.result, told.checked);
  for (const { atMs, rule, text } of told.result.violations.slice(0, 2)) {
    report(seed, `at ${Math.round(atMs)} ms, ${rule}: ${text}`);
  }
}

function report(seed: number, text: string): void {
  const faults = values.faults === undefined ? '' : ` --faults ${values.faults}`;
  process.stdout.write(`seed ${seed} failed ${text}\n  node test/simulation/main.ts --seed ${seed}${faults} --trace\n`);
}

type Worker = { readonly run: (seed: number) => Promise<Told | string>; readonly stop: () => void };

/** A process that runs seeds. One that dies or hangs is the seed's failure. */
function startWorker(): Worker {
  const faults = values.faults === undefined ? [] : ['--faults', values.faults];
  const child: ChildProcess = fork(import.meta.filename, ['--worker', ...faults], { stdio: 'inherit' });
  const run = (seed: number): Promise<Told | string> =>
    new Promise((resolve) => {
      const finish = (outcome: Told | string): void => {
        clearTimeout(bound);
        child.removeAllListeners();
        resolve(outcome);
      };
      const bound = setTimeout(() => {
        child.kill('SIGKILL');
        finish(`did not end within ${SEED_BOUND_MS} ms of real time`);
      }, SEED_BOUND_MS);
      child.on('message', (message) => finish(message as Told));
      child.on('exit', (code, signal) => finish(`ended the process: ${signal ?? code}`));
      child.send(seed);
    });
  return { run, stop: () => child.disconnect() };
}
