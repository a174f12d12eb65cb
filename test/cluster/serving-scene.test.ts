/** A model declared with kubectl ends in tokens; its life with a lost node, an evacuated pool and its own end. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { interrupt, modes, start, statuses, turnOf, type ApiClient } from '../kit/index.ts';
import { CellRig, hasCell, NAMESPACE } from './cell-rig.ts';
import { scene } from './scene.ts';

jest.setTimeout(180_000);

const REGION = 'us-east';
const there = await hasCell();

(there ? describe : describe.skip)('a deployment on a real API server', () => {
  let rig: CellRig;
  let client: ApiClient;

  beforeAll(async () => {
    rig = await CellRig.start([REGION]);
    for (const node of 'abcdefg') await rig.kubelet.addNode(`node-${node}`, 1, { pool: 'p1' });
    client = await rig.gateway(REGION, 'spark-ref');
  });

  afterAll(async () => rig?.[Symbol.asyncDispose]());

  test('makes the wafers of its pool, its replicas, gated pods, and is Ready', async () => {
    await rig.ok(['apply', '--server-side', '-f', '-'], scene({ region: REGION, wafers: 7, replicas: 2 }));
    await rig.waitFor(['md/spark', '-n', NAMESPACE, '--for=condition=Ready']);
    expect(await rig.claims()).toEqual(['0', '0', '1', '1', '2', '2']);
    expect(rig.kubelet.pods()).toHaveLength(6);
  });

  test('repairs a chain whose node is gone with the spare, while a turn goes on exactly', async () => {
    const { stream } = await client.open();
    stream.send(start(turnOf('t1', 60_000)));
    const { replica } = await stream.until('turnStarted');
    await stream.received('t1', 200);
    const lost = await rig.nodeOfStage(replica, 1);
    await rig.kubelet.loseNode(lost);
    const moved = await stream.until('turnStarted', ({ startOffset }) => startOffset > 0);
    expect(moved.replica).not.toBe(replica);
    await stream.received('t1', moved.startOffset + 500);
    stream.send(interrupt('t1', { mode: modes.keepGenerated }));
    expect(await stream.untilEnded('t1')).toMatchObject({ status: statuses.interrupted });
    await rig.waitFor(['md/spark', '-n', NAMESPACE, '--for=condition=Ready=False']);
    // A node that is silent for 40 s counts as lost.
    await rig.waitFor(['pods', '-n', NAMESPACE, '--for=delete', `--field-selector=spec.nodeName=${lost}`]);
    await rig.waitFor(['md/spark', '-n', NAMESPACE, '--for=condition=Ready']);
    expect(await rig.claims()).toEqual(['0', '0', '1', '1', '2', '2']);
    const nodes = await rig.ok(['get', 'pods', '-n', NAMESPACE, '-o', 'jsonpath={.items[*].spec.nodeName}']);
    expect(nodes.split(' ')).not.toContain(lost);
  });

  test('leaves a pool that is evacuated, with every claim given back, and comes back when it opens', async () => {
    const evacuated = { spec: { service: 'Evacuate', serviceReason: 'power works in hall h1' } };
    await rig.ok(['patch', 'wp', 'p1', '--type=merge', '-p', JSON.stringify(evacuated)]);
    await rig.waitFor(['wp/p1', '--for=jsonpath={.status.conditions[?(@.type=="Available")].reason}=PoolEvacuating']);
    expect(await rig.claims()).toHaveLength(6);
    // Nowhere to go, and none may be missing: the chains stay until the deployment allows it.
    const allowed = '{"spec":{"rollout":{"maxUnavailable":2}}}';
    await rig.ok(['patch', 'md', 'spark', '-n', NAMESPACE, '--type=merge', '-p', allowed]);
    await rig.waitFor(['wp/p1', '--for=jsonpath={.status.counts.claimed}=0']);
    expect(await rig.claims()).toEqual([]);
    const conditions = ['get', 'md', 'spark', '-n', NAMESPACE, '-o', 'jsonpath={.status.conditions}'];
    expect(await rig.ok(conditions)).toContain('NoFit');
    await rig.ok(['patch', 'wp', 'p1', '--type=merge', '-p', '{"spec":{"service":"Open","serviceReason":null}}']);
    // Six wafers are left: one chain, and no second one beside the spare.
    await rig.waitFor(['md/spark', '-n', NAMESPACE, '--for=jsonpath={.status.totals.ready}=1']);
  });

  test('is gone with its claims, pods and replicas when it is deleted, and its pool with its wafers', async () => {
    await rig.ok(['delete', 'md', 'spark', '-n', NAMESPACE, '--wait=false']);
    await rig.waitFor(['md/spark', '--for=delete', '-n', NAMESPACE]);
    await rig.waitFor(['mr', '--for=delete', '--all', '-n', NAMESPACE]);
    expect(await rig.claims()).toEqual([]);
    expect(rig.kubelet.pods()).toEqual([]);
    await rig.ok(['delete', 'wp', 'p1', '--wait=false']);
    await rig.waitFor(['wf', '--all', '--for=delete']);
    await rig.waitFor(['wp/p1', '--for=delete']);
  });
});
