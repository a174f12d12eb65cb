import { assert } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';

/*
 * KV of a chain as a tree of reference-counted blocks (PROTOCOL §1.1, WAFER §6.4).
 *
 * A context owns a run of blocks behind the sealed (full) blocks that it shares with its ancestors; all
 * sealed blocks of one run have the same owners, so one count serves the run. Only the block count is
 * kept: the simulator's content is a function of the tokens and needs no bytes.
 *
 * Invariants
 *  1. freeBlocks + blocks of all runs and tails + blocks of all claims = blocks, after every call.
 *  2. A run never changes once made: who goes on from a context copies its partial tail into its own blocks.
 *  3. A run is freed with its last owner: the context itself, or a context or claim that grew out of it.
 */

const BLOCK = limits.kvBlockTokens;

/** Blocks that hold so many tokens. */
export function blocksFor(tokens: number): number {
  return Math.ceil(tokens / BLOCK);
}

/** Tokens of the blocks that lie wholly inside so many tokens of capacity. */
export function wholeBlocks(capacityTokens: number): number {
  return Math.floor(capacityTokens / BLOCK) * BLOCK;
}

/** Sealed blocks of one context, shared with everything that grows out of it. */
type Run = {
  readonly parent: Run | undefined;
  /** Sealed blocks from the root to the end of this run. */
  readonly sealedThrough: number;
  readonly sealed: number;
  owners: number;
};

/** KV of one context: immutable until it is released. */
export type KvContext = {
  readonly tokens: number;
  readonly run: Run | undefined;
  /** 1 when the last block is partial. */
  readonly tailBlocks: number;
};

/** Blocks held by work in progress on top of a context, which it keeps alive. */
export type KvClaim = {
  readonly run: Run | undefined;
  /** Sealed blocks shared with the parent. */
  readonly shared: number;
  /** Blocks of its own: the copied tail, and what is reserved behind it. */
  blocks: number;
};

/** The empty context; it holds nothing and is never released. */
export const EMPTY_KV: KvContext = { tokens: 0, run: undefined, tailBlocks: 0 };

/** The block ledger of one chain. A released context or claim must not be used again. */
export class KvTree {
  readonly #blocks: number;
  #free: number;

  /** @param capacityTokens K_staged of the plan (WAFER §5.5); what does not fill a block is not used */
  constructor(capacityTokens: number) {
    this.#blocks = wholeBlocks(capacityTokens) / BLOCK;
    this.#free = this.#blocks;
  }

  get tokensTotal(): number {
    return this.#blocks * BLOCK;
  }

  get tokensFree(): number {
    return this.#free * BLOCK;
  }

  /** True when {@link claim} of so many tokens in all, on top of `parent`, would succeed. */
  fits(parent: KvContext, tokens: number): boolean {
    return blocksFor(tokens) - sealedOf(parent) <= this.#free;
  }

  /** Reserves blocks for a context of `tokens` that grows out of `parent`; undefined when they are not free. */
  claim(parent: KvContext, tokens: number): KvClaim | undefined {
    assert(tokens >= parent.tokens, 'a context only grows');
    const shared = sealedOf(parent);
    const blocks = blocksFor(tokens) - shared;
    if (blocks > this.#free) return undefined;
    this.#free -= blocks;
    if (parent.run !== undefined) parent.run.owners += 1;
    return { run: parent.run, shared, blocks };
  }

  /** Adds one block; false when none is free. */
  extend(claim: KvClaim): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    claim.blocks += 1;
    return true;
  }

  /** Tokens that fit into the claim's blocks and those it shares. */
  capacityOf(claim: KvClaim): number {
    return (claim.shared + claim.blocks) * BLOCK;
  }

  /** Frees the claim's blocks behind its first `tokens`. */
  trim(claim: KvClaim, tokens: number): void {
    const kept = Math.min(claim.blocks, Math.max(0, blocksFor(tokens) - claim.shared));
    this.#free += claim.blocks - kept;
    claim.blocks = kept;
  }

  /** Ends a claim: its first `tokens` become a context, blocks behind them are freed. */
  seal(claim: KvClaim, tokens: number): KvContext {
    const sealed = Math.floor(tokens / BLOCK) - claim.shared;
    const tailBlocks = tokens % BLOCK === 0 ? 0 : 1;
    assert(sealed >= 0 && sealed + tailBlocks <= claim.blocks, 'a context lies inside its claim');
    this.#free += claim.blocks - sealed - tailBlocks;
    claim.blocks = 0;
    if (sealed === 0) return { tokens, run: claim.run, tailBlocks };
    const run = { parent: claim.run, sealedThrough: claim.shared + sealed, sealed, owners: 1 };
    return { tokens, run, tailBlocks };
  }

  /** Ends a claim without a context. */
  drop(claim: KvClaim): void {
    this.#free += claim.blocks;
    claim.blocks = 0;
    this.#disown(claim.run);
  }

  /** Frees the context's tail, and its runs as far as nothing else grew out of them. */
  release(context: KvContext): void {
    this.#free += context.tailBlocks;
    this.#disown(context.run);
    assert(this.#free <= this.#blocks, 'no block is freed twice');
  }

  #disown(from: Run | undefined): void {
    for (let run = from; run !== undefined; run = run.parent) {
      run.owners -= 1;
      if (run.owners > 0) return;
      assert(run.owners === 0, 'a run is not disowned more often than owned');
      this.#free += run.sealed;
    }
  }
}

function sealedOf(context: KvContext): number {
  return context.run?.sealedThrough ?? 0;
}
