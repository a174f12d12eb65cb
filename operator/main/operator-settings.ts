import { parseArgs } from 'node:util';
import { ReticleError } from '@reticle/core/domain';
import { defaultNames, operatorUser } from '@reticle/operator/api/access';

/** What the operator is told by its command line. */
export type OperatorSettings = {
  /** Path of a kubeconfig; absent: the service account of the pod that this process runs in. */
  readonly kubeconfig: string | undefined;
  /** User that every request is made as. */
  readonly impersonate: string | undefined;
  /** Engine image of deployments that name none. */
  readonly image: string;
  /** `nats://host:port` of the cell. */
  readonly nats: string;
  /** Secret with `nats.seed` and `engine.key`, in every namespace of engines. */
  readonly keysSecret: string;
  /** Where the lease lives. */
  readonly namespace: string;
};

const options = {
  kubeconfig: { type: 'string' },
  impersonate: { type: 'string' },
  image: { type: 'string' },
  nats: { type: 'string' },
  'keys-secret': { type: 'string', default: 'reticle-engine' },
  namespace: { type: 'string', default: defaultNames.namespace },
  help: { type: 'boolean', default: false },
} as const;

export const OPERATOR_HELP = `Runs the operator of one cluster: it holds the lease, or waits for it.

  --image IMAGE       engine image, by digest, of deployments that name none
  --nats URL          the cell's NATS server, as engine pods reach it: nats://host:port
  --keys-secret NAME  Secret with nats.seed and engine.key in namespaces of engines (reticle-engine)
  --namespace NAME    namespace of the lease (reticle-system)
  --kubeconfig FILE   a cluster from outside; without it, the cluster that this pod runs in
  --impersonate USER  NAMESPACE/NAME of a service account, or a user, that every request is made as

Example:
  node operator/main/operator.ts --image registry.example/reticle@sha256:… --nats nats://nats.reticle-system:4222
`;

/** @throws ReticleError `invalid_request` for a missing flag or an image without a digest, TypeError for an unknown one */
export function operatorSettings(argv: readonly string[]): 'help' | OperatorSettings {
  const { values } = parseArgs({ args: [...argv], options, strict: true });
  if (values.help) return 'help';
  return {
    kubeconfig: values.kubeconfig,
    impersonate: values.impersonate === undefined ? undefined : userOf(values.impersonate),
    image: imageOf(given(values.image, 'image')),
    nats: given(values.nats, 'nats'),
    keysSecret: values['keys-secret'],
    namespace: values.namespace,
  };
}

function given(value: string | undefined, flag: string): string {
  if (value === undefined || value === '')
    throw new ReticleError('invalid_request', `--${flag} is missing (run with --help)`);
  return value;
}

/** A tag can come to mean another engine while chains run. */
function imageOf(image: string): string {
  if (/@sha256:[0-9a-f]{64}$/.test(image)) return image;
  throw new ReticleError(
    'invalid_request',
    `--image ${JSON.stringify(image)} has no digest (name it as NAME@sha256:…)`,
  );
}

/** `NAMESPACE/NAME` is a service account; anything else is the name of a user. */
function userOf(text: string): string {
  const [namespace, name, ...more] = text.split('/');
  if (!namespace || !name || more.length > 0) return text;
  return operatorUser({ ...defaultNames, namespace, account: name });
}
