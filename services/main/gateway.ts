/** One gateway process. */
import { runChild } from './child-process.ts';
import { startGateway } from './gateway-root.ts';

runChild('gateway-config', async ({ config }, { env, bus, logger, lifecycle, report }) => {
  const gateway = await startGateway(config, {
    env,
    bus,
    logger,
    onModels: (models) => report({ kind: 'gateway-models', models }),
  });
  lifecycle.own('gateway', () => gateway.close(0));
  lifecycle.onDrain('gateway', ({ timeLeftMs }) => gateway.close(timeLeftMs));
  const httpPort = gateway.httpPort === undefined ? {} : { httpPort: gateway.httpPort };
  report({ kind: 'gateway-ready', port: gateway.port, ...httpPort });
});
