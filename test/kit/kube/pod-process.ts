/** One container of a pod as a process of this machine: started again when it ends, stopped as a kubelet stops it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { environment } from '@reticle/core/process';
import { engineHealth } from '../engine-health.ts';

const ROOT = join(import.meta.dirname, '../../..');
const RESTART_MS = 500;
const PROBE_MS = 250;
const PROBE_TIMEOUT_MS = 1_000;
const LINES_MAX = 200;

export type ReadinessProbe = { readonly kind: 'grpc' | 'tcp'; readonly port: number };

export type PodProcessOptions = {
  /** Relative to the repository: `node FILE …`. */
  readonly command: readonly string[];
  readonly ip: string;
  readonly probe: ReadinessProbe;
  /** Told after each change of readiness or of the count of restarts. */
  readonly onChange: () => void;
};

export class PodProcess {
  readonly #options: PodProcessOptions;
  readonly #lines: string[] = [];
  readonly #gone = Promise.withResolvers<void>();
  #child: ChildProcess | undefined;
  #timers = new Set<NodeJS.Timeout>();
  #stopping = false;
  restarts = 0;
  ready = false;

  constructor(options: PodProcessOptions) {
    this.#options = options;
    this.#start();
    void this.#probes();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** What it last said. */
  get log(): string {
    return this.#lines.join('\n');
  }

  /** SIGTERM, then SIGKILL after the grace; resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#child === undefined) return this.#end();
    this.#child.kill('SIGTERM');
    this.#after(graceMs, () => this.#child?.kill('SIGKILL'));
    await this.#gone.promise;
  }

  /** As on a machine without power: at once, and nobody starts it again. */
  async kill(): Promise<void> {
    this.#stopping = true;
    if (this.#child === undefined) return this.#end();
    this.#child.kill('SIGKILL');
    await this.#gone.promise;
  }

  /** The process dies; its kubelet starts it again. */
  crash(): void {
    this.#child?.kill('SIGKILL');
  }

  #start(): void {
    const [program = '', ...args] = this.#options.command;
    const child = spawn(program === 'node' ? process.execPath : program, args, { cwd: ROOT, env: environment() });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.#heard(text));
    }
    child.once('close', () => {
      this.#child = undefined;
      if (this.#stopping) return this.#end();
      this.restarts += 1;
      this.#set(false);
      this.#after(RESTART_MS, () => this.#start());
    });
  }

  #heard(text: string): void {
    this.#lines.push(...text.trimEnd().split('\n'));
    this.#lines.splice(0, this.#lines.length - LINES_MAX);
  }

  #end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#gone.resolve();
  }

  #after(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }

  #set(ready: boolean): void {
    if (ready === this.ready) return;
    this.ready = ready;
    this.#options.onChange();
  }

  async #probes(): Promise<void> {
    const { ip, probe } = this.#options;
    const health = probe.kind === 'grpc' ? engineHealth(`${ip}:${probe.port}`) : undefined;
    while (!this.#stopping) {
      const answers = health === undefined ? await accepts(ip, probe.port) : (await health.now()) === 'SERVING';
      if (!this.#stopping) this.#set(answers && this.#child !== undefined);
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
    health?.close();
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', end(true)).once('error', end(false)).setTimeout(PROBE_TIMEOUT_MS, end(false));
  });
}
