import { describe, expect, test } from '@jest/globals';
import { modelList } from './catalog.ts';

const models = [
  { name: 'a', contextTokens: 131_072 },
  { name: 'b', contextTokens: 8_192 },
];

describe('the list of models', () => {
  test("is OpenAI's list and Codex's catalog in one body", () => {
    expect(modelList({ models, tiers: ['ultrafast', 'fast'] })).toMatchObject({
      object: 'list',
      data: [{ id: 'a', object: 'model' }, { id: 'b' }],
      models: [
        {
          slug: 'a',
          priority: 0,
          context_window: 131_072,
          max_context_window: 131_072,
          use_responses_lite: true,
          service_tiers: [{ id: 'ultrafast' }, { id: 'priority' }],
        },
        { slug: 'b', priority: 1, context_window: 8_192 },
      ],
    });
  });

  test('has every field that Codex reads', () => {
    const { models: entries } = modelList({ models: models.slice(0, 1), tiers: [] }) as { models: object[] };
    expect(Object.keys(entries[0] ?? {})).toEqual([
      'slug',
      'display_name',
      'supported_reasoning_levels',
      'shell_type',
      'visibility',
      'supported_in_api',
      'priority',
      'support_verbosity',
      'truncation_policy',
      'experimental_supported_tools',
      'base_instructions',
      'context_window',
      'max_context_window',
      'input_modalities',
      'use_responses_lite',
      'service_tiers',
    ]);
  });

  test('of nothing is empty', () => {
    expect(modelList({ models: [], tiers: ['flex'] })).toEqual({ object: 'list', data: [], models: [] });
  });
});
