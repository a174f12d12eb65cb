import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '@reticle/core/process';

const ROOT = join(import.meta.dirname, '..', '..');
const POLL_MS = 50;

export type RunOptions = {
  /** State folder, so that a test never meets the developer's own platform; made fresh when absent. */
  readonly stateHome?: string;
  readonly input?: string;
  readonly variables?: Readonly<Record<string, string>>;
};

/** A command of this repository as a person starts it: its output so far, its processes, its end. */
export class RunningCommand implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly stateHome: string;
  stdout = '';
  stderr = '';
  readonly ended: Promise<number>;
  readonly #listeners = new Set<() => void>();

  constructor(command: readonly [string, ...string[]], options: RunOptions = {}) {
    const [file, ...args] = command;
    this.stateHome = options.stateHome ?? mkdtempSync(join(tmpdir(), 'reticle-state-'));
    this.child = spawn(file, args, {
      cwd: ROOT,
      env: { ...environment(), XDG_STATE_HOME: this.stateHome, ...options.variables },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdin?.end(options.input ?? '');
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#grow('stdout', text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#grow('stderr', text));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.#tell();
        resolve(code ?? (signal === null ? 1 : 128));
      });
    });
  }

  #grow(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Resolves when the output matches; rejects with the output when the command ends first. */
  shows(pattern: RegExp): Promise<void> {
    const found = Promise.withResolvers<void>();
    const look = (): void => {
      if (pattern.test(this.stdout + this.stderr)) found.resolve();
      else if (this.child.exitCode !== null) {
        found.reject(new Error(`ended before ${String(pattern)}:\n${this.stdout}\n${this.stderr}`));
      }
    };
    this.#listeners.add(look);
    look();
    return found.promise.finally(() => this.#listeners.delete(look));
  }

  /** The command's process and everything below it. */
  processes(): number[] {
    const rows = execFileSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number));
    const family = [this.child.pid ?? 0];
    for (const parent of family) {
      for (const [pid, ppid] of rows) if (pid !== undefined && ppid === parent) family.push(pid);
    }
    return family;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    await this.ended;
    rmSync(this.stateHome, { recursive: true, force: true });
  }
}

/** Resolves when none of these processes exists; the test's own timeout bounds it. */
export async function allGone(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
