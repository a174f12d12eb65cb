import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '@reticle/operator/cluster';
import { ClaimWatch } from './claim-watch.ts';

type Told = { readonly object: KubeObject; readonly deleted?: boolean } | { readonly lost: string };

const meta = (name: string, labels: Readonly<Record<string, string>> = {}): KubeObject['metadata'] => {
  return { name, uid: name, resourceVersion: '1', creationTimestamp: '', labels };
};
const claim = (uid: string, replicaEpoch = 1): object => ({ uid, stage: 0, replicaEpoch, planDigest: 'd' });
const wafer = (held?: object): Told => {
  const spec = { nodeName: 'n', epoch: 1, ...(held === undefined ? {} : { claim: held }) };
  return { object: { apiVersion: 'v1', kind: 'Wafer', metadata: meta('w'), spec } };
};
const pod = (holder: string, { epoch = 1, gated = false } = {}): KubeObject => {
  const labels = { 'reticle.dev/replica-uid': holder, 'reticle.dev/epoch': String(epoch) };
  const spec = gated ? { schedulingGates: [{ name: 'reticle.dev/committed' }] } : { nodeName: 'n' };
  return { apiVersion: 'v1', kind: 'Pod', metadata: meta(`pod-${holder}-${epoch}`, labels), spec };
};
const runs = (holder: string, epoch = 1): Told => ({ object: pod(holder, { epoch }) });
const replica = (
  uid: string,
  outcome: string,
  { epoch = 1, ...more }: { epoch?: number; retire?: object; desired?: string } = {},
): Told => {
  const plan = { digest: 'd', stages: [{ stage: 0, wafer: 'w' }] };
  const spec = { epoch, desired: 'Run', plan, fence: { epoch, outcome }, ...more };
  return { object: { apiVersion: 'v1', kind: 'ModelReplica', metadata: meta(uid), spec } };
};
const gone = (told: Told): Told => ({ ...told, deleted: true });

function faultsOf(changes: readonly Told[]): readonly string[] {
  const watch = new ClaimWatch();
  for (const [revision, told] of changes.entries()) {
    if ('lost' in told) watch.lost(told.lost);
    else watch.take({ revision, key: '', before: undefined, deleted: false, ...told });
  }
  return watch.faults;
}

const atWork = [replica('a', 'Pending'), wafer(claim('a')), replica('a', 'Committed'), runs('a')];
const ended = replica('a', 'Committed', { retire: { epoch: 1 } });
const next = replica('a', 'Pending', { epoch: 2, retire: { epoch: 1 } });

describe('what may not be', () => {
  test('is none of this: a chain that is reserved, committed, ended, stopped, released', () => {
    expect(faultsOf([...atWork, ended, gone(runs('a')), wafer(), gone(ended)])).toEqual([]);
  });

  test.each<{ name: string; changes: readonly Told[]; want: string }>([
    {
      name: 'a commit without its claim',
      changes: [replica('a', 'Committed')],
      want: 'r0 a is committed without its claim on w',
    },
    {
      name: "a commit with an earlier epoch's claim",
      changes: [wafer(claim('a')), replica('a', 'Committed', { epoch: 2 })],
      want: 'r1 a is committed without its claim on w',
    },
    {
      name: 'a pod that runs before the commit',
      changes: [replica('a', 'Pending'), runs('a')],
      want: 'r1 pod-a-1 runs without a commit',
    },
    {
      name: 'two chains on one wafer',
      changes: [...atWork, runs('b')],
      want: 'r4 pod-b-1 runs on n beside epoch 1 of a',
    },
    {
      name: 'two epochs on one wafer',
      changes: [...atWork, runs('a', 2)],
      want: 'r4 pod-a-2 runs on n beside epoch 1 of a',
    },
    {
      name: 'a claim that ends under its pod',
      changes: [...atWork, ended, wafer()],
      want: 'r5 the claim on w ended under a pod of epoch 1',
    },
    {
      name: 'a claim that ends under a committed plan',
      changes: [...atWork, gone(runs('a')), wafer()],
      want: 'r5 the claim on w ended under a committed plan',
    },
    {
      name: 'a wafer that is taken while a pod of before stands',
      changes: [...atWork, ended, next, { object: pod('a', { gated: true }) }, wafer(claim('a', 2))],
      want: 'r7 w is taken for epoch 2 while a pod of epoch 1 stands',
    },
    {
      name: 'a replica that goes and holds a wafer',
      changes: [...atWork, gone(ended)],
      want: 'r4 a is gone and holds w',
    },
    {
      name: 'a retirement that is taken back',
      changes: [replica('a', 'Pending', { desired: 'Retire' }), replica('a', 'Pending')],
      want: 'r1 a is not retiring any more',
    },
    {
      name: 'a commit that is taken back',
      changes: [...atWork, replica('a', 'Aborted')],
      want: 'r4 a is not committed any more',
    },
  ])('$name', ({ changes, want }) => {
    expect(faultsOf(changes)).toContain(want);
  });

  test('pods of a machine that is lost hold nothing', () => {
    expect(faultsOf([...atWork, { lost: 'n' }, ended, wafer(), next, wafer(claim('a', 2))])).toEqual([]);
  });
});
