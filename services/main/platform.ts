/**
 * Supervisor of a local platform; forked by `reticle up`. It ends when it is told to, on SIGTERM, and when the
 * channel to its parent closes, and takes its children with it.
 */
import {
  createLogger,
  errorFields,
  Lifecycle,
  standardError,
  superviseProcess,
  systemEnv,
} from '@reticle/core/process';
import { assertNever, type LocalPlatformState } from '@reticle/core/domain';
import { LocalPlatform } from './local-platform.ts';
import { messageOfKind, type PlatformOrder, type PlatformReport } from './messages.ts';

const DRAIN_BOUND_MS = 8_000;
const CLOSE_BOUND_MS = 8_000;

const env = systemEnv();
const output = standardError();
const logger = createLogger({ level: 'warn', clock: env.clock, output });
const lifecycle = new Lifecycle({
  clock: env.clock,
  logger,
  drainBoundMs: DRAIN_BOUND_MS,
  closeBoundMs: CLOSE_BOUND_MS,
});
superviseProcess({
  lifecycle,
  logger,
  ignoreSigint: true,
  supervised: true,
  orphanBoundMs: DRAIN_BOUND_MS,
  flush: () => output.flushSync?.(),
});

const parent = env.spawn.parent();
if (parent === undefined) {
  logger.error('the platform supervisor is started by "reticle up"');
  process.exitCode = 2;
} else {
  const report = (message: PlatformReport): void => void parent.send(message);
  let platform: LocalPlatform | undefined;
  const run = async (spec: Extract<PlatformOrder, { kind: 'platform-spec' }>['spec']): Promise<void> => {
    const progress = (text: string): void => report({ kind: 'platform-progress', text });
    const onProcesses = (processes: LocalPlatformState['processes']): void =>
      report({ kind: 'platform-processes', processes });
    platform = lifecycle.own('platform', new LocalPlatform(spec, { env, logger, progress, onProcesses }));
    try {
      report({ kind: 'platform-ready', state: await platform.start() });
    } catch (error) {
      logger.error('the local platform did not start', errorFields(error));
      report({ kind: 'platform-failed', message: error instanceof Error ? error.message : 'unknown failure' });
      await lifecycle.drain('start_failed');
    }
  };
  const obey = (order: PlatformOrder): void => {
    switch (order.kind) {
      case 'platform-spec':
        void run(order.spec);
        break;
      case 'platform-access':
        platform?.replaceAccess(order.access);
        break;
      case 'platform-tls':
        platform?.replaceTls(order.tls);
        break;
      case 'platform-stop':
        void lifecycle.drain('platform_stop');
        break;
      default:
        assertNever(order);
    }
  };
  const kinds = ['platform-spec', 'platform-access', 'platform-tls', 'platform-stop'] as const;
  parent.onMessage((message) => {
    const order = messageOfKind<PlatformOrder>(message, kinds);
    if (order !== undefined) obey(order);
  });
}
