import type { GatewayAccess } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { errorFields, type Env, type Logger } from '@reticle/core/process';
import { PACKED_CHARACTERS_MAX } from '@reticle/proto/serving';
import type { Bus } from '@reticle/services/bus';
import { servingAccess, ServingFeed, ServingRoutes } from '@reticle/services/serving';
import type { Routing } from '@reticle/services/stream';
import type { GatewayConfig } from './messages.ts';

type Records = Pick<GatewayAccess, 'keys' | 'tenants'>;

const CATCH_UP_MS = 1_000;
const LOOK_MS = 5;

/** What a gateway has of its cell's serving snapshots. */
export type GatewayServing = {
  /** Absent where the gateway follows none. */
  readonly routing?: Routing;
  /** Resolves when the boot copy is read and the operator has answered, or has not within a second. */
  first(): Promise<void>;
  /** From now on keys and tenants of each snapshot go there; those of the one in force at once. */
  open(replace: (records: Records) => void): void;
  close(): void;
};

type Given = Pick<GatewayConfig, 'serving' | 'region'>;
type Parts = { readonly env: Env; readonly bus: Bus; readonly logger: Logger };

/** Follows the snapshots of the gateway's cell, where the configuration names one. */
export function startServing({ serving, region }: Given, { env, bus, logger: log }: Parts): GatewayServing {
  if (serving === undefined) return { first: () => Promise.resolve(), open() {}, close() {} };
  const { cell, bootFile } = serving;
  const routing = new ServingRoutes();
  let records: Records | undefined;
  let replace = (_records: Records): void => {};
  const look = async (): Promise<void> => {
    if (bootFile !== undefined) await boot(feed, bootFile, { env, log });
  };
  const feed = new ServingFeed({
    ...env,
    // The copy is mounted: without the bus it still brings what the operator has kept since.
    onSilence: () => void look(),
    bus,
    log,
    cell,
    region,
    onSnapshot(snapshot) {
      routing.replace(snapshot);
      const next = servingAccess(snapshot);
      if (next === undefined) return;
      records = next;
      replace(next);
    },
  });
  return {
    routing,
    async first() {
      await look();
      await feed.ask();
      await caughtUp(feed, env.clock);
    },
    open(to) {
      replace = to;
      if (records !== undefined) to(records);
    },
    close: () => feed.close(),
  };
}

/** A boot copy is a help, not a condition: without it the gateway waits for the operator. */
async function boot(feed: ServingFeed, file: string, { env, log }: { readonly env: Env; readonly log: Logger }) {
  try {
    if (!(await env.disk.exists(file))) return;
    feed.boot((await env.disk.readText(file, PACKED_CHARACTERS_MAX)).trim());
  } catch (error) {
    log.warn('the boot copy of the serving snapshot cannot be read', errorFields(error));
  }
}

/** The parts of what the operator has named follow within its debounce. */
function caughtUp(feed: ServingFeed, clock: Clock): Promise<void> {
  const untilMs = clock.nowMs() + CATCH_UP_MS;
  return new Promise((resolve) => {
    const look = (): void => {
      if (!feed.behind || clock.nowMs() >= untilMs) resolve();
      else clock.after(LOOK_MS, look);
    };
    look();
  });
}
