import type { AccessNames } from '../access-object.ts';
import { isOperator, type Policy } from './policy.ts';

/** Holds the pods of a chain back until its commit (OPERATOR §10). */
const COMMIT_GATE = 'reticle.dev/committed';
const OURS = 'reticle.dev/';

const labelsOf = (pod: string): string => `${pod}.metadata.?labels.orValue({})`;
const isOurs = (pod: string): string => `${labelsOf(pod)}.exists(name, name.startsWith('${OURS}'))`;
const isGated = (pod: string): string =>
  `${pod}.spec.?schedulingGates.orValue([]).exists(gate, gate.name == '${COMMIT_GATE}')`;

/** A list over every container of a pod: CEL of what is taken of those for which `when` holds, each called `c`. */
function ofContainers(when: string, taken: string): string {
  const lists = ['containers', 'initContainers', 'ephemeralContainers'];
  return lists.map((list) => `object.spec.?${list}.orValue([]).filter(c, ${when}).map(c, ${taken})`).join(' + ');
}

const context = 'c.?securityContext.?';
const isPrivileged =
  `${context}privileged.orValue(false) || ${context}allowPrivilegeEscalation.orValue(true) || ` +
  `${context}capabilities.?add.orValue([]).size() > 0`;
const isRoot = `!${context}runAsNonRoot.orValue(true) || ${context}runAsUser.orValue(1) == 0`;

/**
 * Pods of chains: those with a label of ours, before or after the request. Gateways route, budgets count and networks
 * open by these labels, so that only the operator gives them; what runs in such a pod is named by its digest and holds no
 * privilege, whoever asks.
 */
export function enginePods(names: AccessNames): readonly Policy[] {
  const operations = ['CREATE', 'UPDATE'] as const;
  const only = { ours: `${isOurs('object')} || (oldObject != null && ${isOurs('oldObject')})` };
  const whole = { group: '', resources: ['pods', 'pods/ephemeralcontainers'], operations };
  return [
    { name: 'reticle-engine-pods', match: { ...whole, resources: ['pods'] }, only, ...ownership(names) },
    { name: 'reticle-engine-images', match: whole, only, ...images },
    { name: 'reticle-engine-privileges', match: whole, only, ...privileges },
  ];
}

function ownership(names: AccessNames): Pick<Policy, 'variables' | 'rules'> {
  const operator = isOperator(names);
  return {
    variables: {
      now: labelsOf('object'),
      before: `oldObject == null ? {} : ${labelsOf('oldObject')}`,
      kept:
        `variables.now.all(name, !name.startsWith('${OURS}') || ` +
        '(name in variables.before && variables.before[name] == variables.now[name])) && ' +
        `variables.before.all(name, !name.startsWith('${OURS}') || name in variables.now)`,
      held: `oldObject == null || !${isGated('oldObject')} || ${isGated('object')}`,
    },
    rules: [
      {
        cel: `${operator} || variables.kept`,
        message: `labels ${OURS}… of a pod are given by the operator alone (use another prefix)`,
      },
      {
        cel: `${operator} || variables.held`,
        message: `the gate ${COMMIT_GATE} is taken off by the operator alone, when the whole chain is committed (wait for it)`,
      },
    ],
  };
}

const images: Pick<Policy, 'variables' | 'rules'> = {
  variables: { tagged: ofContainers("!c.image.matches('@sha256:[0-9a-f]{64}$')", 'c.image') },
  rules: [
    {
      cel: 'variables.tagged.size() == 0',
      message: 'images of engine pods are named by digest (use REPOSITORY@sha256:DIGEST)',
      messageCel:
        "'images of engine pods are named by digest, not ' + variables.tagged.join(', ') + " +
        "' (use REPOSITORY@sha256:DIGEST)'",
    },
  ],
};

const privileges: Pick<Policy, 'variables' | 'rules'> = {
  variables: {
    privileged: ofContainers(isPrivileged, 'c.name'),
    root: ofContainers(isRoot, 'c.name'),
  },
  rules: [
    {
      cel: 'variables.privileged.size() == 0',
      message: 'containers of engine pods hold no privilege',
      messageCel:
        "'these containers of an engine pod hold a privilege: ' + variables.privileged.join(', ') + " +
        "' (set allowPrivilegeEscalation: false, neither privileged nor added capabilities)'",
    },
    {
      cel: 'object.spec.?securityContext.?runAsNonRoot.orValue(false) && variables.root.size() == 0',
      message: 'engine pods do not run as root (set runAsNonRoot: true for the pod, and runAsUser: 0 for no container)',
    },
    {
      cel:
        '!object.spec.?hostNetwork.orValue(false) && !object.spec.?hostPID.orValue(false) && ' +
        '!object.spec.?hostIPC.orValue(false) && ' +
        '!object.spec.?volumes.orValue([]).exists(volume, has(volume.hostPath))',
      message: 'engine pods share nothing of their host (remove hostNetwork, hostPID, hostIPC and hostPath)',
    },
  ],
};
