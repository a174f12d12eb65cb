import { createHmac } from 'node:crypto';
import { base32, RANDOM_ID_BYTES } from '@reticle/core/domain';
import { silentLogger } from '@reticle/core/process';
import { limits } from '@reticle/proto/contract';
import { sessionSignalKeys, type SignalKey } from '@reticle/services/bus/signals';
import {
  createResumeTokens,
  EngineDirectory,
  LinkPool,
  remoteSessions,
  Sessions,
  silentEvents,
  SignalSender,
  UsageLedger,
  type Bill,
} from '@reticle/services/stream';
import { linkTransport, signalTransport } from './link-wire.ts';
import type { Network } from './network.ts';
import type { SimBus } from './sim-bus.ts';
import { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

export type GatewaySpec = {
  readonly node: string;
  readonly gatewayId: string;
  readonly region: string;
  readonly cellKey: SignalKey;
};

export type GatewaySurroundings = {
  readonly world: World;
  readonly network: Network;
  readonly bus: SimBus;
  /** An engine has answered a signal. */
  readonly answered: (signalId: string, engineId: string) => void;
};

/** Keeps what closed sessions were billed, for the checks. */
export class KeptLedger extends UsageLedger {
  readonly kept: Bill[] = [];
  readonly #open = new Set<string>();

  override open(key: Omit<Bill, 'throughOffset'>): Bill {
    this.#open.add(key.sessionId);
    return super.open(key);
  }

  override close(sessionId: string): readonly Bill[] {
    this.#open.delete(sessionId);
    const bills = super.close(sessionId);
    this.kept.push(...bills);
    return bills;
  }

  /** Every bill of this gateway's life. */
  all(): readonly Bill[] {
    return [...this.kept, ...[...this.#open].flatMap((sessionId) => this.ofSession(sessionId))];
  }
}

/** One life of a gateway: directory, links, sessions. */
export class GatewayProcess {
  readonly process: SimProcess;
  readonly sessions: Sessions;
  readonly ledger = new KeptLedger();
  readonly directory: EngineDirectory;
  readonly links: LinkPool;

  constructor(spec: GatewaySpec, life: number, { world, network, bus, answered }: GatewaySurroundings) {
    const { node, gatewayId, region, cellKey } = spec;
    const process = new SimProcess(world, { name: `${node}.${life}`, node });
    this.process = process;
    const { clock, random } = process;
    const logger = silentLogger;
    const directory = new EngineDirectory({ bus: bus.of(process), clock, random, cell: region });
    this.directory = directory;
    this.links = new LinkPool({
      transport: linkTransport(network, process),
      clock,
      random,
      logger,
      gatewayId,
      incarnation: base32(random.bytes(RANDOM_ID_BYTES)),
      region,
      onLoad: (engineId, load) => directory.loaded(engineId, load),
      onAlive: (engine) => directory.alive(engine),
      onLost: () => {},
    });
    const signals = new SignalSender({
      bus: bus.of(process),
      transport: signalTransport(network, process),
      clock,
      random,
      keys: [cellKey],
      cell: region,
      origin: gatewayId,
    });
    const remote = remoteSessions(signals, region);
    this.sessions = new Sessions({
      events: silentEvents,
      failpoint: () => {},
      clock,
      random,
      logger,
      engines: directory,
      links: this.links,
      tokens: createResumeTokens({ region, keys: [cellKey], clock, random }),
      ledger: this.ledger,
      gateway: gatewayId,
      kvScope: (tenant, digest) => createHmac('sha256', cellKey.key).update(`${tenant}\0${digest}`).digest(),
      signalKeys: (sessionId) => sessionSignalKeys([cellKey], sessionId),
      remote: {
        ...remote,
        signal: async (target, signal) => {
          const ack = await remote.signal(target, signal);
          answered(ack.signalId, target.engineId);
          return ack;
        },
      },
      region,
    });
    this.#watch();
    world.note('gateway up', process.name);
  }

  /** As the composition root does it: engines that drain or are gone. */
  #watch(): void {
    for (const engineId of this.directory.draining()) this.sessions.leaveEngine(engineId);
    this.links.prune((engineId) => this.directory.get(engineId)?.address);
    this.process.clock.after(limits.presenceMs, () => this.#watch());
  }
}
