/** A platform whose front door is reached on loopback and behind wires of 20 ms with TLS (PERFORMANCE §6.8). */
import { join } from 'node:path';
import { disposing } from '../run.ts';
import type { DelayRelayCalls } from './delay-relay-process.ts';
import { startFrontPlatform, type FrontPlatform } from './front-platform.ts';
import { Core, RigProcess } from './rig-process.ts';
import { OPENSSL_INSTALL, selfSigned } from './self-signed.ts';
import type { Wire } from './wire-delay.ts';

/** `rtt20`: TLS, TCP's handshake and its slow start; `rtt20-open`: without slow start. */
export type WireName = 'loopback' | 'rtt20' | 'rtt20-open';

export const wireNotes: Readonly<Record<WireName, readonly string[]>> = {
  loopback: [],
  rtt20: ['20 ms, TLS 1.3 without resumption, TCP’s handshake and slow start (ten segments) as a relay counts them'],
  'rtt20-open': ['20 ms, TLS 1.3 without resumption, TCP’s handshake, no slow start'],
};

const relayFile = join(import.meta.dirname, 'delay-relay-process.ts');
const WIRES = {
  rtt20: { rttMs: 20, handshake: true, slowStart: true },
  'rtt20-open': { rttMs: 20, handshake: true },
} as const satisfies Readonly<Record<Exclude<WireName, 'loopback'>, Wire>>;

export type WiredPlatform = AsyncDisposable &
  Pick<FrontPlatform, 'gateway' | 'engine' | 'apiKey'> & {
    /** `host:port` of each way in; on loopback without TLS, and without openssl there is no other. */
    readonly addresses: Readonly<Partial<Record<WireName, string>>>;
  };

/** Told of a run where there are no wires. */
export const NO_WIRES = {
  peer: 'TLS',
  reason: 'openssl is not there: no cell behind a wire',
  install: OPENSSL_INSTALL,
} as const;

/** Everything on: authentication, metering, telemetry. The engine and the wires are on the rig's core. */
export async function startWiredPlatform(tokensPerSecond: number): Promise<WiredPlatform> {
  const platform = await startFrontPlatform({ tokensPerSecond });
  const used: AsyncDisposable[] = [platform];
  const stop = (): Promise<void> => disposing(used, () => Promise.resolve());
  try {
    const { front: address } = platform;
    const addresses: Partial<Record<string, string>> = { loopback: address };
    const tls = selfSigned();
    for (const [name, wire] of tls === undefined ? [] : Object.entries(WIRES)) {
      const relay = new RigProcess<DelayRelayCalls>({ file: relayFile, core: Core.rig });
      used.push(relay);
      addresses[name] = await relay.call('start', { ...wire, address, ...(tls && { tls }) });
    }
    return { ...platform, addresses, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
