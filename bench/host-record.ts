import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, getPriority, loadavg, release } from 'node:os';
import { join } from 'node:path';
import type { HostRecord } from './result.ts';

const repository = join(import.meta.dirname, '..');
const GOVERNOR = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor';
/** Folders whose TypeScript and .proto files run in a bench. */
const SOURCES = ['bench', 'clients/sdk', 'core', 'proto', 'services'];
const SPINS = 40;
const SPIN_STEPS = 2_000_000;

/** What is known of the machine before a run; {@link HostProbe.record} completes it after. */
export class HostProbe {
  readonly #load = loadAverage();
  readonly #noise = spinNoise();

  record(): HostRecord {
    const all = cpus();
    return {
      cpu: all[0]?.model.trim() ?? 'unknown',
      cores: all.length,
      kernel: release(),
      governor: existsSync(GOVERNOR) ? readFileSync(GOVERNOR, 'utf8').trim() : 'unknown',
      node: process.version.slice(1),
      flags: process.execArgv,
      nice: getPriority(),
      load: [this.#load, loadAverage()],
      spinNoise: Math.max(this.#noise, spinNoise()),
    };
  }
}

/** CPU model and core count in the form of a file name; never a host's name. */
export function hostClass({ cpu, cores }: Pick<HostRecord, 'cpu' | 'cores'>): string {
  const model = cpu
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return `${model}-${cores}c`;
}

/** Abbreviated commit of the checkout, read from its files; `uncommitted` before the first one. */
export function commitOf(root: string = repository): string {
  const git = join(root, '.git');
  const head = readIfThere(join(git, 'HEAD'));
  if (head === undefined) return 'uncommitted';
  if (!head.startsWith('ref: ')) return head.slice(0, 12);
  const name = head.slice('ref: '.length);
  const packed = readIfThere(join(git, 'packed-refs'))
    ?.split('\n')
    .find((line) => line.endsWith(` ${name}`));
  return (readIfThere(join(git, name)) ?? packed)?.slice(0, 12) ?? 'uncommitted';
}

/** First 16 hex digits of a SHA-256 over path and content of every source that may run. */
export function sourcesDigest(root: string = repository): string {
  const hash = createHash('sha256');
  for (const folder of SOURCES) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
    for (const file of files.toSorted()) {
      if (file.includes('node_modules') || !/\.(ts|proto)$/.test(file) || file.endsWith('.test.ts')) continue;
      hash.update(`${folder}/${file}\0`).update(readFileSync(join(root, folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

function loadAverage(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

/** How much longer equal work takes on average than at its fastest: neighbours, frequency, hypervisor. */
function spinNoise(): number {
  const times = Array.from({ length: SPINS }, spin);
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  return Math.round((mean / Math.min(...times) - 1) * 1000) / 1000;
}

function spin(): number {
  const start = performance.now();
  let state = 1;
  for (let step = 0; step < SPIN_STEPS; step += 1) state = Math.imul(state, 0x9e3779b1) ^ step;
  // The state is used, so that the loop stays.
  return performance.now() - start + (state === 0 ? 1e-9 : 0);
}
