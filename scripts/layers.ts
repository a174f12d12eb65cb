/**
 * The house as one table: folder, rank, purity and what it may import. It generates the TypeScript
 * projects, the dependency-cruiser rules and the diagram in `docs/contributor/layers.md`; `check-tidy`
 * fails on a source folder that is missing here.
 */
export type Layer = {
  /** Repository-relative folder; the longest matching folder owns a file. */
  readonly folder: string;
  /** A file imports only lower ranks and its own folder. */
  readonly rank: number;
  /** Pure folders are synchronous: no Node types, no clock, no randomness, no promises. */
  readonly pure: boolean;
  /** Runs in a browser: its types, and none of Node's. */
  readonly browser?: boolean;
  /** Folders this one may import. */
  readonly imports: readonly string[];
  /** One line for the diagram: what lives here. */
  readonly purpose: string;
};

const PURE_SERVICE = ['proto/contract', 'core/domain', 'core/flow'] as const;
const CORE = [
  'proto/contract',
  'proto/wire',
  'proto/gen',
  'proto/load',
  'core/domain',
  'core/flow',
  'core/process',
] as const;

export const layers: readonly Layer[] = [
  {
    folder: 'proto/contract',
    rank: 0,
    pure: true,
    imports: [],
    purpose: 'error registry, header names, subjects, wire limits',
  },
  { folder: 'proto/gen', rank: 0, pure: false, imports: [], purpose: 'generated message types' },
  {
    folder: 'proto/wire',
    rank: 0,
    pure: false,
    imports: ['proto/contract'],
    purpose: 'hand-written coders of the token path',
  },
  {
    folder: 'proto/load',
    rank: 0,
    pure: false,
    imports: ['proto/contract', 'proto/gen'],
    purpose: 'run-time loading and strict decoding of the .proto files',
  },
  {
    folder: 'proto/serving',
    rank: 0,
    pure: false,
    imports: ['proto/contract', 'proto/gen', 'proto/load'],
    purpose: 'the serving snapshot: its parts, and the checks of both of its ends',
  },
  {
    folder: 'core/domain',
    rank: 1,
    pure: true,
    imports: ['proto/contract'],
    purpose: 'ids, offsets, regions, tiers, wafer geometry, tokens',
  },
  {
    folder: 'core/flow',
    rank: 1,
    pure: true,
    imports: ['core/domain'],
    purpose: 'credit window, bounded queue, backoff, clock and random ports',
  },
  {
    folder: 'core/process',
    rank: 2,
    pure: false,
    imports: ['core/domain', 'core/flow', 'proto/contract'],
    purpose: 'the Node shell: config, log, metrics, lifecycle, health, Env',
  },
  {
    folder: 'core/tools',
    rank: 3,
    pure: false,
    imports: ['core/domain', 'core/flow', 'core/process'],
    purpose: 'finds or builds the servers that tests and a local platform start',
  },
  {
    folder: 'operator/api',
    rank: 3,
    pure: true,
    imports: ['proto/contract', 'core/domain'],
    purpose: 'kinds: types, schema, defaults, validation',
  },
  {
    folder: 'operator/plan',
    rank: 4,
    pure: true,
    imports: ['proto/contract', 'core/domain', 'core/flow', 'operator/api'],
    purpose: 'planner: one snapshot in, ordered actions out',
  },
  {
    folder: 'operator/cluster',
    rank: 4,
    pure: false,
    imports: ['proto/contract', 'core/domain', 'core/flow', 'core/process', 'operator/api'],
    purpose: 'the API server as a port: reflector, cache, work queue, claims, status, lease, events',
  },
  {
    folder: 'operator/control',
    rank: 5,
    pure: false,
    imports: [
      'proto/contract',
      'core/domain',
      'core/flow',
      'core/process',
      'operator/api',
      'operator/plan',
      'operator/cluster',
    ],
    purpose: 'what the cluster says as facts, and planned actions as writes',
  },
  {
    folder: 'operator/view',
    rank: 5,
    pure: true,
    imports: ['proto/contract', 'core/domain', 'operator/api', 'operator/plan'],
    purpose: 'what people see: where a plan leads, maps of pools, why something is not ready',
  },
  {
    folder: 'operator/publish',
    rank: 5,
    pure: false,
    imports: [
      'proto/contract',
      'proto/gen',
      'proto/load',
      'proto/serving',
      'core/domain',
      'core/flow',
      'core/process',
      'operator/api',
      'operator/plan',
      'operator/cluster',
    ],
    purpose: 'the serving snapshot of a cell: made, guarded, published, kept',
  },
  {
    folder: 'operator/main',
    rank: 6,
    pure: false,
    imports: [
      'proto/contract',
      'core/domain',
      'core/flow',
      'core/process',
      'operator/api',
      'operator/plan',
      'operator/cluster',
      'operator/control',
    ],
    purpose: 'composition root of the operator',
  },
  { folder: 'services/session', rank: 3, pure: true, imports: PURE_SERVICE, purpose: 'session and turn reducers' },
  {
    folder: 'services/engine',
    rank: 4,
    pure: false,
    imports: [...CORE, 'services/bus'],
    purpose: 'engine contract, host, drivers, conformance suite',
  },
  {
    folder: 'services/bus',
    rank: 4,
    pure: false,
    imports: CORE,
    purpose: 'presence and signals: one port, its adapters',
  },
  {
    folder: 'services/stream',
    rank: 4,
    pure: false,
    imports: [...CORE, 'services/session', 'services/bus'],
    purpose: 'links, relay, coalescing, credit, usage ledger',
  },
  {
    folder: 'services/serving',
    rank: 5,
    pure: false,
    imports: [...CORE, 'proto/serving', 'services/bus', 'services/stream'],
    purpose: 'the serving snapshot at a gateway: taken in, kept, decided by',
  },
  {
    folder: 'services/edge',
    rank: 5,
    pure: false,
    imports: [...CORE, 'services/session', 'services/stream', 'services/bus'],
    purpose: 'codecs, servers, authentication',
  },
  {
    folder: 'services/main',
    rank: 6,
    pure: false,
    imports: [
      ...CORE,
      'proto/serving',
      'core/tools',
      'services/session',
      'services/engine',
      'services/bus',
      'services/stream',
      'services/serving',
      'services/edge',
    ],
    purpose: 'one composition root per process, and the local platform',
  },
  {
    folder: 'clients/playground',
    rank: 5,
    pure: false,
    browser: true,
    imports: [],
    purpose: 'the page of a gateway: its own build, types of the browser only',
  },
  { folder: 'clients/sdk', rank: 5, pure: false, imports: CORE, purpose: 'typed client' },
  {
    folder: 'clients/cli',
    rank: 6,
    pure: false,
    imports: [
      ...CORE,
      'operator/api',
      'operator/plan',
      'operator/view',
      'operator/cluster',
      'operator/control',
      'clients/sdk',
    ],
    purpose: 'the reticle command',
  },
  {
    folder: 'bench',
    rank: 7,
    pure: false,
    imports: [
      ...CORE,
      'core/tools',
      'operator/api',
      'operator/plan',
      'services/session',
      'services/engine',
      'services/bus',
      'services/stream',
      'services/edge',
      'services/main',
      'clients/sdk',
      'test',
    ],
    purpose: 'load generator, referents, results',
  },
  {
    folder: 'test',
    rank: 7,
    pure: false,
    imports: [
      ...CORE,
      'proto/serving',
      'core/tools',
      'operator/api',
      'operator/cluster',
      'operator/control',
      'operator/publish',
      'services/session',
      'services/engine',
      'services/bus',
      'services/stream',
      'services/serving',
      'services/edge',
      'services/main',
      'clients/sdk',
      'clients/cli',
    ],
    purpose: 'kit, integration, conformance, end to end',
  },
  {
    folder: 'scripts',
    rank: 8,
    pure: false,
    imports: ['proto/contract', 'proto/load', 'core/domain', 'core/process', 'operator/api'],
    purpose: 'gate, generators, bootstrap',
  },
];

/** The layer that owns a repository-relative path, or undefined for files outside every layer. */
export function layerOf(path: string): Layer | undefined {
  let owner: Layer | undefined;
  for (const layer of layers) {
    if (path.startsWith(`${layer.folder}/`) && layer.folder.length > (owner?.folder.length ?? -1)) owner = layer;
  }
  return owner;
}
