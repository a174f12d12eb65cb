/** One gateway process. */
import { environment } from '@reticle/core/process';
import { runChild } from './child-process.ts';
import { startGateway } from './gateway-root.ts';
import { SupervisedDesk } from './supervised-desk.ts';

runChild('gateway-config', async ({ config }, context) => {
  const { env, bus, logger, lifecycle, report, onOrder, supervisor } = context;
  const gateway = await startGateway(config, {
    env,
    bus,
    logger,
    environment: environment(),
    desk: new SupervisedDesk(supervisor, env.clock),
    onModels: (models) => report({ kind: 'gateway-models', models }),
  });
  onOrder((order) => {
    if (order.kind === 'gateway-access') gateway.replaceAccess(order.access);
    else gateway.replaceTls(order.tls);
  });
  lifecycle.own('gateway', () => gateway.close(0));
  lifecycle.onDrain('gateway', ({ timeLeftMs }) => gateway.close(timeLeftMs));
  const { port, httpPort, metricsPort } = gateway;
  const ports = {
    ...(httpPort === undefined ? {} : { httpPort }),
    ...(metricsPort === undefined ? {} : { metricsPort }),
  };
  report({ kind: 'gateway-ready', port, ...ports });
});
