import { errorFields } from './log-fields.ts';
import type { Lifecycle, LifecycleEnd } from './lifecycle.ts';
import type { Logger } from './log.ts';
import { afterUnref } from './system-clock.ts';

/** The parts of `process` that end it; a test gives its own. */
export interface ProcessPort {
  on(event: string, listener: (value: unknown) => void): unknown;
  /** True while a supervisor holds the other end of the channel. */
  readonly connected?: boolean;
  disconnect?(): void;
  exit(code: number): void;
  exitCode?: number | string | null | undefined;
}

export type SuperviseOptions = {
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  /**
   * For children of a supervisor: a terminal sends SIGINT to the whole process group, and who ends them, and
   * when, is the supervisor's decision.
   */
  readonly ignoreSigint?: boolean;
  /** End when the supervisor's channel closes: without it nobody would end this process. */
  readonly supervised?: boolean;
  /** Bound of that drain: short, since whoever watched over the work is gone. Default 2 s. */
  readonly orphanBoundMs?: number;
  /** Last words of the log before a forced exit. */
  readonly flush?: () => void;
  /** Default: this process. */
  readonly process?: ProcessPort;
  /** Runs once after a delay, without keeping the process alive. Default: an unref'd system timer. */
  readonly afterUnref?: (delayMs: number, callback: () => void) => () => void;
};

const ORPHAN_BOUND_MS = 2_000;
/** What an ended process may still take to run out of work by itself; with the lifecycle's bounds it stays in P21's second. */
const LINGER_MS = 300;

/** Exit statuses that this module gives. A drain that was asked for ends with 0, also at its bound (P21). */
export const exitCodes = {
  defect: 70,
  interrupted: 130,
} as const;

/**
 * Connects signals, the supervisor's channel and defects to a lifecycle. A process ends by running out of work
 * once its lifecycle has ended; `process.exit` is called here alone: when something still holds the process
 * after that, on a second SIGINT, and on a defect. Call it once per process, in the main.
 *
 * | event | does |
 * |---|---|
 * | SIGTERM | drain with the lifecycle's bound; again: nothing more |
 * | SIGINT | the same; again: exit 130 at once. With `ignoreSigint`: nothing |
 * | disconnect (`supervised`) | drain within `orphanBoundMs` |
 * | uncaught error | log it without its text, exit 70 at once |
 */
export function superviseProcess(options: SuperviseOptions): void {
  const { lifecycle, logger } = options;
  const target: ProcessPort = options.process ?? process;
  const exit = (code: number): void => {
    options.flush?.();
    target.exit(code);
  };
  const drain = (reason: string, boundMs?: number): void => {
    if (!lifecycle.ending) logger.info('drain begins', { reason });
    void lifecycle.drain(reason, boundMs);
  };
  const sigint = (): void => {
    if (options.ignoreSigint === true) return;
    if (lifecycle.ending) exit(exitCodes.interrupted);
    else drain('SIGINT');
  };
  const defect = (error: unknown): void => {
    logger.error('defect ends the process', errorFields(error));
    exit(exitCodes.defect);
  };
  target.on('SIGTERM', () => drain('SIGTERM'));
  target.on('SIGINT', sigint);
  target.on('uncaughtException', defect);
  if (options.supervised === true) {
    const orphaned = (): void => drain('supervisor_gone', options.orphanBoundMs ?? ORPHAN_BOUND_MS);
    target.on('disconnect', orphaned);
    // The channel may have closed before this listener was there.
    if (target.connected !== true) orphaned();
  }
  const leave = (end: LifecycleEnd): void => {
    logger.info('process ends', { reason: end.reason, count: end.unfinished.length });
    if (target.connected === true) target.disconnect?.();
    const arm = options.afterUnref ?? afterUnref;
    arm(LINGER_MS, () => {
      logger.warn('something still holds the process', { reason: end.reason });
      exit(typeof target.exitCode === 'number' ? target.exitCode : 0);
    });
  };
  void lifecycle.ended.then(leave);
}
