import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessSample } from '../rig/calls.ts';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { disposing } from '../run.ts';
import { Histogram } from '../statistics.ts';
import type { EmitterCalls, EmitterOrder } from './emitter-process.ts';
import type { ReceiverCalls, ReceiverCounts } from './receiver-process.ts';

/** One measured stretch of one cell, in fresh processes. */
export type Block = {
  readonly seconds: number;
  readonly tokens: number;
  /** Of the sending process, and of the receiving one; NaN without one. */
  readonly emitterUsPerToken: number;
  readonly receiverUsPerToken: number;
  readonly emitterCore: number;
  readonly receiverCore: number;
  readonly emitterRssMiB: number;
  readonly wakes: number;
  readonly splits: number;
  readonly frames: number;
  readonly bytes: number;
  readonly lost: number;
  readonly doubled: number;
  readonly newest: Histogram;
  readonly paceSlipSeconds: number;
};

export type BlockOrder = EmitterOrder & { readonly warmSeconds: number; readonly seconds: number };

const MIB = 1024 * 1024;
const emitterFile = join(import.meta.dirname, 'emitter-process.ts');
const receiverFile = join(import.meta.dirname, 'receiver-process.ts');

/** Sender on the system's core, receiver on the rig's. */
export function runBlock(order: BlockOrder): Promise<Block> {
  const emitter: Emitter = new RigProcess({ file: emitterFile, core: Core.system });
  return disposing([emitter], async () => {
    const { part, streams, tokensPerSecond, windowMs } = order;
    const address = await emitter.call('start', { part, streams, tokensPerSecond, windowMs });
    if (address === undefined) return await measure(order, emitter, undefined);
    const receiver = new RigProcess<ReceiverCalls>({ file: receiverFile, core: Core.rig });
    return await disposing([receiver], async () => {
      const receive = { address, streams, clockOffsetMicros: await emitter.call('clockOffset') };
      await receiver.call(part === 'engine' ? 'receiveLink' : 'receiveStreamPerSession', receive);
      await emitter.call('go');
      return await measure(order, emitter, receiver);
    });
  });
}

type Emitter = RigProcess<EmitterCalls>;
type Receiver = RigProcess<ReceiverCalls> | undefined;

type Received = { readonly sample: ProcessSample; readonly counts: ReceiverCounts };

async function snapshot(emitter: Emitter, receiver: Receiver) {
  const [emitted, counts, received] = await Promise.all([
    emitter.sample(),
    emitter.call('counts'),
    receiver && receivedSoFar(receiver),
  ]);
  return { emitted, counts, received };
}

async function receivedSoFar(receiver: RigProcess<ReceiverCalls>): Promise<Received> {
  const [sample, counts] = await Promise.all([receiver.sample(), receiver.call('counts')]);
  return { sample, counts };
}

async function measure(order: BlockOrder, emitter: Emitter, receiver: Receiver): Promise<Block> {
  await sleep(order.warmSeconds * 1000);
  const before = await snapshot(emitter, receiver);
  await sleep(order.seconds * 1000);
  const after = await snapshot(emitter, receiver);
  const emitted = cpuBetween(before.emitted, after.emitted);
  const tokens = after.counts.tokens - before.counts.tokens;
  const sent = {
    seconds: (after.emitted.monotonicMicros - before.emitted.monotonicMicros) / 1e6,
    tokens,
    emitterUsPerToken: emitted.micros / tokens,
    emitterCore: emitted.core,
    emitterRssMiB: after.emitted.rssBytes / MIB,
    wakes: after.counts.wakes - before.counts.wakes,
    splits: after.counts.splits - before.counts.splits,
    paceSlipSeconds: after.counts.paceSlipSeconds - before.counts.paceSlipSeconds,
  };
  if (before.received === undefined || after.received === undefined) return { ...NOTHING_RECEIVED, ...sent };
  return { ...sent, ...receivedBetween(before.received, after.received) };
}

const NOTHING_RECEIVED = {
  receiverUsPerToken: NaN,
  receiverCore: 0,
  frames: 0,
  bytes: 0,
  lost: 0,
  doubled: 0,
  newest: new Histogram(),
} as const;

/** Tokens and frames of the stretch; faults of the whole life, since one void token voids all. */
function receivedBetween(before: Received, after: Received) {
  const { micros, core } = cpuBetween(before.sample, after.sample);
  const tokens = after.counts.tokens - before.counts.tokens;
  return {
    seconds: (after.counts.monotonicMicros - before.counts.monotonicMicros) / 1e6,
    tokens,
    receiverUsPerToken: micros / tokens,
    receiverCore: core,
    frames: after.counts.frames - before.counts.frames,
    bytes: after.counts.bytes - before.counts.bytes,
    lost: after.counts.lost + after.counts.altered,
    doubled: after.counts.doubled,
    newest: new Histogram(after.counts.newestCounts),
  };
}
