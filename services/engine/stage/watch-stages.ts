import { assert, ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type { StageRefusal } from './message.ts';
import { ringPingMs, RingWatch, type StageIdentity, type StagePong } from './ring-watch.ts';
import { StageClient } from './stage-client.ts';

/** Time in which every stage answers for the first time. */
const START_MS = 10_000;

export type WatchedStage = StageIdentity & { readonly host: string; readonly port: number };

export type StageWatchOptions = {
  readonly clock: Clock;
  /** The stages behind the leader, as planned. */
  readonly stages: readonly WatchedStage[];
  /** Bound of the wait for the first answers; default 10 s. */
  readonly startMs?: number;
  /** Default 50 ms. */
  readonly pingMs?: number;
};

export type StageWatch = { close(): void };

/**
 * The leader's side of the ring ping. Waits until every stage has answered once, then calls `onBroken` at most once:
 * a stage left three pings in a row without an answer, failed, or is not the one that was planned.
 *
 * Rejects with ReticleError `internal` when a stage does not answer in time, `epoch_stale` when it refuses this
 * chain.
 */
export async function watchStages(options: StageWatchOptions, onBroken: (reason: string) => void): Promise<StageWatch> {
  const { clock, stages, pingMs = ringPingMs } = options;
  const clients = new Map<number, StageClient>();
  const end = (): void => {
    for (const client of clients.values()) client.close();
  };
  let hear: (answer: StagePong | StageRefusal) => void = () => undefined;
  for (const { stage, host, port } of stages) {
    clients.set(stage, new StageClient({ host, port, answered: (answer) => hear(answer) }));
  }
  const watch = new RingWatch({
    clock,
    stages: stages.map(({ stage, programId, hardwareId, epoch }) => ({ stage, programId, hardwareId, epoch })),
    pingMs,
    send: (ping) => clients.get(ping.stage)?.ping(ping),
    broken: (reason) => {
      end();
      onBroken(reason);
    },
  });
  try {
    await allAnswer(options, clients, (heard) => {
      hear = heard;
    });
  } catch (error) {
    end();
    throw error;
  }
  hear = (answer) => {
    if ('refused' in answer) watch.refused(answer.stage, answer.refused);
    else watch.answered(answer);
  };
  watch.start();
  return {
    close: () => {
      watch.close();
      end();
    },
  };
}

/** Pings every stage, sequence 0, until each has answered. */
function allAnswer(
  { clock, stages, startMs = START_MS, pingMs = ringPingMs }: StageWatchOptions,
  clients: ReadonlyMap<number, StageClient>,
  listen: (heard: (answer: StagePong | StageRefusal) => void) => void,
): Promise<void> {
  const silent = new Map(stages.map((stage) => [stage.stage, stage]));
  assert(silent.size === stages.length, 'a stage is watched once');
  const lastMs = clock.nowMs() + startMs;
  return new Promise((resolve, reject) => {
    let disarm = (): void => undefined;
    const settle = (error?: ReticleError): void => {
      disarm();
      if (error === undefined) resolve();
      else reject(error);
    };
    const ask = (): void => {
      const [first] = silent.values();
      if (first === undefined || clock.nowMs() >= lastMs) {
        settle(first && new ReticleError('internal', `stage ${first.stage} did not answer in time`));
        return;
      }
      for (const { stage, epoch } of silent.values()) clients.get(stage)?.ping({ sequence: 0, stage, epoch });
      disarm = clock.after(pingMs, ask);
    };
    listen((answer) => {
      if ('refused' in answer) {
        settle(new ReticleError('epoch_stale', `stage ${answer.stage} ${answer.refused}`));
        return;
      }
      silent.delete(answer.stage);
      if (silent.size === 0) settle();
    });
    ask();
  });
}
