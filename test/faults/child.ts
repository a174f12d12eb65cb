import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemEnv, type ChildExit, type ChildHandle } from '@reticle/core/process';
import type { Channel } from '@reticle/services/bus';
import type { EngineConfig, GatewayConfig } from '@reticle/services/main';

/** Where the entry files of the supervised processes lie; they are the ones that `reticle up` forks. */
const MAIN = dirname(fileURLToPath(import.meta.resolve('@reticle/services/main')));

export type Role = 'gateway' | 'engine';

export type ChildOrder =
  | { readonly kind: 'engine-config'; readonly config: EngineConfig }
  | { readonly kind: 'gateway-config'; readonly config: GatewayConfig };

/** What a supervised process tells over its channel. */
export type ChildReport = {
  readonly kind: 'engine-ready' | 'gateway-ready' | 'gateway-models' | 'failed';
  readonly address?: string;
  readonly port?: number;
  readonly models?: readonly string[];
  readonly message?: string;
};

const LINES_KEPT = 40;
const READY_MS = 20_000;
const REPORTS: readonly string[] = ['engine-ready', 'gateway-ready', 'gateway-models', 'failed'];

export type ChildOptions = {
  readonly role: Role;
  readonly order: ChildOrder;
  /** Text of `RETICLE_FAILPOINTS`. */
  readonly failpoints?: string;
  readonly onReport: (report: ChildReport) => void;
};

/** One gateway or engine process. */
export class Child {
  readonly exited: Promise<ChildExit>;
  readonly channel: Channel;
  /** Its last lines of output, for a report. */
  readonly lines: string[] = [];
  readonly #handle: ChildHandle;
  readonly #ready = Promise.withResolvers<ChildReport>();
  #alive = true;

  constructor({ role, order, failpoints = '', onReport }: ChildOptions) {
    this.#handle = systemEnv().spawn.fork(join(MAIN, `${role}.ts`), [], {
      environment: { RETICLE_FAILPOINTS: failpoints },
      output: (_, line) => {
        this.lines.push(line);
        if (this.lines.length > LINES_KEPT) this.lines.shift();
      },
    });
    this.channel = this.#handle;
    this.#handle.onMessage((message) => {
      const report = reportOf(message);
      if (report === undefined) return;
      onReport(report);
      if (report.kind === 'failed') this.#ready.reject(new Error(`${role}: ${report.message}`));
      if (report.kind === `${role}-ready`) this.#ready.resolve(report);
    });
    this.#handle.send(order);
    this.exited = this.#handle.exited;
    void this.exited.then(({ code, signal }) => {
      this.#alive = false;
      this.#ready.reject(new Error(`${role} ended (${signal ?? code}) before it was ready\n${this.lines.join('\n')}`));
    });
    this.#ready.promise.catch(() => {});
  }

  get alive(): boolean {
    return this.#alive;
  }

  get pid(): number {
    return this.#handle.pid ?? 0;
  }

  /** True when it was stopped by a signal, its own included (Linux tells). */
  get frozen(): boolean {
    try {
      return readFileSync(`/proc/${this.pid}/status`, 'utf8').includes('\nState:\tT');
    } catch {
      return false;
    }
  }

  async ready(): Promise<ChildReport> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`not ready\n${this.lines.join('\n')}`)), READY_MS);
    return Promise.race([this.#ready.promise, late.promise]).finally(() => clearTimeout(timer));
  }

  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    this.#handle.kill(signal);
  }

  async end(): Promise<void> {
    this.kill('SIGKILL');
    await this.exited;
  }
}

function reportOf(message: unknown): ChildReport | undefined {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return undefined;
  return REPORTS.includes(String(message.kind)) ? (message as ChildReport) : undefined;
}
