import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const EXAMPLES = join(import.meta.dirname, '../../examples/local');
const example = (name: string): Record<string, object> => parse(readFileSync(join(EXAMPLES, `${name}.yaml`), 'utf8'));

export type SceneOptions = { readonly region: string; readonly wafers?: number; readonly replicas?: number };

/** The local example as a scene of a cluster: a pool of simulated wafers on nodes `pool: p1`, a chain of three. */
export function scene({ region, wafers = 4, replicas = 1 }: SceneOptions): string {
  const namespace = 'models';
  const waferClass = example('wafer-class');
  const pool = example('wafer-pool');
  const model = example('model');
  const deployment = example('model-deployment');
  const place = { region, zone: `${region}-a`, building: 'b1', hall: 'h1', residency: ['us'] };
  const source = { simulated: { wafers, nodeSelector: { pool: 'p1' } } };
  const engine = { driver: 'WaferSim', args: { tokens: 'hash', length: 'max' } };
  const objects = [
    waferClass,
    { ...pool, metadata: { name: 'p1' }, spec: { ...pool['spec'], ...place, source, fabric: { slots: wafers } } },
    { ...model, metadata: { name: 'spark-ref', namespace } },
    {
      ...deployment,
      metadata: { name: 'spark', namespace },
      spec: {
        modelRef: { name: 'spark-ref' },
        servedName: 'spark-ref',
        engine,
        shape: { contextTokensMean: 8_192, streams: 8, wafers: 3 },
        regions: [{ region, replicas }],
        drain: { timeoutSeconds: 5, parkSeconds: 1 },
      },
    },
  ];
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}
