import type { RuleVectors } from './rule-vectors.ts';

const ones = `sha256:${'1'.repeat(64)}`;

export const modelVectors: readonly RuleVectors[] = [
  {
    rule: 'm1',
    kind: 'Model',
    accept: [{ spec: { geometry: { layers: 2, layerRuns: [{ count: 2, weightBytes: 1, kvBytesPerToken: 1 }] } } }],
    refuse: [{ spec: { geometry: { layers: 60 } } }, { spec: { geometry: { layers: 62 } } }],
  },
  {
    rule: 'm2',
    kind: 'Model',
    accept: [{ spec: { geometry: { kvHeads: 8 } } }, { spec: { geometry: { kvHeads: 1 } } }],
    refuse: [{ spec: { geometry: { kvHeads: 7 } } }, { spec: { geometry: { kvHeads: 128 } } }],
  },
  {
    rule: 'm3',
    kind: 'Model',
    accept: [
      { spec: { geometry: { attention: { kind: 'GQA' } } } },
      { spec: { geometry: { attention: { kind: 'MLA', latent: 512, rope: 64 } } } },
    ],
    refuse: [
      { spec: { geometry: { attention: { kind: 'MLA' } } } },
      { spec: { geometry: { attention: { kind: 'MLA', latent: 512 } } } },
      { spec: { geometry: { attention: { kind: 'MLA', rope: 64 } } } },
      { spec: { geometry: { attention: { kind: 'GQA', rope: 64 } } } },
    ],
  },
  {
    rule: 'm4',
    kind: 'Model',
    accept: [
      [{}, { spec: { defaults: { maxOutputTokens: 4096 }, limitGroup: 'agents' } }],
      [{}, { spec: { modalities: ['Text'] } }],
      [
        { spec: { tokenizerDigest: ones } },
        { spec: { tokenizerDigest: ones, defaults: { instructions: 'Be brief.' } } },
      ],
    ],
    refuse: [
      [{}, { spec: { digest: ones } }],
      [{}, { spec: { source: 'file:///models/agent-1t' } }],
      [{ spec: { source: 'file:///models/agent-1t' } }, {}],
      [{}, { spec: { family: 'other' } }],
      [{}, { spec: { contextTokens: 65536 } }],
      [{}, { spec: { tokenizerDigest: ones } }],
      [{}, { spec: { geometry: { vocab: 1 } } }],
      [{}, { spec: { geometry: { drafter: { class: 'Moe' } } } }],
      [{}, { spec: { geometry: { attention: { kind: 'GQA' } } } }],
    ],
  },
];
