import { assertNever } from '@reticle/core/domain';
import { Backoff } from '@reticle/core/flow';
import { environment, errorFields, type ChildHandle, type Env, type Logger } from '@reticle/core/process';
import type { BusHub } from '@reticle/services/bus';
import { compileCacheEnvironment } from './compile-cache.ts';
import {
  messageOfKind,
  type ChildAnswer,
  type ChildOrder,
  type ChildQuestion,
  type ChildReport,
  type GatewayOrder,
} from './messages.ts';

export type SupervisedChildOptions = {
  readonly env: Env;
  readonly logger: Logger;
  readonly hub: BusHub;
  readonly role: 'gateway' | 'engine';
  readonly file: string;
  /** The order for the n-th start (0-based): a restarted engine carries a higher replica epoch. */
  readonly order: (starts: number) => ChildOrder;
  readonly onReport: (report: ChildReport) => void;
  /** Decides what the child may not decide alone; a rejection leaves the child without an answer. */
  readonly onQuestion: (question: ChildQuestion) => Promise<ChildAnswer>;
  /** The process was started or has ended. */
  readonly onChanged: () => void;
};

const RESTART_BASE_MS = 100;
const RESTART_CAP_MS = 5_000;
/** A child that ran this long had started well: the next restart is quick again. */
const HEALTHY_AFTER_MS = 10_000;
const STOP_BOUND_MS = 6_000;

/**
 * Keeps one child process running.
 *
 *     starting ── first report ──▶ running ── exit ──▶ waiting ── backoff ──▶ starting
 *     any ── stop ──▶ stopping (SIGTERM, bound, SIGKILL) ──▶ stopped
 *
 * Invariants
 * 1. At most one process at a time; none once stopped.
 * 2. Every start has its own order.
 */
export class SupervisedChild implements AsyncDisposable {
  readonly #options: SupervisedChildOptions;
  readonly #backoff: Backoff;
  #child: ChildHandle | undefined;
  #metricsPort: number | undefined;
  #starts = 0;
  #stopping = false;
  #cancelRestart: () => void = () => {};

  constructor(options: SupervisedChildOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ random: options.env.random, baseMs: RESTART_BASE_MS, capMs: RESTART_CAP_MS });
    this.#start();
  }

  get role(): 'gateway' | 'engine' {
    return this.#options.role;
  }

  /** Undefined while no process runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Port of the running process's `/metrics`; undefined until it has told. */
  get metricsPort(): number | undefined {
    return this.#metricsPort;
  }

  #start(): void {
    const { env, hub, file, order, onReport } = this.#options;
    const child = env.spawn.fork(file, [], {
      output: 'inherit',
      environment: compileCacheEnvironment(environment()),
    });
    this.#child = child;
    const startedMs = env.clock.nowMs();
    const leave = hub.join(child);
    const stopListening = child.onMessage((message) => {
      const question = messageOfKind<ChildQuestion>(message, ['spend-ticket', 'exchange-code', 'mint-code']);
      if (question !== undefined) void this.#answer(child, question);
      const report = messageOfKind<ChildReport>(message, ['engine-ready', 'gateway-ready', 'gateway-models', 'failed']);
      if (report === undefined) return;
      this.#noteMetrics(report);
      onReport(report);
    });
    child.send(order(this.#starts++));
    this.#options.onChanged();
    void child.exited.then((exit) => {
      leave();
      stopListening();
      this.#child = undefined;
      this.#metricsPort = undefined;
      this.#options.onChanged();
      if (env.clock.nowMs() - startedMs > HEALTHY_AFTER_MS) this.#backoff.reset();
      if (!this.#stopping) this.#restartLater(exit.signal ?? String(exit.code));
    });
  }

  /** Tells the running process; one that is started later is told by its order. */
  send(order: GatewayOrder): void {
    this.#child?.send(order);
  }

  async #answer(child: ChildHandle, question: ChildQuestion): Promise<void> {
    const { onQuestion, logger, role } = this.#options;
    try {
      child.send(await onQuestion(question));
    } catch (error) {
      logger.warn('a question of a child stays without an answer', { component: role, ...errorFields(error) });
    }
  }

  #noteMetrics(report: ChildReport): void {
    if (report.kind !== 'engine-ready' && report.kind !== 'gateway-ready') return;
    this.#metricsPort = report.metricsPort;
    this.#options.onChanged();
  }

  #restartLater(reason: string): void {
    const { env, logger, role } = this.#options;
    logger.warn('child process ended, starting it again', { component: role, reason });
    this.#cancelRestart = env.clock.after(this.#backoff.nextMs(), () => this.#start());
  }

  /** Drains and ends the process; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelRestart();
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const cancel = this.#options.env.clock.after(STOP_BOUND_MS, () => child.kill('SIGKILL'));
    await child.exited;
    cancel();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** One line for a person about a child's report. */
export function describeReport(report: ChildReport): string {
  switch (report.kind) {
    case 'engine-ready':
      return `engine ready at ${report.address}`;
    case 'gateway-ready':
      return `gateway listens on port ${report.port}`;
    case 'stage-ready':
      return `stage listens on port ${report.port}`;
    case 'gateway-models':
      return report.models.length === 0 ? 'waiting for an engine' : `serving ${report.models.join(', ')}`;
    case 'failed':
      return report.message;
    default:
      return assertNever(report);
  }
}
