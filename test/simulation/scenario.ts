import type { LocalChain } from '@reticle/core/domain';
import { flatChain, sparkChain } from '../kit/chains.ts';
import type { ClientSpec } from './client-spec.ts';
import type { Dice } from './seeds.ts';

/** Item JSON of a message. */
function message(text: string): string {
  return JSON.stringify({ type: 'message', role: 'user', content: text });
}

const TENANTS = ['acme', 'globex', 'initec'] as const;

export type Scenario = {
  readonly gateways: number;
  /** One engine each; equal served names are replicas of one model. */
  readonly chains: readonly LocalChain[];
  readonly clients: readonly ClientSpec[];
};

/** The topology and the load of a seed. */
export function drawScenario(dice: Dice): Scenario {
  const models = drawModels(dice);
  const engines = dice.integer(models.length, 4);
  const chains = Array.from({ length: engines }, (_, index) => models[index % models.length] as LocalChain);
  const turnTokensMax = dice.scaled(20, 400);
  const paceMs = dice.scaled(20, 600);
  const clients = Array.from({ length: dice.integer(2, 10) }, (_, index): ClientSpec => {
    const tenant = dice.pick(TENANTS);
    return {
      node: `client-${index + 1}`,
      tenant,
      chain: dice.pick(models),
      prefix: dice.chance(0.5) ? [message(`cnry-${tenant.padEnd(6, 'a')} you are client ${index + 1}`)] : [],
      idleTtlMs: dice.between(8_000, 14_000),
      operations: dice.integer(3, 18),
      paceMs,
      turnTokensMax,
      closes: dice.chance(0.6),
    };
  });
  return { gateways: dice.integer(1, 3), chains, clients };
}

/** One or two models. Slow ones, so that a turn lasts long enough for something to happen to it. */
function drawModels(dice: Dice): LocalChain[] {
  const items = dice.chance(0.5) ? { itemEvery: dice.integer(3, 40) } : {};
  const digest = (index: number): string => `sha256:${(index === 0 ? '5a' : 'c3').repeat(32)}`;
  return Array.from({ length: dice.integer(1, 2) }, (_, index) => {
    const more = {
      servedName: `sim/model-${index + 1}`,
      modelDigest: digest(index),
      engine: { seed: 7 + index, ...items },
    };
    return dice.chance(0.85) ? flatChain(dice.scaled(40, 400), more) : sparkChain(more);
  });
}
