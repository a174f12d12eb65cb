import { planChain, usableBytes, type ChainPlan } from '@reticle/core/domain/wafer';
import { isSufficient, shardedChain, type ShardedChain, type ShardRequest } from './sharded-chain.ts';

/**
 * The chain on wafers with dead tiles, by each wafer's own SRAM. The cut for whole wafers is kept where it still
 * suffices, since its cost is known; otherwise the layers are cut anew. Undefined: not sufficient on these wafers.
 */
export function wornChain(
  request: ShardRequest,
  whole: ShardedChain,
  defectPermille: readonly number[],
): ShardedChain | undefined {
  if (defectPermille.every((permille) => permille === 0)) return isSufficient(request, whole) ? whole : undefined;
  const sramBytes = defectPermille.map((permille) => (request.profile.hardware.sramBytes * (1_000 - permille)) / 1_000);
  const kept = shardedChain(request, onOwnSram(whole.plan, sramBytes));
  if (isSufficient(request, kept)) return kept;
  const anew = planChain({ geometry: request.geometry, profile: request.profile, wafers: sramBytes });
  const chain = anew && shardedChain(request, anew);
  return chain !== undefined && isSufficient(request, chain) ? chain : undefined;
}

/** The same layers, with the tokens that fit beside them in each wafer's own SRAM. */
function onOwnSram(plan: ChainPlan, sramBytes: readonly number[]): ChainPlan {
  const stages = plan.stages.map((stage, index) => {
    const room = usableBytes(plan.profile.hardware, sramBytes[index]) - stage.weightBytes;
    return { ...stage, kvTokens: room < 0 ? -1 : Math.floor(room / stage.kvBytesPerToken) };
  });
  return { ...plan, stages, kvTokens: stages.reduce((least, { kvTokens }) => Math.min(least, kvTokens), Infinity) };
}
