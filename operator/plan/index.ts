export { ChainMemo } from './shard/chain-memo.ts';
export { chainOf, chainsIn, sweep } from './shard/sweep.ts';
export type { PoolSize } from './shard/sweep.ts';
export type { ShardedChain, ShardRequest } from './shard/sharded-chain.ts';
