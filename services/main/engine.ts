/** One engine process. */
import { environment } from '@reticle/core/process';
import { runChild } from './child-process.ts';
import { startEngine } from './engine-root.ts';

runChild('engine-config', async ({ config }, { env, bus, logger, lifecycle, report }) => {
  const engine = await startEngine(config, { env, bus, logger, environment: environment() });
  lifecycle.own('engine', () => engine.close(0, 'closed'));
  lifecycle.onDrain('engine', ({ timeLeftMs, reason }) => engine.close(timeLeftMs, reason));
  const { address, port, metricsPort } = engine;
  report({ kind: 'engine-ready', address, port, ...(metricsPort === undefined ? {} : { metricsPort }) });
});
