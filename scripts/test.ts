/**
 * `npm test [PROJECT…] [-- jest options]`: the jest projects and, when none is named, the suites beside them (seeded
 * simulation, faulted real processes, bug zoo, fuzzer). Ends with a line for each suite and one plain line
 * `N passed, N failed`, taken from their own results. `release` runs the suites at the size of a release.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installClientPackages } from './client-packages.ts';
import { repositoryRoot, toolEnvironment } from './run-tool.ts';
import { runSuite, suites, type SuiteOutcome, type SuiteSize } from './suites.ts';

type JestResult = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numRuntimeErrorTestSuites: number;
};

const PROJECTS = ['unit', 'integration', 'cluster', 'e2e', 'clients'];

const options = process.argv.slice(2);
const size: SuiteSize = options.includes('release') ? 'release' : 'everyday';
const named = options.filter((option) => PROJECTS.includes(option));
const rest = options.filter((option) => !PROJECTS.includes(option) && option !== 'release');
const folder = mkdtempSync(join(tmpdir(), 'reticle-test-'));
try {
  process.exitCode = await runAll();
} finally {
  rmSync(folder, { recursive: true });
}

async function runAll(): Promise<number> {
  const wanted = named.length > 0 ? named : PROJECTS;
  const missing = wanted.includes('clients') ? await installClientPackages(say) : undefined;
  const possible = missing === undefined ? wanted : wanted.filter((each) => each !== 'clients');
  const jest = await runJest(possible, rest);
  const outcomes = missing === undefined ? [] : [withoutClients(missing)];
  // A pattern or a project asks for a part of the tests; the suites are the whole.
  if (named.length + rest.length === 0) for (const suite of suites) outcomes.push(await runSuite(suite, size, folder));
  return summary(jest, outcomes);
}

function summary(jest: JestOutcome, outcomes: readonly SuiteOutcome[]): number {
  for (const { name, text } of outcomes) process.stdout.write(`${name}: ${text}\n`);
  const passed = outcomes.reduce((sum, each) => sum + each.passed, jest.passed);
  const failed = outcomes.reduce((sum, each) => sum + each.failed, jest.failed);
  const skipped = jest.skipped > 0 ? `, ${jest.skipped} skipped` : '';
  process.stdout.write(`${passed} passed, ${failed} failed${skipped}\n`);
  return failed > 0 ? Math.max(1, jest.code) : jest.code;
}

/** Where nothing may be left out, a part that is not there is a failure. */
function withoutClients(missing: string): SuiteOutcome {
  say(missing);
  const failed = toolEnvironment()['CI'] === 'true' ? 1 : 0;
  return { name: 'clients', text: 'not run: their packages are missing', passed: 0, failed };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

type JestOutcome = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly code: number;
};

async function runJest(projects: readonly string[], extra: readonly string[]): Promise<JestOutcome> {
  const resultFile = join(folder, 'result.json');
  const args = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(repositoryRoot, 'node_modules/jest/bin/jest.js'),
    '--json',
    `--outputFile=${resultFile}`,
    ...extra,
    // Last: it takes every word after it as a project, a path pattern too.
    '--selectProjects',
    ...projects,
  ];
  const child = spawn(process.execPath, args, {
    cwd: repositoryRoot,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: toolEnvironment(),
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', forward);
  process.on('SIGTERM', forward);
  const code = await new Promise<number>((resolve) => child.once('exit', (status) => resolve(status ?? 1)));
  process.off('SIGINT', forward);
  process.off('SIGTERM', forward);
  try {
    return outcomeOf(JSON.parse(readFileSync(resultFile, 'utf8')) as JestResult, code);
  } catch (error) {
    process.stderr.write(`test: jest left no result (${String(error)})\n`);
    return { passed: 0, failed: 1, skipped: 0, code: code === 0 ? 1 : code };
  }
}

/** A suite that could not even load counts as one failure. */
function outcomeOf(result: JestResult, code: number): JestOutcome {
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  return { passed: result.numPassedTests, failed, skipped: result.numPendingTests, code };
}
