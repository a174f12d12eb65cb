/** One engine process. */
import { runChild } from './child-process.ts';
import { startEngine } from './engine-root.ts';

runChild('engine-config', async ({ config }, { env, bus, logger, lifecycle, report }) => {
  const engine = await startEngine(config, { env, bus, logger });
  lifecycle.own('engine', () => engine.close(0, 'closed'));
  lifecycle.onDrain('engine', ({ timeLeftMs, reason }) => engine.close(timeLeftMs, reason));
  report({ kind: 'engine-ready', address: engine.address, port: engine.port });
});
