/**
 * `npm test [PROJECT…] [-- jest options]`: runs the test projects that this machine can run and ends with
 * one plain line `N passed, N failed` taken from jest's own result.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot, toolEnvironment } from './run-tool.ts';

type JestResult = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numRuntimeErrorTestSuites: number;
};

const PROJECTS = ['unit', 'integration', 'e2e'];

const options = process.argv.slice(2);
const named = options.filter((option) => PROJECTS.includes(option));
const rest = options.filter((option) => !PROJECTS.includes(option));
process.exitCode = await runJest(named.length > 0 ? named : PROJECTS, rest);

async function runJest(projects: readonly string[], extra: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'reticle-test-'));
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
  try {
    return summarise(JSON.parse(readFileSync(resultFile, 'utf8')) as JestResult, code);
  } catch (error) {
    process.stderr.write(`test: jest left no result (${String(error)})\n`);
    process.stdout.write('0 passed, 1 failed\n');
    return code === 0 ? 1 : code;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A suite that could not even load counts as one failure. */
function summarise(result: JestResult, code: number): number {
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  const skipped = result.numPendingTests > 0 ? `, ${result.numPendingTests} skipped` : '';
  process.stdout.write(`${result.numPassedTests} passed, ${failed} failed${skipped}\n`);
  return failed > 0 && code === 0 ? 1 : code;
}
