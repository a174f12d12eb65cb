/** A real nats-server between the processes of a platform, for cells where the bus is part of what is measured. */
import { systemClock, systemEnv } from '@reticle/core/process';
import { resolveTool } from '@reticle/core/tools';
import {
  componentNkey,
  NKEY_SEED_BYTES,
  natsServerConfig,
  startNatsServer,
  type NatsComponent,
  type NatsServer,
} from '@reticle/services/bus';
import type { NatsAccess } from '@reticle/services/main';
import { randomBytes } from 'node:crypto';
import { BENCH_REGION } from './link-requests.ts';

const HOST = '127.0.0.1';

/** A process on the bus. */
export type BusMember = { readonly role: 'gateway' } | { readonly role: 'host'; readonly engineId: string };

export type BusServer = AsyncDisposable & {
  /** Of the members, in their order. */
  readonly access: readonly NatsAccess[];
  /** Frozen: it holds its connections and answers nothing. */
  freeze(): void;
  /** Gone; resolves when it is. */
  end(): Promise<void>;
};

/** Where the binary is, or a text for people who have none. */
export async function findBusServer(): Promise<{ readonly path: string } | { readonly missing: string }> {
  const found = await resolveTool('nats-server');
  return 'missing' in found ? { missing: found.missing } : { path: found.path };
}

export async function startBusServer(path: string, members: readonly BusMember[]): Promise<BusServer> {
  const keys = members.map(() => componentNkey(randomBytes(NKEY_SEED_BYTES)));
  const components = members.map((member, index): NatsComponent => ({ ...member, nkey: keys[index]?.publicKey ?? '' }));
  const port = await systemEnv().net.freePort(HOST, 0);
  const configText = natsServerConfig({ cell: BENCH_REGION, components, port });
  const server: NatsServer = await startNatsServer({ path, configText, clock: systemClock });
  return {
    access: keys.map(({ seed }) => ({ servers: [server.url], seed })),
    freeze: () => void server.kill('SIGSTOP'),
    end: async () => {
      server.kill('SIGKILL');
      await server.exited;
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
