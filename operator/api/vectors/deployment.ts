import type { RuleVectors } from './rule-vectors.ts';

export const deploymentVectors: readonly RuleVectors[] = [
  {
    rule: 'md1',
    kind: 'ModelDeployment',
    accept: [
      {
        spec: {
          regions: [
            { region: 'us-east', scaling: { min: 2, max: 6 } },
            { region: 'us-west', replicas: 0 },
          ],
        },
      },
    ],
    refuse: [
      { spec: { regions: [{ region: 'us-east' }] } },
      { spec: { regions: [{ region: 'us-east', replicas: 1, scaling: { min: 2, max: 6 } }] } },
      { spec: { regions: [{ region: 'us-east', replicas: 1 }, { region: 'us-west' }] } },
    ],
  },
  {
    rule: 'md2',
    kind: 'ModelDeployment',
    accept: [
      {
        spec: {
          regions: [
            { region: 'us-east', replicas: 1, fallback: ['us-west'] },
            { region: 'us-west', replicas: 1 },
          ],
        },
      },
    ],
    refuse: [
      { spec: { regions: [{ region: 'us-east', replicas: 1, fallback: ['us-east'] }] } },
      {
        spec: {
          regions: [
            { region: 'us-east', replicas: 1, fallback: ['eu'] },
            { region: 'us-west', replicas: 1 },
          ],
        },
      },
      {
        spec: {
          regions: [
            { region: 'us-east', replicas: 1 },
            { region: 'us-west', replicas: 1, fallback: ['us-east'] },
          ],
        },
      },
    ],
  },
  {
    rule: 'md3',
    kind: 'ModelDeployment',
    accept: [
      {
        spec: {
          regions: [
            { region: 'us-east', replicas: 1 },
            { region: 'us-west', replicas: 1 },
          ],
        },
      },
    ],
    refuse: [
      {
        spec: {
          regions: [
            { region: 'us-east', replicas: 1 },
            { region: 'us-east', replicas: 2 },
          ],
        },
      },
    ],
  },
  {
    rule: 'md4',
    kind: 'ModelDeployment',
    accept: [{ spec: { regions: [{ region: 'us-east', scaling: { min: 6, max: 6 } }] } }],
    refuse: [{ spec: { regions: [{ region: 'us-east', scaling: { min: 7, max: 6 } }] } }],
  },
  {
    rule: 'md5',
    kind: 'ModelDeployment',
    accept: [
      { spec: { rollout: { maxSurgeWafers: 0, maxUnavailable: 1 } } },
      { spec: { rollout: { maxSurgeWafers: 21 } } },
      { spec: { rollout: {} } },
    ],
    refuse: [{ spec: { rollout: { maxSurgeWafers: 0 } } }],
  },
  {
    rule: 'md6',
    kind: 'ModelDeployment',
    accept: [
      {
        spec: {
          tiers: [
            { name: 'ultrafast', sharePercent: 70 },
            { name: 'fast', sharePercent: 30 },
          ],
        },
      },
      { spec: { tiers: [{ name: 'ultrafast' }, { name: 'fast', sharePercent: 100 }] } },
    ],
    refuse: [
      {
        spec: {
          tiers: [
            { name: 'ultrafast', sharePercent: 71 },
            { name: 'fast', sharePercent: 30 },
          ],
        },
      },
    ],
  },
  {
    rule: 'md7',
    kind: 'ModelDeployment',
    accept: [
      { spec: { engine: { driver: 'Upstream', upstreamRef: 'vendor-a' } } },
      { spec: { engine: { driver: 'Llama' } } },
    ],
    refuse: [{ spec: { engine: { driver: 'Upstream' } } }, { spec: { engine: { upstreamRef: 'vendor-a' } } }],
  },
  {
    rule: 'md8',
    kind: 'ModelDeployment',
    accept: [
      { spec: { engine: { args: {} } } },
      { spec: { engine: { args: { tokens: 'hash', length: 'natural', pace: 'timer', seed: '0' } } } },
      { spec: { engine: { args: { tokens: 'code', length: 'max', pace: 'busy', seed: '9999999999999999999' } } } },
      { spec: { engine: { args: { script: '[{"items":[{"message":{}}]}]' } } } },
    ],
    refuse: [
      { spec: { engine: { args: { token: 'hash' } } } },
      { spec: { engine: { args: { toString: 'hash' } } } },
      { spec: { engine: { args: { tokens: 'Hash' } } } },
      { spec: { engine: { args: { length: 'min' } } } },
      { spec: { engine: { args: { pace: 'fast' } } } },
      { spec: { engine: { args: { script: '{}' } } } },
      { spec: { engine: { args: { seed: '-1' } } } },
      { spec: { engine: { args: { seed: '07' } } } },
      { spec: { engine: { args: { seed: '10000000000000000000' } } } },
      { spec: { engine: { driver: 'Llama', args: { tokens: 'hash' } } } },
    ],
  },
];
