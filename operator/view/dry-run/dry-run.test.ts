import { describe, expect, test } from '@jest/globals';
import { deployment, facts, fullPool, model, NOW_MS, phase, tier, waferClass } from '@reticle/operator/plan/kit';
import type { Facts, StoredDeployment, StoredObject } from '@reticle/operator/plan';
import { parseWhatIf } from '../suppose/change.ts';
import { suppose } from '../suppose/suppose.ts';
import { dryRun, type DryRun } from './dry-run.ts';

function world(wafers: number, more: readonly StoredObject[], spec: object = {}): Facts {
  const pool = fullPool('p0', wafers, { fabric: { slots: wafers }, ...spec });
  return facts({ objects: [waferClass(), model(), ...pool.objects, ...more], nodes: pool.nodes });
}

const replicas = (count: number): Record<string, unknown> => ({ regions: [{ region: 'us-east', replicas: count }] });
const phases = ({ after }: DryRun): readonly (string | undefined)[] =>
  [...after.replicas.values()]
    .flat()
    .map(({ status }) => status?.phase)
    .toSorted((a, b) => ((a ?? '') < (b ?? '') ? -1 : 1));
const claims = ({ after }: DryRun): number =>
  [...after.pools.values()].flatMap(({ wafers }) => wafers).filter(({ wafer }) => wafer.spec.claim !== undefined)
    .length;

/** The facts that a dry run ends in, to start another one from. */
function endOf({ after }: DryRun): Facts {
  const wafers = [...after.pools.values()].flatMap((pool) => [pool.pool, ...pool.wafers.map(({ wafer }) => wafer)]);
  const objects = [after.classes, after.models, after.deployments].flatMap((map) => [...map.values()]);
  return facts({
    nowMs: after.nowMs,
    objects: [...objects, ...wafers, ...[...after.replicas.values()].flat()],
    nodes: [...after.nodes.values()],
    pods: [...after.pods.values()].flat(),
    children: [...after.children.values()].flat(),
  });
}

describe('dryRun', () => {
  test('places what fits, and says why the rest does not', () => {
    const run = dryRun(world(43, [deployment('agent', replicas(3))]));
    expect(phases(run)).toEqual(['NoFit', 'Ready', 'Ready']);
    expect(claims(run)).toBe(42);
    expect([...run.noFit.values()].flat().map(({ code }) => code)).toEqual(['FreeWafersShort']);
    expect(run).toMatchObject({ settled: true, tookMs: 0 });
  });

  test('starts from what is there: a second run of the end does nothing', () => {
    const first = dryRun(world(43, [deployment('agent', replicas(2))]));
    const again = dryRun(endOf(first));
    expect(claims(again)).toBe(42);
    expect([...again.after.replicas.values()].flat()).toEqual([...first.after.replicas.values()].flat());
  });

  test('follows a rollout through bakes and drains to its end', () => {
    const before = endOf(dryRun(world(64, [deployment('agent', replicas(2))])));
    const objects = before.objects.map((object): StoredObject => {
      if (object.kind !== 'ModelDeployment') return object;
      const spec: StoredDeployment['spec'] = { ...object.spec, shape: { ...object.spec.shape, streams: 29 } };
      return { ...object, spec, meta: { ...object.meta, generation: 2, resourceVersion: '2' } };
    });
    const run = dryRun({ ...before, objects });
    const revisions = new Set([...run.after.replicas.values()].flat().map(({ spec }) => spec.revision));
    expect(phases(run)).toEqual(['Ready', 'Ready']);
    expect(revisions.size).toBe(1);
    expect(claims(run)).toBe(42);
    expect(run.tookMs).toBeGreaterThan(60_000);
  });

  test.each(['gone', 'notready', 'cordoned'])('a chain leaves a node that is %s, for the spare', (state) => {
    const before = endOf(dryRun(world(43, [deployment('agent', replicas(2))])));
    const taken = before.objects.find((object) => object.kind === 'Wafer' && object.spec.claim !== undefined);
    const node = taken?.kind === 'Wafer' ? taken.spec.nodeName : '';
    const whatIf = parseWhatIf(`node/${node}=${state}`);
    if ('wrong' in whatIf) throw new Error(whatIf.wrong);
    const wafersOf = (): { create: []; remove: [] } => ({ create: [], remove: [] });
    const supposed = suppose({ facts: before, hosts: [] }, { declared: [], whatIfs: [whatIf], wafersOf });
    if ('wrong' in supposed) throw new Error(supposed.wrong);
    const run = dryRun(supposed.facts);
    const wafers = [...run.after.pools.values()].flatMap((each) => each.wafers);
    const left = wafers.find(({ wafer }) => wafer.spec.nodeName === node);
    const isCordoned = state === 'cordoned';
    expect(left?.wafer.spec.claim === undefined).toBe(!isCordoned);
    // Two chains and a spare fill 43 wafers: one that runs waits for room, one that is broken takes the spare.
    expect(phases(run)).toEqual(isCordoned ? ['NoFit', 'Ready', 'Ready'] : ['Ready', 'Ready']);
  });

  test('leaves capacity phases as they are', () => {
    const closed = phase('ph', {}, { state: 'BurnIn' });
    const run = dryRun(world(43, [closed, deployment('agent', replicas(1))], { phaseRef: 'ph' }));
    expect(run.after.phases.get('ph')?.status?.state).toBe('BurnIn');
    expect([...run.noFit.values()].flat().map(({ code }) => code)).toContain('PhaseNotOpen');
  });

  test('a chain length that fits nowhere is told of the deployment', () => {
    const shape = { contextTokensMean: 96_300, streams: 30, wafers: 0 };
    const spec = { ...replicas(1), shape, tiers: [{ name: 'ultrafast', floorTokensPerSecond: 5_000 }] };
    const run = dryRun(world(43, [tier('ultrafast'), deployment('agent', spec)]));
    expect(run.noFit.get('uid-ModelDeployment-agent')?.map(({ code }) => code)).toContain('FloorUnmet');
    expect(run.after.nowMs).toBe(NOW_MS);
  });
});
