import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bounded } from '../bounded.ts';

/** How long a server may take to end by itself. */
const STOP_MS_MAX = 10_000;
const POLL_MS = 50;
const LOG_LINES_SHOWN = 15;

export type ClusterProcessOptions = {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  /** Folder of the log, and of the record by which a later run finds a process that outlived its test. */
  readonly folder: string;
};

/** One server of a test cluster: its log in a file, its end in the caller's hand. */
export class ClusterProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #exited: Promise<void>;

  constructor({ name, path, args, folder }: ClusterProcessOptions) {
    this.name = name;
    this.#logFile = join(folder, `${name}.log`);
    const log = openSync(this.#logFile, 'a');
    this.#child = spawn(path, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
    const { pid } = this.#child;
    if (pid !== undefined) writeFileSync(join(folder, `${name}.pid`), `${pid} ${startedAt(pid) ?? ''}`);
    const killWithUs = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', killWithUs);
    void this.#exited.then(() => process.off('exit', killWithUs));
  }

  get alive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get lastLines(): string {
    return readFileSync(this.#logFile, 'utf8').trim().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
  }

  signal(signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** Resolves when `check` says so; rejects with the last log lines when the process ends first or it takes too long. */
  async ready(check: () => Promise<boolean>, boundMs: number): Promise<void> {
    const untilMs = performance.now() + boundMs;
    while (!(await check())) {
      const late = performance.now() > untilMs;
      if (!this.alive || late) {
        const what = late ? `is not ready within ${boundMs} ms` : 'ended before it was ready';
        throw new Error(`${this.name} ${what}; its last lines:\n${this.lastLines}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Asks it to end, and ends it when it does not. */
  async stop(): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    await bounded(this.#exited, `the end of ${this.name}`, STOP_MS_MAX).catch(() => this.kill());
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exited;
  }
}

/** When a process started, in words that no later process of the same number has; undefined when there is none. */
export function startedAt(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return text === '' ? undefined : text;
  } catch {
    // `ps` ends with 1 when the process does not exist.
    return undefined;
  }
}
