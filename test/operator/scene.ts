/** What the runs of this folder are about: two pools in one region, a model, a chain of three wafers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { KubeManifest } from '@reticle/operator/cluster';
import type { SimCluster } from '../kit/kube/sim-cluster.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples/local');
export const NAMESPACE = 'models';
/** Wafers of the pools: one chain with its spare fits the small one, a chain and its successor the large one. */
export const POOLS = { p1: 7, p2: 4 } as const;

export function nodeOf(pool: string, slot: number): string {
  return `${pool}-node-${slot}`;
}

/** Nodes, pools, class and model; no deployment yet. */
export async function furnish(cluster: SimCluster): Promise<void> {
  await cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  for (const [pool, wafers] of Object.entries(POOLS)) {
    for (let slot = 0; slot < wafers; slot++) await cluster.addNode(nodeOf(pool, slot), { pool });
  }
  await cluster.create(example('wafer-class'));
  const model = example('model');
  await cluster.create({ ...model, metadata: { name: 'spark-ref', namespace: NAMESPACE } });
  for (const [name, wafers] of Object.entries(POOLS)) await cluster.create(poolManifest(name, wafers));
}

function poolManifest(name: string, wafers: number): KubeManifest {
  const pool = example('wafer-pool');
  const place = { region: 'r1', zone: 'r1-a', building: 'b1', hall: 'h1', residency: ['us'], classRef: 'wse3' };
  const source = { simulated: { wafers, nodeSelector: { pool: name } } };
  return {
    ...pool,
    metadata: { name },
    spec: { ...place, source, fabric: { topology: 'Switched', slots: wafers, rackSize: 2 } },
  };
}

export type DeploymentChange = { readonly name?: string; readonly replicas?: number };

export function deployment({ name = 'spark', replicas = 1 }: DeploymentChange = {}): KubeManifest {
  return {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      modelRef: { name: 'spark-ref' },
      servedName: name,
      engine: { driver: 'WaferSim', args: { tokens: 'hash' } },
      shape: { contextTokensMean: 8_192, streams: 8, wafers: 3 },
      regions: [{ region: 'r1', replicas }],
      rollout: { bakeSeconds: 5 },
      drain: { timeoutSeconds: 5, parkSeconds: 1 },
    },
  };
}

function example(name: string): KubeManifest {
  return parse(readFileSync(join(EXAMPLES, `${name}.yaml`), 'utf8')) as KubeManifest;
}
