import {
  createLogger,
  Secret,
  errorFields,
  Lifecycle,
  standardError,
  superviseProcess,
  systemEnv,
} from '@reticle/core/process';
import type { Env, Logger, ParentChannel } from '@reticle/core/process';
import { ChannelBus, connectNatsBus, type Bus } from '@reticle/services/bus';
import { keepCompiled } from './compile-cache.ts';
import { messageOfKind, type ChildOrder, type ChildReport, type GatewayOrder, type NatsAccess } from './messages.ts';

/** What a supervised process has to work with. */
export type ChildContext = {
  readonly env: Env;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly report: (message: ChildReport) => void;
  /** Told the orders that come after the first one. */
  readonly onOrder: (listener: (order: GatewayOrder) => void) => void;
  /** The channel to the supervisor. */
  readonly supervisor: ParentChannel;
};

const DRAIN_BOUND_MS = 5_000;

/**
 * The life of a supervised process: waits for its order, starts, obeys SIGTERM, ignores SIGINT, and ends when
 * the supervisor is gone.
 */
export function runChild<Kind extends ChildOrder['kind']>(
  kind: Kind,
  start: (order: Extract<ChildOrder, { kind: Kind }>, context: ChildContext) => Promise<void>,
): void {
  const env = systemEnv();
  const output = standardError();
  const logger = createLogger({ level: 'warn', clock: env.clock, output });
  const lifecycle = new Lifecycle({ clock: env.clock, logger, drainBoundMs: DRAIN_BOUND_MS });
  superviseProcess({ lifecycle, logger, ignoreSigint: true, supervised: true, flush: () => output.flushSync?.() });
  const parent = env.spawn.parent();
  if (parent === undefined) {
    logger.error('this process is started by its supervisor', { kind });
    process.exitCode = 2;
    return;
  }
  const busOf = async (access: NatsAccess | undefined): Promise<Bus> => {
    if (access === undefined) return new ChannelBus(parent, env.clock);
    const { servers, seed } = access;
    const { clock, random } = env;
    const bus = await connectNatsBus({ servers, seed: new Secret(seed), clock, random, logger });
    return lifecycle.own('bus', bus);
  };
  const report = (message: ChildReport): void => void parent.send(message);
  const onOrder: ChildContext['onOrder'] = (listener) => {
    parent.onMessage((message) => {
      const order = messageOfKind<GatewayOrder>(message, ['gateway-access', 'gateway-tls']);
      if (order !== undefined) listener(order);
    });
  };
  const begin = async (order: Extract<ChildOrder, { kind: Kind }>): Promise<void> => {
    try {
      const bus = await busOf('nats' in order.config ? order.config.nats : undefined);
      await start(order, { env, bus, logger, lifecycle, report, onOrder, supervisor: parent });
      keepCompiled();
    } catch (error) {
      logger.error('start failed', { kind, ...errorFields(error) });
      report({ kind: 'failed', message: error instanceof Error ? error.message : 'unknown failure' });
      await lifecycle.drain('start_failed');
    }
  };
  parent.onMessage((message) => {
    const order = messageOfKind<ChildOrder>(message, [kind]);
    if (order !== undefined) void begin(order as Extract<ChildOrder, { kind: Kind }>);
  });
}
