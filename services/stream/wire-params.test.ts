import { describe, expect, test } from '@jest/globals';
import { messageCodec } from '@reticle/proto/load';
import type { Transcript, Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import type { StartPlan, TurnParams } from '@reticle/services/session';
import { planOf } from './session-records.ts';
import { wireStart } from './wire-values.ts';

const codec = messageCodec<Transcript__Input, Transcript>('reticle.engine.v1.Transcript');
const plan: StartPlan = {
  turnId: 't1',
  parentTurnId: '',
  input: [],
  params: { stop: [] },
  maxOutputTokens: 5,
  maxDurationMs: 1_000,
  promptTokens: 0,
  creditTokens: 512,
  tier: undefined,
  seq: 1,
  bodyDigest: 'd',
};

describe('parameters of a turn', () => {
  test.each<{ name: string; params: TurnParams }>([
    { name: 'none', params: { stop: [] } },
    { name: 'a sibling', params: { stop: [], choice: 7 } },
    { name: 'a format', params: { stop: [], textFormat: '{"type":"json_object"}' } },
    {
      name: 'every one',
      params: {
        stop: ['a', 'b'],
        temperature: 0,
        topP: 0.5,
        seed: 2 ** 40,
        outputLength: 'natural',
        choice: 3,
        textFormat: '{"type":"json_schema","schema":{"const":"ü"}}',
        tools: '[{"name":"ls","type":"function"}]',
        toolChoice: '"required"',
        parallelToolCalls: false,
      },
    },
  ])('$name: a gateway that takes over reads what the first one sent', ({ params }) => {
    const start = wireStart({ ...plan, params }, { sid: 1, lane: 1, tier: 'fast' });
    const head = codec.decode(codec.encode({ turnId: 't1', last: true, start }));
    expect(planOf({ head, ids: [] }).params).toEqual(params);
  });
});
