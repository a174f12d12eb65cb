import { refOf, resources, type Kube, type KubeObject, type SwapResult } from '@reticle/operator/cluster';

type Gated = { readonly schedulingGates?: readonly { readonly name: string }[] };

/** Takes our gate off a pod, and no other one: the place of the gate is tested with its removal. */
export async function bindPod(kube: Kube, pod: KubeObject, gate: string): Promise<SwapResult> {
  const { schedulingGates: gates = [] } = (pod.spec ?? {}) as Gated;
  const index = gates.findIndex(({ name }) => name === gate);
  if (index < 0) return { kind: 'written', object: pod };
  const path = `/spec/schedulingGates/${index}`;
  const answer = await kube.patch(resources.pod, refOf(pod), {
    kind: 'json',
    steps: [
      { op: 'test', path: `${path}/name`, value: gate },
      { op: 'remove', path },
    ],
  });
  if (answer.ok) return { kind: 'written', object: answer.value };
  // Another order of gates, or none left: the next plan sees it.
  if (answer.failure.kind === 'invalid' || answer.failure.kind === 'notFound') return { kind: 'lost', live: undefined };
  return { kind: 'notWritten', failure: answer.failure };
}
