/**
 * `node test/faults/main.ts [--count N] [--only NAME[,NAME]] [--seed N] [--json FILE] [--sessions N] [--gateways N]
 * [--engines N] [--every] [--no-nats] [--strict-bounds] [--list]`: kills, freezes and cuts real processes under load
 * until N streams were hit, and checks every token of every stream (PROMISES §3.4). Bounds of time that were missed are
 * told; with `--strict-bounds` they fail the run.
 */
import { writeFile } from 'node:fs/promises';
import { environment } from '@reticle/core/process';
import { countOf, readFlags, refuse } from '../kit/command-line.ts';
import { FaultRun, type FaultRunResult } from './fault-run.ts';
import { findNatsServer } from './nats.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import type { WatchedTurn } from './watched-turn.ts';

/** Failed streams of one scenario that are shown with their events. */
const FAILED_SHOWN = 2;

const HELP = `Usage: npm run test:faults -- [--count N] [--only NAME,…] [--seed N] [--sessions N] [--json FILE] …

Kills, freezes and cuts real processes under load until so many streams were hit, and checks every token of
every stream. Exits 1 when a stream broke a promise, 2 for a flag that is not understood.

  --count N        faulted streams (300)
  --only NAME,…    these scenarios; P3 stands for all of its own
  --list           what there is, by promise
  --seed N         another run (1)
  --sessions N     sessions of load (100)
  --gateways N     gateway processes (2)
  --engines N      engine processes (3)
  --every          every scenario at least once
  --no-nats        without a nats-server
  --strict-bounds  bounds of time that were missed fail the run
  --json FILE      writes the result as JSON
  --help

Examples:
  npm run test:faults -- --list
  npm run test:faults -- --only P2.kill --count 300
  npm run test:faults -- --count 3000 --strict-bounds
`;

const values = readFlags({
  help: HELP,
  options: {
    count: { type: 'string', default: '300' },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    sessions: { type: 'string', default: '100' },
    gateways: { type: 'string', default: '2' },
    engines: { type: 'string', default: '3' },
    every: { type: 'boolean', default: false },
    nats: { type: 'boolean', default: true },
    'strict-bounds': { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function chosen(only: string): readonly Scenario[] {
  const wanted = only.split(',').filter((name) => name !== '');
  const found = scenarios.filter(({ name }) => wanted.length === 0 || wanted.some((each) => matches(name, each)));
  if (found.length === 0) refuse(`no scenario is called ${only}`);
  return found;
}

/** `P3` stands for all of its scenarios. */
function matches(name: string, wanted: string): boolean {
  return name === wanted || name.startsWith(`${wanted}.`);
}

function table(result: FaultRunResult): void {
  say(
    `${'scenario'.padEnd(22)} rounds streams failed   stall p50    p99    max   reconnect p50    p99   receipt p50    p99`,
  );
  const shownRows = result.scenarios.filter(({ rounds, voidRounds }) => rounds + voidRounds > 0);
  for (const { scenario, rounds, streams, failed, stallMs, reconnectMs, receiptMs } of shownRows) {
    const cells = [
      scenario.padEnd(22),
      String(rounds).padStart(6),
      String(streams).padStart(7),
      String(failed).padStart(6),
      String(stallMs.p50).padStart(11),
      String(stallMs.p99).padStart(6),
      String(stallMs.max).padStart(6),
      String(reconnectMs.p50).padStart(15),
      String(reconnectMs.p99).padStart(6),
      String(receiptMs.p50).padStart(13),
      String(receiptMs.p99).padStart(6),
    ];
    say(cells.join(' '));
  }
  for (const { scenario, missed, remarks } of result.scenarios) {
    for (const text of missed) say(`MISSED ${scenario}: ${text}`);
    for (const text of remarks) say(`note ${scenario}: ${text}`);
  }
}

function commandFor(scenario: string): string {
  return `node test/faults/main.ts --only ${scenario} --seed ${values.seed} --count ${values.count} --sessions ${values.sessions}`;
}

/** The binary; without one the promises about the bus stay unproven, which is said and, where it must not be, an error. */
async function natsServer(): Promise<string | undefined> {
  if (!values.nats) return undefined;
  const found = await findNatsServer();
  if ('path' in found) return found.path;
  if (environment()['CI'] === 'true') throw new Error(found.missing);
  say(found.missing);
  return undefined;
}

const shown = new Map<string, number>();

function showFailed(turn: WatchedTurn): void {
  const [fault] = turn.faults;
  const where = fault === undefined ? 'no fault' : `${fault.scenario}: ${fault.what}`;
  say(`FAILED seed ${values.seed}, ${where}, session ${turn.sessionId} turn ${turn.turnId}`);
  for (const violation of turn.violations()) say(`  ${violation}`);
  const scenario = fault?.scenario ?? '';
  const before = shown.get(scenario) ?? 0;
  shown.set(scenario, before + 1);
  if (before >= FAILED_SHOWN) return;
  for (const event of turn.before) say(`  before ${event}`);
  for (const event of turn.events) say(`    ${event}`);
  say(`  again: ${commandFor(scenario === '' ? 'P1' : scenario)}`);
}

if (values.list) {
  for (const { name, does } of scenarios) say(`${name.padEnd(24)} ${does}`);
} else {
  const wanted = chosen(values.only);
  const count = countOf(values.count, 'count');
  const natsPath = await natsServer();
  const possible = wanted.filter(({ needsNats }) => needsNats !== true || natsPath !== undefined);
  for (const { name } of wanted)
    if (!possible.some((each) => each.name === name)) say(`skipped ${name}: no nats-server`);
  const run = new FaultRun({
    scenarios: possible,
    ...(natsPath === undefined ? {} : { natsPath }),
    count,
    every: values.every,
    seed: countOf(values.seed, 'seed', 0),
    gateways: countOf(values.gateways, 'gateways'),
    engines: countOf(values.engines, 'engines'),
    sessions: countOf(values.sessions, 'sessions'),
    progress: say,
    onFailed: showFailed,
  });
  const result = await run.run();
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  table(result);
  const { faulted, failed, untouched, untouchedFailed, calmGapMs, tokensPerSecond, seconds } = result;
  say(
    `load ${tokensPerSecond} tokens/s over ${seconds} s; gap without a fault p50 ${calmGapMs.p50} p99 ${calmGapMs.p99} ms`,
  );
  say(`${untouched} untouched streams, ${untouchedFailed} failed`);
  const voids = result.scenarios.reduce((sum, { voidRounds }) => sum + voidRounds, 0);
  const missed = result.scenarios.reduce((sum, each) => sum + each.missed.length, 0);
  say(`${faulted} faulted streams, ${failed} failed, ${voids} void rounds, ${missed} bounds missed`);
  // How long something took depends on the machine's other work: told always, counted where the machine is quiet.
  const bounds = values['strict-bounds'] ? missed : 0;
  const good = failed + untouchedFailed + voids + bounds === 0 && faulted >= count;
  process.exitCode = good ? 0 : 1;
}
