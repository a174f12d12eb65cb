/** One pod of a chain: the engine itself at stage 0, a stage behind it elsewhere (OPERATOR §10). */
import {
  createLogger,
  errorFields,
  Lifecycle,
  standardError,
  superviseProcess,
  systemEnv,
} from '@reticle/core/process';
import { POD_HELP, podSettings } from './pod-settings.ts';
import { startPod } from './start-pod.ts';

const DRAIN_BOUND_MS = 120_000;

const env = systemEnv();
const output = standardError();
const logger = createLogger({ level: 'info', clock: env.clock, output });
const lifecycle = new Lifecycle({ clock: env.clock, logger, drainBoundMs: DRAIN_BOUND_MS });
superviseProcess({ lifecycle, logger, flush: () => output.flushSync?.() });

try {
  const settings = podSettings(process.argv.slice(2));
  if (settings === 'help') process.stdout.write(POD_HELP);
  else await startPod(settings, { env, logger, lifecycle });
} catch (error) {
  logger.error('the pod does not start', errorFields(error));
  process.exitCode = 1;
  await lifecycle.drain('start_failed');
}
