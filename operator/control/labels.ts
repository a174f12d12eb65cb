/** Labels of everything that the operator makes (OPERATOR §1 rule 10). */
export const labels = {
  deployment: 'reticle.dev/deployment',
  replica: 'reticle.dev/replica',
  replicaUid: 'reticle.dev/replica-uid',
  stage: 'reticle.dev/stage',
  role: 'reticle.dev/role',
  revision: 'reticle.dev/revision',
  epoch: 'reticle.dev/epoch',
  model: 'reticle.dev/model',
  region: 'reticle.dev/region',
  pool: 'reticle.dev/pool',
  waferId: 'reticle.dev/wafer-id',
} as const;

/** Extended resource of a node: wafers that it hosts. */
export const WAFER_RESOURCE = 'reticle.dev/wafer';
