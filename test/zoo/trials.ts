/** Runs the tests that own bugs, with one bug planted or with none. */
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { environment } from '@reticle/core/process';
import { ZOO, ZOO_SEEN, type Bug, type Trial } from './bug.ts';

const root = join(import.meta.dirname, '../..');
const JEST = join(root, 'node_modules/jest/bin/jest.js');
/** A test that a bug sends round for ever ends here. */
const BOUND_MS = 60_000;
/** Tests that lie here, for as long as no project of the root configuration has them. */
const OWN_TESTS = [join(import.meta.dirname, '*.test.ts')];
const CALM = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];

export type Ran = {
  readonly passed: boolean;
  /** False: the module of the bug was never loaded. */
  readonly loaded: boolean;
  readonly output: string;
  readonly seconds: number;
};

/** The root configuration of jest with the planting transformer in place of its own. */
async function jestConfig(): Promise<string> {
  const file: string = join(root, 'jest.config.mjs');
  const { default: config } = (await import(pathToFileURL(file).href)) as { default: JestConfig };
  const transformer = fileURLToPath(import.meta.resolve('./plant-transform.ts'));
  const planting = (transform: JestTransform): JestTransform =>
    Object.fromEntries(Object.entries(transform).map(([pattern, [, options]]) => [pattern, [transformer, options]]));
  const projects = config.projects.map((each) => ({ ...each, rootDir: root, transform: planting(each.transform) }));
  const own = projects.slice(0, 1).map((each) => ({ ...each, displayName: 'zoo', testMatch: OWN_TESTS }));
  const knowsOwn = projects.some(({ testMatch }) => testMatch.some((pattern) => pattern.includes('test/zoo')));
  return JSON.stringify({ ...config, rootDir: root, projects: knowsOwn ? projects : [...projects, ...own] });
}

type JestTransform = Readonly<Record<string, readonly [string, unknown]>>;
type JestProject = { readonly transform: JestTransform; readonly testMatch: readonly string[] };
type JestConfig = { readonly projects: readonly JestProject[] };

const config = await jestConfig();

function jest(files: string, named: string): string[] {
  const chosen = named === '' ? [] : ['--testNamePattern', named];
  return [...CALM, JEST, '--config', config, '--runInBand', '--forceExit', '--testPathPatterns', files, ...chosen];
}

function simulation(seeds: number): string[] {
  return ['test/simulation/main.ts', '--seeds', String(seeds), '--jobs', '1'];
}

/** What one run without a bug answers for: trials of one test file, or of the same seeds. */
export function commandOf(trial: Trial): string {
  return 'test' in trial ? trial.test : `simulation --seeds ${trial.seeds}`;
}

/** The trials of one command, in one run without a bug. */
export function runClean(trials: readonly Trial[]): Promise<Ran> {
  const [first] = trials;
  if (first === undefined || !('test' in first)) return run(simulation(first?.seeds ?? 0), {});
  const named = trials.map((trial) => ('test' in trial ? `(?:${trial.named})` : ''));
  return run(jest(first.test, named.join('|')), {});
}

/** The trial with the bug planted; `seen` is a path that nothing else uses. */
export async function runPlanted({ name, caughtBy }: Bug, seen: string): Promise<Ran> {
  const planted = { [ZOO]: name, [ZOO_SEEN]: seen };
  try {
    if ('test' in caughtBy) return await run(jest(caughtBy.test, caughtBy.named), planted);
    const options = `--import=${import.meta.resolve('./plant.ts')}`;
    return await run(simulation(caughtBy.seeds), { ...planted, NODE_OPTIONS: options });
  } finally {
    rmSync(seen, { force: true });
  }
}

/** Processes under way, each the leader of its group. */
const running = new Set<number>();

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const pid of running) endGroup(pid);
    process.exit(1);
  });
}

/** A test may have started processes of its own. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function run(args: readonly string[], more: Readonly<Record<string, string>>): Promise<Ran> {
  const startedMs = Date.now();
  const env = { ...environment(), ...more };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const pid = child.pid ?? 0;
  if (pid > 0) running.add(pid);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const bound = setTimeout(() => {
    output += `\nzoo: did not end within ${BOUND_MS} ms\n`;
    if (pid > 0) endGroup(pid);
  }, BOUND_MS);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(bound);
      running.delete(pid);
      const seen = more[ZOO_SEEN];
      const loaded = seen === undefined || existsSync(seen);
      resolve({ passed: code === 0, loaded, output, seconds: (Date.now() - startedMs) / 1_000 });
    });
  });
}
