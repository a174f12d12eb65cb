import { assert } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';

/*
 * KV of a chain as a tree of reference-counted blocks (PROTOCOL §1.1, WAFER §6.4).
 *
 * A context owns a run of blocks behind the sealed (full) blocks that it shares with its ancestors; all
 * sealed blocks of one run have the same owners, so one count serves the run. Only the block count is
 * kept: the simulator's content is a function of the tokens and needs no bytes.
 *
 * A context or claim that leaves the wafer stops owning blocks but goes on holding its runs, so that they can be
 * brought back and are shared again by whoever holds them.
 *
 * Invariants
 *  1. free blocks + blocks of all owned runs and tails + blocks of all claims = limit, after every call. The free
 *     ones are negative only while a limit that shrank waits for blocks to be freed.
 *  2. A run never changes once made: who goes on from a context copies its partial tail into its own blocks.
 *  3. A run is on the wafer while it has an owner: a context, or a context or claim that grew out of it.
 *  4. owners ≤ holders; `gone` is told once, when the last holder of a run lets go.
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
export type KvRun = {
  readonly parent: KvRun | undefined;
  /** Sealed blocks from the root to the end of this run. */
  readonly sealedThrough: number;
  readonly sealed: number;
  owners: number;
  holders: number;
};

/** KV of one context: immutable until it is released. */
export type KvContext = {
  readonly tokens: number;
  readonly run: KvRun | undefined;
  /** 1 when the last block is partial. */
  readonly tailBlocks: number;
};

/** Blocks held by work in progress on top of a context, which it keeps alive. */
export type KvClaim = {
  readonly run: KvRun | undefined;
  /** Sealed blocks shared with the parent. */
  readonly shared: number;
  /** Blocks of its own: the copied tail, and what is reserved behind it. */
  blocks: number;
};

/** The empty context; it holds nothing and is never released. */
export const EMPTY_KV: KvContext = { tokens: 0, run: undefined, tailBlocks: 0 };

/** The block ledger of one chain. A released context or claim must not be used again. */
export class KvTree {
  readonly #gone: (run: KvRun) => void;
  #limit: number;
  #free: number;

  /**
   * @param capacityTokens K_staged of the plan (WAFER §5.5); what does not fill a block is not used
   * @param gone told of each run that nobody holds any more
   */
  constructor(capacityTokens: number, gone: (run: KvRun) => void = () => undefined) {
    this.#limit = wholeBlocks(capacityTokens) / BLOCK;
    this.#free = this.#limit;
    this.#gone = gone;
  }

  /** What the chain holds; more than its limit only while a limit that shrank is in use. */
  get tokensTotal(): number {
    return (this.#limit - Math.min(0, this.#free)) * BLOCK;
  }

  get tokensFree(): number {
    return this.freeBlocks * BLOCK;
  }

  get freeBlocks(): number {
    return Math.max(0, this.#free);
  }

  /** As {@link freeBlocks}; negative by what a limit that shrank still waits for. */
  get slackBlocks(): number {
    return this.#free;
  }

  /** Sets K. Blocks in use stay; a smaller limit takes the free ones first, then each one that is freed. */
  resize(capacityTokens: number): void {
    const limit = wholeBlocks(capacityTokens) / BLOCK;
    this.#free += limit - this.#limit;
    this.#limit = limit;
  }

  /** Blocks that {@link claim} of so many tokens in all, on top of `parent`, takes. */
  needed(parent: KvContext, tokens: number): number {
    return blocksFor(tokens) - sealedOf(parent);
  }

  /** True when {@link claim} of so many tokens in all, on top of `parent`, would succeed. */
  fits(parent: KvContext, tokens: number): boolean {
    return this.needed(parent, tokens) <= this.freeBlocks;
  }

  /** Reserves blocks for a context of `tokens` that grows out of `parent`; undefined when they are not free. */
  claim(parent: KvContext, tokens: number): KvClaim | undefined {
    assert(tokens >= parent.tokens, 'a context only grows');
    const shared = sealedOf(parent);
    const blocks = blocksFor(tokens) - shared;
    if (blocks > this.freeBlocks) return undefined;
    this.#free -= blocks;
    if (parent.run !== undefined) {
      parent.run.owners += 1;
      parent.run.holders += 1;
    }
    return { run: parent.run, shared, blocks };
  }

  /** Adds one block; false when none is free. */
  extend(claim: KvClaim): boolean {
    if (this.#free <= 0) return false;
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
    const context = this.#sealed(claim, tokens, 1);
    const blocks = ownBlocks(claim, context);
    assert(blocks <= claim.blocks, 'a context lies inside its claim');
    this.#free += claim.blocks - blocks;
    claim.blocks = 0;
    return context;
  }

  /** As {@link seal}, of a claim that has left the wafer: so has the context. */
  sealAway(claim: KvClaim, tokens: number): KvContext {
    assert(claim.blocks === 0, 'a claim that has left the wafer has no blocks');
    return this.#sealed(claim, tokens, 0);
  }

  /** Ends a claim without a context. */
  drop(claim: KvClaim): void {
    this.#free += claim.blocks;
    claim.blocks = 0;
    this.#disown(claim.run);
    this.#letGo(claim.run);
  }

  /** As {@link drop}, of a claim that has left the wafer. */
  dropAway(claim: KvClaim): void {
    this.#letGo(claim.run);
  }

  /** Frees the context's tail, and its runs as far as nothing else grew out of them. */
  release(context: KvContext): void {
    this.leave(context);
    this.releaseAway(context);
  }

  /** As {@link release}, of a context that has left the wafer. */
  releaseAway(context: KvContext): void {
    this.#letGo(context.run);
  }

  /** The context leaves the wafer; its runs stay known. */
  leave(context: KvContext): void {
    this.#free += context.tailBlocks;
    this.#disown(context.run);
    assert(this.#free <= this.#limit, 'no block is freed twice');
  }

  /** The claim leaves the wafer. */
  leaveClaim(claim: KvClaim): void {
    this.#free += claim.blocks;
    claim.blocks = 0;
    this.#disown(claim.run);
  }

  /** Blocks that {@link comeBack} takes: those of runs that are not on the wafer, and `ownBlocks`. */
  awayBlocks(from: KvRun | undefined, own: number): number {
    let blocks = own;
    for (let run = from; run !== undefined && run.owners === 0; run = run.parent) blocks += run.sealed;
    return blocks;
  }

  /** Brings runs back onto the wafer together with `own` blocks behind them; false when not all are free. */
  comeBack(from: KvRun | undefined, own: number): boolean {
    const blocks = this.awayBlocks(from, own);
    if (blocks > this.freeBlocks) return false;
    this.#free -= blocks;
    for (let run = from; run !== undefined; run = run.parent) {
      run.owners += 1;
      if (run.owners > 1) break;
    }
    return true;
  }

  /** Blocks that would be free if all of these contexts left, without those up to `except`. */
  freedBy(contexts: readonly { readonly kv: KvContext }[], except: KvRun | undefined): number {
    const left = new Map<KvRun, number>();
    for (let run = except; run !== undefined; run = run.parent) left.set(run, Infinity);
    let blocks = 0;
    for (const { kv } of contexts) {
      blocks += kv.tailBlocks;
      for (let { run } = kv; run !== undefined; run = run.parent) {
        const owners = (left.get(run) ?? run.owners) - 1;
        left.set(run, owners);
        if (owners > 0) break;
        blocks += run.sealed;
      }
    }
    return blocks;
  }

  /** Of a context that has left the wafer: the context of its first blocks, through the end of `prefix`. */
  shortened(context: KvContext, prefix: KvRun | undefined): KvContext {
    if (prefix !== undefined) prefix.holders += 1;
    this.#letGo(context.run);
    return prefix === undefined ? EMPTY_KV : { tokens: prefix.sealedThrough * BLOCK, run: prefix, tailBlocks: 0 };
  }

  #sealed(claim: KvClaim, tokens: number, owners: number): KvContext {
    const sealed = Math.floor(tokens / BLOCK) - claim.shared;
    const tailBlocks = tokens % BLOCK === 0 ? 0 : 1;
    assert(sealed >= 0, 'a context lies behind what its claim shares');
    if (sealed === 0) return { tokens, run: claim.run, tailBlocks };
    const run = { parent: claim.run, sealedThrough: claim.shared + sealed, sealed, owners, holders: 1 };
    return { tokens, run, tailBlocks };
  }

  #disown(from: KvRun | undefined): void {
    for (let run = from; run !== undefined; run = run.parent) {
      run.owners -= 1;
      if (run.owners > 0) return;
      assert(run.owners === 0, 'a run is not disowned more often than owned');
      this.#free += run.sealed;
    }
  }

  #letGo(from: KvRun | undefined): void {
    for (let run = from; run !== undefined; run = run.parent) {
      run.holders -= 1;
      if (run.holders > 0) return;
      assert(run.holders === 0 && run.owners === 0, 'a run that nobody holds is off the wafer');
      this.#gone(run);
    }
  }
}

/** Blocks of a context that its claim did not share. */
function ownBlocks(claim: KvClaim, context: KvContext): number {
  return sealedOf(context) - claim.shared + context.tailBlocks;
}

function sealedOf(context: KvContext): number {
  return context.run?.sealedThrough ?? 0;
}
