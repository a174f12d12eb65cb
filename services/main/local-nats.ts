import type { Env, Logger } from '@reticle/core/process';
import { resolveTool } from '@reticle/core/tools';
import {
  componentNkey,
  NKEY_SEED_BYTES,
  natsServerConfig,
  startNatsServer,
  type NatsComponent,
  type NatsServer,
} from '@reticle/services/bus';
import type { NatsAccess } from './messages.ts';

/** Who talks over the bus: the role, and for an engine whose subjects are its own. */
export type BusMember = { readonly role: 'gateway' } | { readonly role: 'host'; readonly engineId: string };

const RESTART_MS = 250;

/**
 * What carries the bus of a local platform: nothing (the supervisor does), a running server, or one that is started
 * here with users and permissions of this run (PROTOCOL S7) and started again when it dies.
 */
export class LocalNats implements AsyncDisposable {
  readonly #env: Env;
  readonly #logger: Logger;
  readonly #seeds = new Map<BusMember, string>();
  #servers: readonly string[] = [];
  #server: NatsServer | undefined;
  #stopping = false;
  #cancelRestart: () => void = () => {};

  constructor(env: Env, logger: Logger) {
    this.#env = env;
    this.#logger = logger;
  }

  /** Undefined while no server of this platform runs. */
  get pid(): number | undefined {
    return this.#server?.pid;
  }

  /** Access of a member; undefined when the supervisor carries the bus. */
  accessOf(member: BusMember): NatsAccess | undefined {
    const seed = this.#seeds.get(member);
    return seed === undefined ? undefined : { servers: this.#servers, seed };
  }

  /**
   * `none`, `embedded`, or the address of a running server.
   *
   * @throws Error when no server binary can be had, with the ways to get one
   */
  async start(nats: string, cell: string, members: readonly BusMember[]): Promise<void> {
    if (nats === 'none') return;
    const components = members.map((member) => this.#register(member));
    if (nats !== 'embedded') {
      this.#servers = [nats];
      return;
    }
    const found = await resolveTool('nats-server');
    if ('missing' in found) throw new Error(found.missing);
    const port = await this.#env.net.freePort('127.0.0.1', 0);
    const configText = natsServerConfig({ cell, components, port });
    await this.#run(found.path, configText);
  }

  #register(member: BusMember): NatsComponent {
    const { publicKey: nkey, seed } = componentNkey(this.#env.random.bytes(NKEY_SEED_BYTES));
    this.#seeds.set(member, seed);
    return { ...member, nkey };
  }

  async #run(path: string, configText: string): Promise<void> {
    const server = await startNatsServer({ path, configText, clock: this.#env.clock });
    this.#server = server;
    this.#servers = [server.url];
    void server.exited.then(() => {
      this.#server = undefined;
      if (this.#stopping) return;
      this.#logger.warn('nats-server ended, starting it again', { component: 'nats' });
      this.#cancelRestart = this.#env.clock.after(RESTART_MS, () => {
        this.#run(path, configText).catch(() => this.#logger.error('nats-server does not start again', {}));
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#cancelRestart();
    await this.#server?.stop();
  }
}
