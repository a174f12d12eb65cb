import { join } from 'node:path';

/** A server or tool that tests and `reticle up` start, and where it comes from (REAL-PARTS §1). */
export type Tool = {
  /** Name of the program, where the table's own name says more: one of two versions. */
  readonly program?: string;
  readonly version: string;
  /** Folder of the pinned Go module: go.mod and go.sum are committed. */
  readonly moduleFolder: string;
  /** The Go module that the folder requires at `version`. */
  readonly module: string;
  /** Go package of the program. */
  readonly package: string;
  readonly ldflags: string;
  /** Arguments that make the program print its version. */
  readonly versionArguments: readonly string[];
  /** How long a build takes on two cores with cold caches, for the person who waits; seconds. */
  readonly buildSeconds: number;
  /** Variables beside RETICLE_TOOLS that may name a folder with the program. */
  readonly environmentFolders?: readonly 'KUBEBUILDER_ASSETS'[];
};

const folderOf = (name: string): string => join(import.meta.dirname, name);

/** Kubernetes programs carry their version in these variables; without them they call themselves v0.0.0. */
function kubernetesTool(
  program: string,
  buildSeconds: number,
  { version = '1.36.3', folder = 'kubernetes' } = {},
): Tool & { readonly program: string } {
  const [major, minor] = version.split('.');
  const variables = 'k8s.io/component-base/version';
  return {
    program,
    version,
    moduleFolder: folderOf(folder),
    module: 'k8s.io/kubernetes',
    package: `k8s.io/kubernetes/cmd/${program}`,
    ldflags: `-s -w -X ${variables}.gitVersion=v${version} -X ${variables}.gitMajor=${major} -X ${variables}.gitMinor=${minor}`,
    versionArguments: program === 'kubectl' ? ['version', '--client'] : ['--version'],
    buildSeconds,
    environmentFolders: ['KUBEBUILDER_ASSETS'],
  };
}

/** Every tool once. A version here and the one in the module's go.mod are the same. */
export const tools = {
  'nats-server': {
    version: '2.15.2',
    moduleFolder: folderOf('nats-server'),
    module: 'github.com/nats-io/nats-server/v2',
    package: 'github.com/nats-io/nats-server/v2',
    ldflags: '-s -w',
    versionArguments: ['--version'],
    buildSeconds: 60,
  },
  etcd: {
    version: '3.6.8',
    moduleFolder: folderOf('etcd'),
    module: 'go.etcd.io/etcd/server/v3',
    package: 'go.etcd.io/etcd/server/v3',
    ldflags: '-s -w',
    versionArguments: ['--version'],
    buildSeconds: 30,
    environmentFolders: ['KUBEBUILDER_ASSETS'],
  },
  'kube-apiserver': kubernetesTool('kube-apiserver', 240),
  'kube-controller-manager': kubernetesTool('kube-controller-manager', 60),
  'kube-scheduler': kubernetesTool('kube-scheduler', 10),
  kubectl: kubernetesTool('kubectl', 30),
  /** Of the oldest Kubernetes minor that the kinds must load on (OPERATOR §1). */
  'kube-apiserver-1.33': kubernetesTool('kube-apiserver', 220, { version: '1.33.13', folder: 'kubernetes-1.33' }),
  kwok: {
    version: '0.8.0',
    moduleFolder: folderOf('kwok'),
    module: 'sigs.k8s.io/kwok',
    package: 'sigs.k8s.io/kwok/cmd/kwok',
    ldflags: '-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0',
    versionArguments: ['--version'],
    buildSeconds: 60,
  },
} as const satisfies Readonly<Record<string, Tool>>;

export type ToolName = keyof typeof tools;
