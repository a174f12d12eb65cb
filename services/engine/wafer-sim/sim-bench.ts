/** Test support: a simulator on a virtual clock, and a chain with little KV. */
import { modelById, waferProfiles, type SpeculationClass } from '@reticle/core/domain/wafer';
import { VirtualClock, type Clock } from '@reticle/core/flow';
import { promptIds } from '../conformance/driver-bench.ts';
import { Recorder } from '../conformance/recorder.ts';
import type { EngineDriver, StartWork } from '../contract.ts';
import type { EventLog } from './event-log.ts';
import { createWaferSim, type WaferSim, type WaferSimOptions } from './index.ts';

const profile = waferProfiles['wse3-2026'];
const spark = modelById('spark-ref');

export type SimBenchOptions = Partial<WaferSimOptions> & {
  readonly drafter?: SpeculationClass;
  readonly contextTokens?: number;
  /** How late each wake comes. */
  readonly lateMs?: () => number;
  /** Hears the events in place of the recorder, and may hear what the contract forbids. */
  readonly events?: EventLog;
};

/** A simulator of spark-ref on 12 wafers, watched by a recorder, on a clock of its own. */
export function simBench({
  drafter = 'none',
  contextTokens = 131_072,
  lateMs = () => 0,
  events,
  ...options
}: SimBenchOptions = {}) {
  const clock = new VirtualClock();
  const late: Clock = {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    after: (delayMs, callback) => clock.after(delayMs + lateMs(), callback),
  };
  const geometry = { ...spark, drafter: { ...spark.drafter, class: drafter } };
  const sim: WaferSim = createWaferSim({
    model: { name: 'test/spark-ref', digest: `sha256:${'0'.repeat(64)}`, contextTokens, geometry },
    profile,
    wafers: 12,
    clock: late,
    tokens: 'hash',
    ...options,
  });
  const recorder = new Recorder();
  const driver: EngineDriver = events === undefined ? recorder.watch(sim) : sim;
  driver.connect(events ?? recorder);
  const start = (stream: number, work: Partial<StartWork> = {}) => {
    events?.forget(stream);
    driver.start({
      stream,
      parent: 0,
      input: [{ kind: 'tokens', ids: promptIds(40) }],
      afterOutput: false,
      params: { seed: 7, stop: [] },
      choice: 0,
      maxOutputTokens: 64,
      forced: [],
      successor: false,
      ...work,
    });
  };
  return { clock, sim, driver, recorder, start };
}

/** What `simBench` plans. */
export const sparkOn12 = { geometry: spark, profile, wafers: 12 } as const;

/** One wafer that holds the weights and so many tokens of KV. */
export function narrow(kvTokens: number): SimBenchOptions {
  const sramBytes = Math.ceil((spark.weightBytes + kvTokens * 73_728) / 0.9);
  return { wafers: 1, profile: { ...profile, hardware: { ...profile.hardware, sramBytes } } };
}
