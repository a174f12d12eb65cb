import { randomBytes } from 'node:crypto';
import { base32, RANDOM_ID_BYTES } from '@reticle/core/domain';
import { memoryLogger, Secret, systemClock, systemRandom, type MemoryLogger } from '@reticle/core/process';
import {
  componentNkey,
  connectNatsBus,
  natsServerConfig,
  NKEY_SEED_BYTES,
  startNatsServer,
  type ComponentNkey,
  type NatsBus,
  type NatsComponent,
  type NatsServer,
} from '@reticle/services/bus';

export const CELL = 'test-1';
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);
export const randomId = (): string => base32(randomBytes(RANDOM_ID_BYTES));

export type Component = ComponentNkey & { readonly component: NatsComponent };

const key = (): ComponentNkey => componentNkey(randomBytes(NKEY_SEED_BYTES));

export function gateway(): Component {
  const pair = key();
  return { ...pair, component: { role: 'gateway', nkey: pair.publicKey } };
}

export function operator(): Component {
  const pair = key();
  return { ...pair, component: { role: 'operator', nkey: pair.publicKey } };
}

export function host(): Component & { readonly engineId: string } {
  const [pair, engineId] = [key(), randomId()];
  return { ...pair, engineId, component: { role: 'host', nkey: pair.publicKey, engineId } };
}

const open: AsyncDisposable[] = [];

/** Ends every server and bus of this file that is still there, also those of a test that failed. */
export async function endAll(): Promise<void> {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
}

/** Remembers a server or a bus for {@link endAll}. */
export function owned<T extends AsyncDisposable>(each: T): T {
  open.push(each);
  return each;
}

export function configOf(components: readonly Component[], port = 0): string {
  return natsServerConfig({ cell: CELL, components: components.map(({ component }) => component), port });
}

/** A server with the configuration that the project generates; port 0: any. */
export async function serve(path: string, components: readonly Component[], port = 0): Promise<NatsServer> {
  const configText = configOf(components, port);
  return owned(await startNatsServer({ path, configText, clock: systemClock }));
}

/** A bus with its log, and a way to wait for what it notices by itself. */
export type WatchedBus = {
  readonly bus: NatsBus;
  readonly logger: MemoryLogger;
  /** Resolves when {@link NatsBus.connected} is this. */
  readonly until: (connected: boolean) => Promise<void>;
};

export async function watchedBus(url: string, { seed }: ComponentNkey, firstConnectMs = 5_000): Promise<WatchedBus> {
  const logger = memoryLogger();
  const waits = new Set<() => void>();
  const bus = await connectNatsBus({
    servers: [url],
    seed: new Secret(seed),
    clock: systemClock,
    random: systemRandom,
    logger,
    firstConnectMs,
    onConnected: () => waits.forEach((wait) => wait()),
  });
  owned(bus);
  const until = (connected: boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (bus.connected !== connected) return;
        waits.delete(check);
        resolve();
      };
      waits.add(check);
      check();
    });
  return { bus, logger, until };
}

/** Asks again and again, with a breath between, until it is so; the caller bounds it. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => systemClock.after(5, resolve));
}
