/** The real nats-server of a run, and a wire of its own to it for every process. */
import { randomBytes } from 'node:crypto';
import { systemClock, systemEnv } from '@reticle/core/process';
import { resolveTool } from '@reticle/core/tools';
import {
  componentNkey,
  NKEY_SEED_BYTES,
  natsServerConfig,
  startNatsServer,
  type ComponentNkey,
  type NatsComponent,
  type NatsServer,
} from '@reticle/services/bus';
import type { GatewayConfig } from '@reticle/services/main';
import { FaultProxy } from '../kit/fault-proxy.ts';

const HOST = '127.0.0.1';

/** A process on the bus: a gateway, or an engine by its id. */
export type Member = { readonly role: 'gateway' } | { readonly role: 'host'; readonly engineId: string };

type Joined = { readonly member: Member; readonly key: ComponentNkey; readonly proxy: FaultProxy };

/** The binary, or why there is none. */
export async function findNatsServer(): Promise<{ readonly path: string } | { readonly missing: string }> {
  const found = await resolveTool('nats-server');
  return 'missing' in found ? { missing: found.missing } : { path: found.path };
}

export class Nats implements AsyncDisposable {
  readonly #path: string;
  readonly #cell: string;
  readonly #joined: Joined[] = [];
  #port = 0;
  #server: NatsServer | undefined;

  constructor(path: string, cell: string) {
    this.#path = path;
    this.#cell = cell;
  }

  /** Wires of all processes, in the order in which they joined. */
  get proxies(): readonly FaultProxy[] {
    return this.#joined.map(({ proxy }) => proxy);
  }

  get alive(): boolean {
    return this.#server !== undefined;
  }

  /** A user of its own and a wire of its own; before {@link start}. */
  async join(member: Member, seed: number): Promise<NonNullable<GatewayConfig['nats']>> {
    const key = componentNkey(randomBytes(NKEY_SEED_BYTES));
    const proxy = await FaultProxy.start({ seed });
    this.#joined.push({ member, key, proxy });
    return { servers: [`nats://${proxy.address}`], seed: key.seed };
  }

  /** Starts the server, empty, on the port of before; with `strangers` it knows none of its users. */
  async start({ strangers = false } = {}): Promise<void> {
    if (this.#port === 0) this.#port = await systemEnv().net.freePort(HOST, 0);
    const components = this.#joined.map(({ member, key }): NatsComponent => {
      const nkey = strangers ? componentNkey(randomBytes(NKEY_SEED_BYTES)).publicKey : key.publicKey;
      return { ...member, nkey };
    });
    const configText = natsServerConfig({ cell: this.#cell, components, port: this.#port });
    const server = await startNatsServer({ path: this.#path, configText, clock: systemClock });
    this.#server = server;
    for (const { proxy } of this.#joined) proxy.targetPort = server.port;
    void server.exited.then(() => {
      if (this.#server === server) this.#server = undefined;
    });
  }

  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#server?.kill(signal);
  }

  /** Killed, and gone. */
  async end(): Promise<void> {
    const server = this.#server;
    server?.kill('SIGKILL');
    await server?.exited;
  }

  /** The server runs with its own users, and nothing is on its wires. */
  async heal(): Promise<void> {
    for (const { proxy } of this.#joined) proxy.heal();
    this.kill('SIGCONT');
    if (!this.alive) await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await Promise.all(this.#joined.map(({ proxy }) => proxy[Symbol.asyncDispose]()));
  }
}
