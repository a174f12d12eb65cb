/** The operator's process: in a pod of the cluster, or from a shell by `reticle operator`. */
import {
  createLogger,
  errorFields,
  Lifecycle,
  standardError,
  superviseProcess,
  systemEnv,
} from '@reticle/core/process';
import { OPERATOR_HELP, operatorSettings } from './operator-settings.ts';
import { startOperator } from './start-operator.ts';

/** Writes of a pass that is under way may end; the lease is given up after them. */
const DRAIN_BOUND_MS = 2_000;
const CLOSE_BOUND_MS = 2_000;

const env = systemEnv();
const output = standardError();
const logger = createLogger({ level: 'info', clock: env.clock, output });
const bounds = { drainBoundMs: DRAIN_BOUND_MS, closeBoundMs: CLOSE_BOUND_MS };
const lifecycle = new Lifecycle({ clock: env.clock, logger, ...bounds });
superviseProcess({
  lifecycle,
  logger,
  supervised: env.spawn.parent() !== undefined,
  flush: () => output.flushSync?.(),
});

try {
  const settings = operatorSettings(process.argv.slice(2));
  if (settings === 'help') process.stdout.write(OPERATOR_HELP);
  else await startOperator(settings, { env, logger, lifecycle });
} catch (error) {
  logger.error('the operator does not start', errorFields(error));
  process.exitCode = 1;
  await lifecycle.drain('start_failed');
}
