import type { ChainMemo } from '../shard/chain-memo.ts';
import type { Board } from './board.ts';
import type { ChainMix } from './fragmentation.ts';
import type { SpreadCount } from './spread.ts';

/** What a pass places on. */
export type Ground = {
  readonly board: Board;
  readonly spread: SpreadCount;
  readonly mix: ChainMix;
  readonly memo: ChainMemo;
  readonly nowMs: number;
  /** Claimed wafers of each pool that are being given back. */
  readonly draining: ReadonlyMap<string, number>;
};
