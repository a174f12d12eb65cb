import type { KubeObject } from '@reticle/operator/cluster';
import type { PodFact } from '@reticle/operator/plan';
import { labels } from '../labels.ts';
import { conditionIn, fieldsOf, known, listOf, NO_CONDITION, textOf, timeOf, wholeOf } from './fields.ts';

const phases = ['Pending', 'Running', 'Succeeded', 'Failed'] as const;

/** A pod of a replica; undefined for one that carries no labels of ours. */
export function podFact(pod: KubeObject): PodFact | undefined {
  const { labels: given = {} } = pod.metadata;
  const [epoch, stage] = [wholeOf(given[labels.epoch]), wholeOf(given[labels.stage])];
  const replicaUid = textOf(given[labels.replicaUid]);
  if (replicaUid === undefined || epoch === undefined || stage === undefined) return undefined;
  return { ...identityOf(pod), ...stateOf(pod), replicaUid, epoch, stage };
}

function identityOf({ metadata }: KubeObject): Pick<PodFact, 'namespace' | 'name' | 'uid' | 'resourceVersion'> {
  const { namespace = '', name, uid, resourceVersion } = metadata;
  return { namespace, name, uid, resourceVersion };
}

function stateOf(
  pod: KubeObject,
): Omit<PodFact, 'replicaUid' | 'epoch' | 'stage' | keyof ReturnType<typeof identityOf>> {
  const { metadata } = pod;
  const status = fieldsOf(pod.status);
  const containers = listOf(status['containerStatuses']);
  const ready = conditionIn(status, 'Ready') ?? NO_CONDITION;
  return {
    phase: phaseOf(status['phase']),
    ready: ready.isTrue,
    readySinceMs: ready.sinceMs ?? timeOf(metadata.creationTimestamp) ?? 0,
    gates: listOf(fieldsOf(pod.spec)['schedulingGates']).flatMap((gate) => textOf(gate['name']) ?? []),
    restarts: containers.reduce((sum, container) => sum + (wholeOf(container['restartCount']) ?? 0), 0),
    ...known({
      deletionMs: timeOf(metadata.deletionTimestamp),
      waiting: containers.map(waitingReason).find((reason) => reason !== undefined),
    }),
  };
}

/** A pod that no kubelet has spoken of is pending. */
function phaseOf(given: unknown): PodFact['phase'] {
  return given === undefined ? 'Pending' : (phases.find((phase) => phase === given) ?? 'Unknown');
}

function waitingReason(container: Readonly<Record<string, unknown>>): string | undefined {
  return textOf(fieldsOf(fieldsOf(container['state'])['waiting'])['reason']);
}
