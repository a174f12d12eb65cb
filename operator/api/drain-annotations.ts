/** What `reticle drain` writes where no field of a spec says it (OPERATOR §23). */
export const drainAnnotations = {
  /** On a ModelReplica: it makes room for another one and retires. The value is the reason. */
  retireRequested: 'reticle.dev/retire-requested',
  /** On a ModelDeployment: the term of the snapshot in which many of its replicas may go at once. */
  confirmMass: 'reticle.dev/confirm-mass',
} as const;
