/**
 * Referent of the interrupt bench: client → relay → emitter over grpc-js and proto-loader, with the product's
 * messages on both hops and none of its logic. Processes and cores are those of our own chain.
 */
import { join } from 'node:path';
import { Core, RigProcess } from '../rig/rig-process.ts';
import type { BareChainEmitterCalls } from './bare-chain-emitter-process.ts';
import type { BareChainRelayCalls } from './bare-chain-relay-process.ts';

export type BareChain = AsyncDisposable & {
  readonly relay: RigProcess<BareChainRelayCalls>;
  /** `host:port` of the relay. */
  readonly address: string;
  /** Of the emitter, which stamps due times. */
  readonly clockOffsetMicros: number;
};

/** Relay and emitter, both on the system's core. */
export async function startBareChain(tokensPerSecond: number): Promise<BareChain> {
  const file = (name: string): string => join(import.meta.dirname, name);
  const relay = new RigProcess<BareChainRelayCalls>({
    file: file('bare-chain-relay-process.ts'),
    core: Core.system,
  });
  const emitter = new RigProcess<BareChainEmitterCalls>({
    file: file('bare-chain-emitter-process.ts'),
    core: Core.system,
  });
  const stop = async (): Promise<void> => void (await Promise.all([relay.stop(), emitter.stop()]));
  try {
    const address = await relay.call('start', {
      address: await emitter.call('start', tokensPerSecond),
      connections: 1,
    });
    const clockOffsetMicros = await emitter.call('clockOffset');
    return { relay, address, clockOffsetMicros, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
