import { Backoff } from '@reticle/core/flow';
import { environment, errorFields, type Env, type Logger } from '@reticle/core/process';
import { resolveTool } from '@reticle/core/tools';
import { natsServerConfig, startNatsServer, type NatsComponent, type NatsServer } from '@reticle/services/bus';
import { checkForeignNats } from './foreign-nats.ts';
import { stateFolder, type MemberKeys } from './member-keys.ts';
import type { NatsAccess } from './messages.ts';

/** Who talks over the bus: by its name among all, its role, and for an engine whose subjects are its own. */
export type BusMember =
  | { readonly name: string; readonly role: 'gateway' }
  | { readonly name: string; readonly role: 'host'; readonly engineId: string };

export type LocalNatsOptions = {
  readonly env: Env;
  readonly logger: Logger;
  /** A server of this platform was started or has ended. */
  readonly onChanged: () => void;
};

export type NatsStart = {
  /** `none`, `embedded`, or the address of a running server. */
  readonly nats: string;
  readonly cell: string;
  readonly keys: MemberKeys;
  readonly members: readonly BusMember[];
};

const RESTART_BASE_MS = 250;
const RESTART_CAP_MS = 5_000;

/**
 * What carries the bus of a local platform: nothing (the supervisor does), a running server, or one that is started
 * here with users and permissions of this run (PROTOCOL S7) and started again, on its port, when it dies.
 */
export class LocalNats implements AsyncDisposable {
  readonly #options: LocalNatsOptions;
  readonly #backoff: Backoff;
  readonly #seeds = new Map<string, string>();
  #servers: readonly string[] = [];
  #server: NatsServer | undefined;
  #stopping = false;
  #cancelRestart: () => void = () => {};

  constructor(options: LocalNatsOptions) {
    this.#options = options;
    const { random } = options.env;
    this.#backoff = new Backoff({ random, baseMs: RESTART_BASE_MS, capMs: RESTART_CAP_MS });
  }

  /** Undefined while no server of this platform runs. */
  get pid(): number | undefined {
    return this.#server?.pid;
  }

  /** Access of a member, the same for its every start; undefined when the supervisor carries the bus. */
  accessOf({ name }: BusMember): NatsAccess | undefined {
    const seed = this.#seeds.get(name);
    return seed === undefined ? undefined : { servers: this.#servers, seed };
  }

  /**
   * Resolves when the bus can carry.
   *
   * @throws Error for people: no server binary can be had, none answers at the address, or it refuses the members
   */
  async start({ nats, cell, keys, members }: NatsStart): Promise<void> {
    if (nats === 'none') return;
    const { env } = this.#options;
    const known = members.map((member) => this.#register(member, keys));
    if (nats !== 'embedded') {
      this.#servers = [nats];
      await checkForeignNats({ env, url: nats, cell, members: known, folder: stateFolder(environment()) });
      return;
    }
    const found = await resolveTool('nats-server');
    if ('missing' in found) throw new Error(found.missing);
    const port = await env.net.freePort('127.0.0.1', 0);
    const components = known.map(({ component }) => component);
    await this.#run(found.path, natsServerConfig({ cell, components, port }));
  }

  #register(member: BusMember, keys: MemberKeys): { readonly component: NatsComponent; readonly seed: string } {
    const { publicKey: nkey, seed } = keys.nkeyOf(member.name);
    this.#seeds.set(member.name, seed);
    const { role } = member;
    return { seed, component: role === 'host' ? { role, nkey, engineId: member.engineId } : { role, nkey } };
  }

  async #run(path: string, configText: string): Promise<void> {
    const server = await startNatsServer({ path, configText, clock: this.#options.env.clock });
    if (this.#stopping) {
      await server.stop();
      return;
    }
    this.#server = server;
    this.#servers = [server.url];
    this.#backoff.reset();
    this.#options.onChanged();
    void server.exited.then(() => {
      this.#server = undefined;
      this.#options.onChanged();
      if (this.#stopping) return;
      this.#options.logger.warn('nats-server ended, starting it again', { component: 'nats' });
      this.#restartLater(path, configText);
    });
  }

  /** The port may still be another's for a moment, so one failed start is not the last. */
  #restartLater(path: string, configText: string): void {
    const { env, logger } = this.#options;
    this.#cancelRestart = env.clock.after(this.#backoff.nextMs(), () => {
      this.#run(path, configText).catch((error: unknown) => {
        logger.error('nats-server does not start again, trying on', { component: 'nats', ...errorFields(error) });
        if (!this.#stopping) this.#restartLater(path, configText);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#cancelRestart();
    await this.#server?.stop();
  }
}
