import { base32, RANDOM_ID_BYTES } from '@reticle/core/domain';
import type { Env, Lifecycle, Logger } from '@reticle/core/process';
import { OPERATOR_LEASE } from '@reticle/operator/api/access';
import { KubeClient, Lease, Limits, resources, whileLeading } from '@reticle/operator/cluster';
import { Operator } from '@reticle/operator/control';
import type { OperatorSettings } from './operator-settings.ts';

export type OperatorParts = {
  readonly env: Pick<Env, 'clock' | 'random'>;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
};

/**
 * Stands for election and operates the cluster while it leads, until the lifecycle ends it. A lease that is lost ends the
 * lifecycle: the process ends with 0 and the next one stands anew (OPERATOR §7 `lease`).
 *
 * @throws Error when the kubeconfig cannot be read
 */
export async function startOperator(
  settings: OperatorSettings,
  { env, logger, lifecycle }: OperatorParts,
): Promise<void> {
  const { clock, random } = env;
  const { image, nats, keysSecret, namespace } = settings;
  // The lease has a connection of its own: load of the controllers must not cost leadership.
  const leaseClient = lifecycle.own('lease client', new KubeClient(connection(settings)));
  const client = lifecycle.own('client', new KubeClient(connection(settings)));
  const identity = base32(random.bytes(RANDOM_ID_BYTES));
  let operator: Operator | undefined;
  const lease = new Lease({
    kube: leaseClient,
    clock,
    random,
    log: logger,
    ref: { namespace, name: OPERATOR_LEASE },
    identity,
    onGained: () => {
      const kube = new Limits({ kube: whileLeading(client, lease), clock });
      // Its roles let it read pods of labelled namespaces alone (OPERATOR §18).
      const scope = { engineNamespaces: 'labelled' as const };
      operator = new Operator({ kube, clock, random, log: logger, pods: { image, nats, keysSecret }, ...scope });
      operator.start();
    },
    onLost: () => {
      operator?.stop();
      void lifecycle.drain('lease_lost');
    },
  });
  lifecycle.own('lease', () => lease.stop());
  lifecycle.own('operator', () => operator?.stop());
  const home = await leaseClient.get(resources.namespace, { name: namespace });
  if (!home.ok) {
    const { kind, status } = home.failure;
    logger.warn('the namespace of the lease cannot be read', { object: namespace, reason: kind, status });
  }
  if (lifecycle.ending) return;
  lease.start();
  logger.info('operator stands for election', { kind: 'Lease', object: `${namespace}/${OPERATOR_LEASE}` });
}

function connection({ kubeconfig, impersonate }: OperatorSettings): ConstructorParameters<typeof KubeClient>[0] {
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(impersonate === undefined ? {} : { impersonate }),
  };
}
