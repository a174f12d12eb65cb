import { describe, expect, test } from '@jest/globals';
import { CHAIN_FORMAT, parseChainDocument, type ChainDocument } from './chain-document.ts';
import { modelById, planChain, waferProfiles } from './wafer/index.ts';

const geometry = modelById('spark-ref');
const profile = waferProfiles['wse3-2026'];

function documentOf(over: Partial<ChainDocument> = {}): ChainDocument {
  const stages = (planChain({ geometry, profile, wafers: 3 })?.stages ?? []).map(({ firstLayer, layers }, stage) => ({
    stage,
    wafer: `w${stage}`,
    hardwareId: `cs-${stage}`,
    waferEpoch: 1,
    firstLayer,
    lastLayer: firstLayer + layers - 1,
    programId: 'ab'.repeat(32),
    host: `pod-${stage}`,
  }));
  return {
    format: CHAIN_FORMAT,
    replica: { namespace: 'models', name: 'spark-0', uid: 'u', epoch: 1, engineId: 'a'.repeat(26) },
    planDigest: `sha256:${'0'.repeat(64)}`,
    region: 'eu-test',
    chain: {
      servedName: 'spark',
      modelDigest: `sha256:${'5a'.repeat(32)}`,
      contextTokens: 8_192,
      maxOutputTokens: 1_024,
      geometry,
      profile,
      wafers: 3,
      engine: { tokens: 'hash', length: 'max', pace: 'timer', seed: 7 },
    },
    tokensPerSecond: 1_900,
    stages,
    ...over,
  };
}

const { replica, stages, chain } = documentOf();

describe('parseChainDocument', () => {
  test('reads what the operator wrote', () => {
    expect(parseChainDocument(JSON.stringify(documentOf()))).toEqual(documentOf());
  });

  test.each([
    { name: 'no JSON', text: '{', want: 'it is no JSON object' },
    { name: 'JSON of no object', text: '7', want: 'it is no JSON object' },
    { name: 'null', text: 'null', want: 'it is no JSON object' },
  ])('refuses $name', ({ text, want }) => {
    expect(() => parseChainDocument(text)).toThrow(want);
  });

  test.each([
    { name: 'another format', over: { format: 'reticle.dev/chain.v2' as never }, want: 'its format is' },
    { name: 'no engine id', over: { replica: { ...replica, engineId: 'e' } }, want: 'names no replica' },
    { name: 'epoch 0', over: { replica: { ...replica, epoch: 0 } }, want: 'its epoch' },
    { name: 'no region', over: { region: 'EU Test' }, want: 'names no region' },
    { name: 'no prediction', over: { tokensPerSecond: 0 }, want: 'predicts no tokens' },
    { name: 'no stages', over: { stages: [] }, want: 'holds no chain' },
    { name: 'fewer stages than wafers', over: { stages: stages.slice(1) }, want: 'not as many as its wafers' },
    { name: 'stages out of order', over: { stages: stages.toReversed() }, want: 'its layers are not those' },
    {
      name: 'a layer in two stages',
      over: { stages: stages.map((stage) => (stage.stage === 1 ? { ...stage, firstLayer: 0 } : stage)) },
      want: 'its layers are not those',
    },
    {
      name: 'a model that does not fit',
      over: {
        chain: {
          ...chain,
          geometry: { ...geometry, layerRuns: [{ count: 36, weightBytes: 9e12, kvBytesPerToken: 1 }] },
        },
      },
      want: 'does not fit its wafers',
    },
  ])('refuses $name', ({ over, want }) => {
    expect(() => parseChainDocument(JSON.stringify(documentOf(over as Partial<ChainDocument>)))).toThrow(want);
  });
});
