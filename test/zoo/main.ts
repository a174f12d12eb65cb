/**
 * The bug zoo: `node test/zoo/main.ts [--only NAME,NAME] [--list] [--json FILE] [--verbose]`. Plants each bug when its
 * module is loaded and expects the test that owns it to fail for it. Exits 1 when a bug lives, a patch is stale, or a
 * test fails without a bug.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFlags, refuse } from '../kit/command-line.ts';
import { plant, type Bug } from './bug.ts';
import { bugs } from './bugs.ts';
import { commandOf, runClean, runPlanted, type Ran } from './trials.ts';

const LANES_MAX = 4;
const OUTPUT_LINES = 40;
const WIDTHS = [40, 17, 12, 5];

const HELP = `Usage: npm run test:zoo -- [--only NAME,…] [--verbose] [--json FILE]

Plants each bug when its module is loaded, and expects the test that owns it to fail for it. Exits 1 when a bug
lives, a patch is stale, or a test fails without a bug; 2 for a flag that is not understood.

  --only NAME,…  these bugs
  --list         what there is: name, owner, and the test that catches it
  --verbose      the output of every trial, also of those that caught their bug
  --json FILE    writes the result as JSON
  --help

Examples:
  npm run test:zoo -- --list
  npm run test:zoo -- --only ${bugs[0]?.name ?? ''} --verbose
`;

const values = readFlags({
  help: HELP,
  options: {
    only: { type: 'string' },
    list: { type: 'boolean', default: false },
    json: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

/**
 * `caught`: the test failed for the bug. `survived`: it passed. `other-reason`: it failed without what the bug wants
 * to be seen. `not-loaded`: nothing loaded the module. `stale`: the text is not there once. `broken-test`: the test
 * fails without the bug too.
 */
type Outcome = 'caught' | 'survived' | 'other-reason' | 'not-loaded' | 'stale' | 'broken-test';
type Verdict = { readonly bug: Bug; readonly outcome: Outcome; readonly seconds: number; readonly detail: string };

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const wanted = values.list ? [] : chosen();
const folder = mkdtempSync(join(tmpdir(), 'reticle-zoo-'));

try {
  if (values.list) for (const { name, ownedBy, caughtBy } of bugs) say(`${name}  ${ownedBy}  ${commandOf(caughtBy)}`);
  else await visit(wanted);
} finally {
  rmSync(folder, { recursive: true });
}

function chosen(): readonly Bug[] {
  const names = values.only?.split(',').filter((name) => name !== '') ?? bugs.map(({ name }) => name);
  return names.map((name) => {
    const bug = bugs.find((each) => each.name === name);
    return bug ?? refuse(`no bug is called ${name}`);
  });
}

async function visit(all: readonly Bug[]): Promise<void> {
  const startedMs = Date.now();
  const commands = Map.groupBy(
    all.map(({ caughtBy }) => caughtBy),
    commandOf,
  );
  const cleanRuns = new Map<string, Ran>();
  await inLanes([...commands], async ([command, trials]) => void cleanRuns.set(command, await runClean(trials)));
  const verdicts = new Map<Bug, Verdict>();
  await inLanes(all, async (bug) => {
    const verdict = await judge(bug, cleanRuns.get(commandOf(bug.caughtBy)));
    verdicts.set(bug, verdict);
    process.stderr.write(`${verdicts.size} of ${all.length}: ${bug.name}: ${verdict.outcome}\n`);
  });
  const told = all.flatMap((bug) => verdicts.get(bug) ?? []);
  report(told, cleanRuns, (Date.now() - startedMs) / 1_000);
}

async function judge(bug: Bug, clean: Ran | undefined): Promise<Verdict> {
  const stale = staleness(bug);
  if (stale !== undefined) return { bug, outcome: 'stale', seconds: 0, detail: stale };
  if (clean?.passed !== true) return { bug, outcome: 'broken-test', seconds: 0, detail: clean?.output ?? '' };
  const ran = await runPlanted(bug, join(folder, bug.name));
  return { bug, outcome: outcomeOf(bug, ran), seconds: ran.seconds, detail: ran.output };
}

function staleness(bug: Bug): string | undefined {
  try {
    plant(bug, readFileSync(join(import.meta.dirname, '../..', bug.file), 'utf8'));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function outcomeOf({ wants }: Bug, { loaded, output, passed }: Ran): Outcome {
  if (!loaded) return 'not-loaded';
  if (passed) return 'survived';
  return output.includes(wants) ? 'caught' : 'other-reason';
}

async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(LANES_MAX, availableParallelism()) }, lane));
}

function report(verdicts: readonly Verdict[], cleanRuns: ReadonlyMap<string, Ran>, seconds: number): void {
  const missed = verdicts.filter(({ outcome }) => outcome !== 'caught');
  const row = (cells: readonly string[]): string => cells.map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0)).join('  ');
  say(row(['bug', 'owned by', 'outcome', 's', 'caught by']));
  for (const { bug, outcome, seconds: took } of verdicts) {
    say(row([bug.name, bug.ownedBy, outcome, took.toFixed(1), commandOf(bug.caughtBy)]));
  }
  for (const { bug, outcome, detail } of values.verbose ? verdicts : missed) {
    say(`\n--- ${bug.name}: ${outcome}\n${detail.split('\n').slice(0, OUTPUT_LINES).join('\n')}`);
  }
  const broken = [...cleanRuns].filter(([, { passed }]) => !passed).map(([command]) => command);
  say(`\n${verdicts.length} bugs, ${verdicts.length - missed.length} caught in ${Math.round(seconds)} s`);
  if (values.json !== undefined) {
    const results = verdicts.map(({ bug, outcome, seconds: took }) => {
      const { name, ownedBy, caughtBy } = bug;
      return { name, ownedBy, caughtBy: commandOf(caughtBy), outcome, seconds: took };
    });
    const summary = { bugs: verdicts.length, caught: verdicts.length - missed.length, seconds, broken, results };
    writeFileSync(values.json, `${JSON.stringify(summary)}\n`);
  }
  if (missed.length > 0 || broken.length > 0) process.exitCode = 1;
}
