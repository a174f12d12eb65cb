/** Where a process's time goes: a sampling profile of itself, by part and by function. */
import { Session, type Profiler } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const SAMPLE_MICROS = 250;
const FUNCTIONS = 10;

/** Shares of busy time, largest first; a share below 1 % is left out. */
export type ProfileSummary = {
  /** `name share %`, by package or folder. */
  readonly parts: readonly string[];
  /** `function (file) share %`. */
  readonly functions: readonly string[];
};

/** Profiles this process for so long. */
export async function profileSelf(seconds: number): Promise<ProfileSummary> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROS });
    await session.post('Profiler.start');
    await sleep(seconds * 1000);
    const { profile } = await session.post('Profiler.stop');
    return summaryOf(profile);
  } finally {
    session.disconnect();
  }
}

/** Self time of every function of a profile, without the idle time. */
export function summaryOf(profile: Profiler.Profile): ProfileSummary {
  const self = selfMicros(profile);
  const parts = new Map<string, number>();
  const functions = new Map<string, number>();
  let busy = 0;
  for (const { id, callFrame } of profile.nodes) {
    const micros = self.get(id) ?? 0;
    const { functionName, url } = callFrame;
    // Starting the profiler is its own work.
    if (functionName === '(idle)' || url === 'node:inspector') continue;
    busy += micros;
    add(parts, partOf(functionName, url), micros);
    add(functions, `${functionName || 'anonymous'} (${url === '' ? 'native' : fileOf(url)})`, micros);
  }
  return { parts: shares(parts, busy), functions: shares(functions, busy).slice(0, FUNCTIONS) };
}

/** Time of the samples of every node. */
function selfMicros({ samples = [], timeDeltas = [] }: Profiler.Profile): Map<number, number> {
  const self = new Map<number, number>();
  for (const [index, id] of samples.entries()) self.set(id, (self.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  return self;
}

function add(into: Map<string, number>, key: string, micros: number): void {
  into.set(key, (into.get(key) ?? 0) + micros);
}

function shares(micros: ReadonlyMap<string, number>, all: number): string[] {
  return [...micros]
    .toSorted(([, left], [, right]) => right - left)
    .map(([name, value]) => ({ name, percent: (value / all) * 100 }))
    .filter(({ percent }) => percent >= 1)
    .map(({ name, percent }) => `${name} ${percent.toFixed(1)} %`);
}

/** A package of node_modules, a part of Node, or a folder of the repository. */
function partOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url === '') return 'native code and system calls';
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/');
  const [, name] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  if (name !== undefined) return name;
  const [, folder = url] = /\/((?:services|core|proto|bench)\/.*)\/[^/]*$/.exec(url) ?? [];
  return folder;
}

function fileOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
