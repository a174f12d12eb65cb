/**
 * The warm-up probe of a chain (OPERATOR §4): before anybody is served, a fixed prompt goes round the whole ring and its
 * tokens come at the planned pace.
 */
import { assert, ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type { DriverEvents, EngineDriver } from './contract.ts';

/** Share of the planned tokens per second below which a chain is not served (OPERATOR §4). */
const PACE_MIN = 0.95;
/** Long enough that the pump's millisecond does not count. */
const PROBE_TOKENS = 256;
const PROBE_PROMPT = Array.from({ length: 32 }, (_, index) => index + 1);
const PROBE_MS_MAX = 30_000;
const STREAM = 0;
/** Contexts are never reused; a host counts up from 1. */
const CONTEXT = 0x7fff_fff0;

/** A driver that can be probed before its host connects; the host then has it to itself. */
export type WarmedDriver = {
  readonly driver: EngineDriver;
  /**
   * @returns tokens per second of the probe
   * @throws ReticleError `internal` when the chain broke, gave no tokens in time, or is slower than planned
   */
  warmUp(plannedTokensPerSecond: number): Promise<number>;
};

type Probe = {
  startedMs: number;
  readonly resolve: (tokensPerSecond: number) => void;
  readonly reject: (error: ReticleError) => void;
};

/** Events go to the probe while one runs, else to the host. */
export function warmedDriver(inner: EngineDriver, clock: Clock): WarmedDriver {
  let probe: Probe | undefined;
  let host: DriverEvents | undefined;
  inner.connect({
    prefilled: (op, result) => host?.prefilled(op, result),
    started(stream, result) {
      if (probe === undefined) host?.started(stream, result);
      else probe.startedMs = clock.nowMs();
    },
    mark: (stream, mark) => (probe === undefined ? host?.mark(stream, mark) : undefined),
    step: (batch) => (probe === undefined ? host?.step(batch) : undefined),
    ended(stream, result) {
      if (probe === undefined) host?.ended(stream, result);
      else probe.resolve((result.generated * 1_000) / Math.max(1, clock.nowMs() - probe.startedMs));
    },
    halted: (stream, generated) => host?.halted(stream, generated),
    failed(subject, error) {
      if (probe === undefined) host?.failed(subject, error);
      else probe.reject(error);
    },
    broken(reason) {
      probe?.reject(new ReticleError('internal', `the chain broke while it was probed: ${reason}`));
      host?.broken(reason);
    },
  });
  const driver = withConnect(inner, (events) => {
    assert(host === undefined, 'a driver has one host');
    host = events;
  });
  const run = (): Promise<number> =>
    new Promise((resolve, reject) => {
      probe = { startedMs: clock.nowMs(), resolve, reject };
      inner.start({
        stream: STREAM,
        parent: 0,
        input: [{ kind: 'tokens', ids: PROBE_PROMPT }],
        afterOutput: false,
        params: { temperature: 0, seed: 0, stop: [] },
        choice: 0,
        maxOutputTokens: PROBE_TOKENS,
        length: 'max',
        forced: [],
        successor: false,
      });
    });
  return {
    driver,
    async warmUp(planned) {
      let cancel = (): void => {};
      const late = new Promise<never>((_, reject) => {
        cancel = clock.after(PROBE_MS_MAX, () =>
          reject(new ReticleError('internal', 'the probe of the chain did not end in time')),
        );
      });
      const pace = await Promise.race([run(), late]).finally(() => {
        cancel();
        probe = undefined;
      });
      inner.truncate(STREAM, 0, CONTEXT);
      inner.release(CONTEXT);
      if (pace >= PACE_MIN * planned) return pace;
      throw new ReticleError('internal', 'the chain is slower than planned', {
        details: { tokensPerSecond: pace.toFixed(0), planned: planned.toFixed(0) },
      });
    },
  };
}

/** The same driver for a host, but for who hears its events. */
function withConnect(inner: EngineDriver, connect: (events: DriverEvents) => void): EngineDriver {
  return {
    model: inner.model,
    capabilities: inner.capabilities,
    connect,
    canStart: (work) => inner.canStart(work),
    prefill: (work) => inner.prefill(work),
    start: (work) => inner.start(work),
    pause: (stream) => inner.pause(stream),
    resume: (stream) => inner.resume(stream),
    halt: (stream) => inner.halt(stream),
    truncate: (stream, keepThrough, context) => inner.truncate(stream, keepThrough, context),
    forcedTokens: (stream, first) => inner.forcedTokens(stream, first),
    park: (subject) => inner.park(subject),
    release: (context) => inner.release(context),
    load: () => inner.load(),
    close: () => inner.close(),
  };
}
