import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Clock } from '@reticle/core/flow';
import type { ChildExit, ChildHandle } from '@reticle/core/process';

export type NatsServerOptions = {
  /** The nats-server binary. */
  readonly path: string;
  /** From `natsServerConfig`. */
  readonly configText: string;
  readonly clock: Clock;
  /** Called with every line of the server's log. */
  readonly onLine?: (line: string) => void;
};

const READY_MS_MAX = 10_000;
const STOP_MS_MAX = 2_000;
const LINES_KEPT = 20;
const LISTENING = /Listening for client connections on (\S+):(\d+)$/;
const READY = /Server is ready$/;

/** A nats-server child of this process: it ends with this process, however that ends, and at no signal of a terminal. */
export class NatsServer implements AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** Settles once, with the end of the process. */
  readonly exited: Promise<ChildExit>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;

  constructor(child: ChildProcess, facts: { port: number; pid: number; exited: Promise<ChildExit>; clock: Clock }) {
    this.#child = child;
    this.port = facts.port;
    this.pid = facts.pid;
    this.exited = facts.exited;
    this.#clock = facts.clock;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** As {@link ChildHandle.kill}: for faults. */
  kill(signal: Parameters<ChildHandle['kill']>[0]): boolean {
    return this.#child.kill(signal);
  }

  /** Ends it, frozen or not; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    this.#child.kill('SIGCONT');
    const cancel = this.#clock.after(STOP_MS_MAX, () => this.#child.kill('SIGKILL'));
    await this.exited;
    cancel();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Starts a server and resolves when it takes connections. Rejects with its last log lines when it ends before,
 * or is not ready in 10 s. The configuration lies in a file of mode 0600 only until then; nothing of it is in
 * the arguments or the environment.
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'reticle-nats-'));
  try {
    const config = join(folder, 'server.conf');
    await writeFile(config, options.configText, { mode: 0o600, flag: 'wx' });
    return await launch(config, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function launch(config: string, { path, clock, onLine }: NatsServerOptions): Promise<NatsServer> {
  const child = spawn(path, ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'], env: {}, detached: true });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const dismiss = child.pid === undefined ? (): void => {} : guard(child.pid);
  const exited = exitOf(child).finally(() => {
    process.off('exit', kill);
    dismiss();
  });
  const lines: string[] = [];
  const { promise: ready, resolve, reject } = Promise.withResolvers<number>();
  const fail = (what: string): void => reject(new Error([`nats-server ${what}`, ...lines].join('\n  ')));
  let port = 0;
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
    port = Number(LISTENING.exec(line)?.[2] ?? port);
    if (READY.test(line)) resolve(port);
    onLine?.(line);
  });
  const cancel = clock.after(READY_MS_MAX, () => fail(`was not ready in ${READY_MS_MAX / 1000} s`));
  void exited.then(({ code, signal }) => fail(`ended: ${signal ?? code ?? 'it could not be started'}`));
  try {
    const readyPort = await ready;
    return new NatsServer(child, { port: readyPort, pid: child.pid as number, exited, clock });
  } catch (error) {
    kill();
    throw error;
  } finally {
    cancel();
  }
}

/**
 * A shell that waits for the end of its input, which is the end of this process, and kills the server then. Where
 * there is no shell, a server outlives a process that was killed.
 */
function guard(pid: number): () => void {
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -KILL "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
    detached: true,
  });
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  return () => void shell.kill('SIGKILL');
}

/** `close` comes after the last line; a failed start gives `error` alone. */
function exitOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.on('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
  });
}
