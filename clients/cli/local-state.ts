import { join } from 'node:path';
import type { LocalPlatformState } from '@reticle/core/domain';
import type { Disk } from '@reticle/core/process';
import { CliError, exitCodes } from './cli-error.ts';

/** What a running `reticle up` tells the other commands. Holds a key: mode 0600, never printed whole. */
export type LocalState = {
  readonly version: 1;
  readonly pid: number;
  /** Start of that process as the kernel counts it, so that a reused pid is not taken for it; '' where unknown. */
  readonly pidStart: string;
  /** `host:port`, or several with commas between. */
  readonly grpc: string;
  /** `host:port` of the OpenAI surfaces. */
  readonly http: string;
  /** Given where these speak TLS. */
  readonly tls?: {
    /** Absolute path of the certificate. */
    readonly certFile: string;
    /** Clients trust it only when they are told to. */
    readonly isSelfSigned: boolean;
  };
  readonly apiKey: string;
  /** Default model of clients. */
  readonly model: string;
  readonly models: readonly string[];
  /** What serves at this moment; rewritten when one of them is started again. */
  readonly processes: readonly LocalProcess[];
};

export type LocalProcess = LocalPlatformState['processes'][number];

const MODE = 0o600;
const BYTES_MAX = 64 * 1024;
/** Field 22 of /proc/PID/stat (proc(5)), counted after the command's closing parenthesis, which ends field 2. */
const START_FIELD = 19;

export type LocalStateOptions = {
  readonly disk: Disk;
  readonly variables: Readonly<Record<string, string>>;
  /** Whether a process with this id exists. */
  readonly isAlive: (pid: number) => boolean;
};

/** `http://host:port` of the OpenAI surfaces, or `https://host:port`. */
export function httpBase({ http, tls }: Pick<LocalState, 'http' | 'tls'>): string {
  return `${tls === undefined ? 'http' : 'https'}://${http}`;
}

/** `${XDG_STATE_HOME:-~/.local/state}/reticle/local.json` */
export function statePath(variables: Readonly<Record<string, string>>): string {
  const home = variables['XDG_STATE_HOME'] || join(variables['HOME'] || '.', '.local', 'state');
  return join(home, 'reticle', 'local.json');
}

/** The state of the platform that runs now; undefined when none does. */
export async function readLocalState(options: LocalStateOptions): Promise<LocalState | undefined> {
  let text: string;
  try {
    text = await options.disk.readText(statePath(options.variables), BYTES_MAX);
  } catch {
    // No file, or not ours to read: either way there is no platform that this user could use.
    return undefined;
  }
  const state = parseState(text);
  if (state === undefined || !options.isAlive(state.pid)) return undefined;
  const start = await processStart(options.disk, state.pid);
  return start === '' || state.pidStart === '' || start === state.pidStart ? state : undefined;
}

export async function writeLocalState(options: LocalStateOptions, state: LocalState): Promise<void> {
  await options.disk.writeText(statePath(options.variables), `${JSON.stringify(state, undefined, 2)}\n`, MODE);
}

/** Removes the file when it is this process's own. */
export async function removeLocalState(options: LocalStateOptions, pid: number): Promise<void> {
  const state = await readLocalState(options);
  if (state?.pid === pid) await options.disk.remove(statePath(options.variables));
}

/** When a process started, in the kernel's ticks; '' where there is no /proc. */
export async function processStart(disk: Disk, pid: number): Promise<string> {
  try {
    const stat = await disk.readText(`/proc/${pid}/stat`, BYTES_MAX);
    return (
      stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .at(START_FIELD) ?? ''
    );
  } catch {
    return '';
  }
}

function parseState(text: string): LocalState | undefined {
  try {
    const value = JSON.parse(text) as Partial<LocalState> | null;
    const complete =
      value?.version === 1 &&
      Number.isInteger(value.pid) &&
      [value.pidStart, value.grpc, value.http, value.apiKey, value.model].every((field) => typeof field === 'string') &&
      [value.models, value.processes].every((list) => Array.isArray(list));
    return complete ? (value as LocalState) : undefined;
  } catch {
    return undefined;
  }
}

/** The running platform, or what to do without one. */
export async function requireLocalState(options: LocalStateOptions): Promise<LocalState> {
  const state = await readLocalState(options);
  if (state !== undefined) return state;
  throw new CliError('not_running', 'no local platform is running', {
    exitCode: exitCodes.remote,
    hint: 'Start one with `reticle up` (or `npm start`) in another terminal.',
  });
}
