/*
 * KV of contexts and claims wherever it is: on the wafers, on its way, or parked in host memory (WAFER §6.4).
 *
 * Invariants
 *  1. What leaves the wafer has a finished copy of every block and of its partial tail. A copy that the store gives
 *     up later is lost, and the tokens behind it are prefilled again.
 *  2. When room is short, contexts that nobody uses leave in order of last use, those without a finished copy never.
 *  3. Restores follow each other, since each of them takes the whole I/O of the chain.
 */
import { assert } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import { blocksFor, EMPTY_KV, KvTree, type KvClaim, type KvContext, type KvRun } from './kv-tree.ts';
import { ParkStore } from './park-store.ts';
import type { PrefillJob } from './prefill-lane.ts';

const BLOCK = limits.kvBlockTokens;

/** The part of a context that the keeper moves. */
export type KeptContext = {
  kv: KvContext;
  /** True while the KV is off the wafer. */
  away: boolean;
  /** When a restore brings the KV back. */
  readyUs: number;
  /** The prefill that computes the KV, until it is done. */
  readonly job: PrefillJob | undefined;
};

export type KvKeeperOptions = {
  readonly kvTokens: number;
  readonly parkTokens: number;
  readonly nowUs: () => number;
  /** T_restore and T_park of so many tokens. */
  readonly moveUs: (tokens: number) => number;
};

/** What parking did so far. */
export type ParkFigures = {
  /** Tokens of copies in the store, and its room. */
  readonly copiedTokens: number;
  readonly storeTokens: number;
  readonly copyLagMicros: number;
  /** Contexts and streams off the wafer. */
  readonly parked: number;
  readonly restores: number;
  readonly copiesEvicted: number;
};

export type Returned = {
  readonly readyUs: number;
  /** Tokens, from the start, whose KV is back; the others have to be prefilled. */
  readonly cachedTokens: number;
};

export class KvKeeper {
  readonly #options: KvKeeperOptions;
  readonly #tree: KvTree;
  readonly #store: ParkStore<KvRun | KvContext | KvClaim>;
  /** Contexts on the wafer, in order of last use. */
  readonly #onWafer = new Set<KeptContext>();
  /** Parking was asked; waits for the copy. */
  readonly #leaving = new Set<KeptContext>();
  readonly #leavingClaims = new Map<KvClaim, number>();
  /** Claims off the wafer, with their tokens. */
  readonly #awayClaims = new Map<KvClaim, number>();
  #awayContexts = 0;
  #restoreFreeUs = 0;
  #restores = 0;

  constructor(options: KvKeeperOptions) {
    this.#options = options;
    this.#tree = new KvTree(options.kvTokens, (run) => this.#store.drop(run));
    this.#store = new ParkStore({ capacityTokens: options.parkTokens, parkUs: options.moveUs });
  }

  get tokensTotal(): number {
    return this.#tree.tokensTotal;
  }

  get tokensFree(): number {
    return this.#tree.tokensFree;
  }

  get figures(): ParkFigures {
    return {
      copiedTokens: this.#store.usedTokens,
      storeTokens: this.#store.capacityTokens,
      copyLagMicros: this.#store.lagUs(this.#options.nowUs()),
      parked: this.#awayContexts + this.#awayClaims.size,
      restores: this.#restores,
      copiesEvicted: this.#store.evicted,
    };
  }

  resize(kvTokens: number): void {
    this.#tree.resize(kvTokens);
    for (const context of this.#evictable(undefined)) {
      if (this.#tree.slackBlocks >= 0) return;
      this.#leave(context);
    }
  }

  /** Whether {@link claim} would succeed now. */
  fits(parent: KeptContext, tokens: number): boolean {
    const needed = this.#neededFor(parent, tokens);
    if (needed <= this.#tree.freeBlocks) return true;
    return needed <= this.#tree.slackBlocks + this.#tree.freedBy(this.#evictable(parent), parent.kv.run);
  }

  /** Reserves blocks on top of a context, which comes back onto the wafer for it; undefined without room. */
  claim(parent: KeptContext, tokens: number): KvClaim | undefined {
    this.#settleLost(parent);
    if (!this.#makeRoom(() => this.#neededFor(parent, tokens), parent.kv.run, parent)) return undefined;
    this.#comeBack(parent);
    this.#touch(parent);
    const claim = this.#tree.claim(parent.kv, tokens);
    assert(claim !== undefined, 'room was made for the claim');
    return claim;
  }

  extend(claim: KvClaim): boolean {
    return this.#makeRoom(() => 1, claim.run) && this.#tree.extend(claim);
  }

  capacityOf(claim: KvClaim): number {
    return this.#tree.capacityOf(claim);
  }

  trim(claim: KvClaim, tokens: number): void {
    if (!this.#awayClaims.has(claim)) this.#tree.trim(claim, tokens);
  }

  /** Ends a claim with a context of its first tokens; the part that the keeper moves. */
  seal(claim: KvClaim, tokens: number, job: PrefillJob | undefined): Omit<KeptContext, 'job'> {
    this.#leavingClaims.delete(claim);
    const away = this.#awayClaims.delete(claim);
    if (!away) return { kv: this.#tree.seal(claim, tokens), away, readyUs: 0 };
    assert(job === undefined || job.state === 'done', 'what has left the wafer was computed');
    const kv = this.#tree.sealAway(claim, tokens);
    const copied = this.#store.doneUs(claim) < Infinity;
    this.#store.drop(claim);
    if (copied) {
      if (kv.run !== undefined && kv.run !== claim.run) this.#store.keep(kv.run, kv.run.sealed * BLOCK);
      if (kv.tailBlocks > 0) this.#store.keep(kv, tailTokens(kv));
    }
    return { kv, away, readyUs: 0 };
  }

  drop(claim: KvClaim): void {
    this.#leavingClaims.delete(claim);
    this.#store.drop(claim);
    if (this.#awayClaims.delete(claim)) this.#tree.dropAway(claim);
    else this.#tree.drop(claim);
  }

  /** A context is known from now on: its KV is copied when it is computed, and it may leave when room is short. */
  adopt(context: KeptContext): void {
    if (context.away) this.#awayContexts += 1;
    else this.#onWafer.add(context);
    this.computed(context);
  }

  /** The KV of a context may just have been computed: it is final, so copying begins. */
  computed(context: KeptContext): void {
    if (isComputed(context) && !context.away) this.#copy(context.kv);
  }

  release(context: KeptContext): void {
    this.#onWafer.delete(context);
    this.#leaving.delete(context);
    this.#store.drop(context.kv);
    if (!context.away) {
      this.#tree.release(context.kv);
      return;
    }
    this.#awayContexts -= 1;
    this.#tree.releaseAway(context.kv);
  }

  /** Lets a context leave as soon as its copy is done. */
  park(context: KeptContext): void {
    if (context.away || context.kv === EMPTY_KV || !isComputed(context)) return;
    this.#copy(context.kv);
    this.#leaving.add(context);
    this.advance();
  }

  /** Lets the KV of a stream that does not run leave as soon as its copy is done. */
  parkClaim(claim: KvClaim, tokens: number): void {
    if (this.#awayClaims.has(claim) || this.#leavingClaims.has(claim)) return;
    this.#copyRuns(claim.run);
    this.#store.copy(claim, tokens - claim.shared * BLOCK, this.#options.nowUs());
    this.#leavingClaims.set(claim, tokens);
    this.advance();
  }

  isAway(claim: KvClaim): boolean {
    return this.#awayClaims.has(claim);
  }

  /** The stream goes on before it was parked. */
  stay(claim: KvClaim): void {
    if (this.#leavingClaims.delete(claim)) this.#store.drop(claim);
  }

  /** Brings the KV of a parked stream back; undefined without room. */
  bringBack(claim: KvClaim): Returned | undefined {
    const tokens = this.#awayClaims.get(claim);
    assert(tokens !== undefined, 'a claim that comes back was away');
    const own = blocksFor(tokens) - claim.shared;
    if (!this.#makeRoom(() => this.#tree.awayBlocks(claim.run, own), claim.run)) return undefined;
    const prefix = this.#prefixOf(claim.run);
    const wholeRuns = prefix === claim.run;
    const ownThere = wholeRuns && this.#store.doneUs(claim) < Infinity;
    const cachedTokens = ownThere ? tokens : (prefix?.sealedThrough ?? 0) * BLOCK;
    const ownTokens = tokens - claim.shared * BLOCK;
    const moved = this.#tree.awayBlocks(prefix, 0) * BLOCK + (ownThere ? ownTokens : 0);
    const back = this.#tree.comeBack(claim.run, own);
    assert(back, 'room was made for the claim');
    claim.blocks = own;
    this.#awayClaims.delete(claim);
    this.#store.drop(claim);
    return { readyUs: this.#restore(moved), cachedTokens };
  }

  /** Lets go of the wafer what has been copied by now. */
  advance(): void {
    const nowUs = this.#options.nowUs();
    for (const context of this.#leaving) {
      if (context.away || this.#copiedUs(context.kv) > nowUs) continue;
      if (context.readyUs <= nowUs) this.#leave(context);
    }
    for (const [claim, tokens] of this.#leavingClaims) {
      if (Math.max(this.#store.doneUs(claim), this.#runsCopiedUs(claim.run)) > nowUs) continue;
      this.#leavingClaims.delete(claim);
      this.#awayClaims.set(claim, tokens);
      this.#tree.leaveClaim(claim);
    }
  }

  /** When something leaves, or could make room, next; Infinity when nothing is under way. */
  nextUs(roomWanted: boolean): number {
    const nowUs = this.#options.nowUs();
    let nextUs = Infinity;
    for (const context of roomWanted ? this.#onWafer : this.#leaving) {
      const leavesUs = Math.max(this.#copiedUs(context.kv), context.readyUs);
      if (leavesUs > nowUs) nextUs = Math.min(nextUs, leavesUs);
    }
    for (const claim of this.#leavingClaims.keys()) {
      const leavesUs = Math.max(this.#store.doneUs(claim), this.#runsCopiedUs(claim.run));
      if (leavesUs > nowUs) nextUs = Math.min(nextUs, leavesUs);
    }
    return nextUs;
  }

  #neededFor(parent: KeptContext, tokens: number): number {
    const own = this.#tree.needed(parent.kv, tokens);
    return parent.away ? own + this.#tree.awayBlocks(parent.kv.run, parent.kv.tailBlocks) : own;
  }

  /**
   * Lets unused contexts leave until so many blocks are free, none when that would not be enough. Runs through `used`
   * are about to be owned.
   */
  #makeRoom(needed: () => number, used: KvRun | undefined, except?: KeptContext): boolean {
    if (needed() <= this.#tree.freeBlocks) return true;
    const evictable = this.#evictable(except);
    if (needed() > this.#tree.slackBlocks + this.#tree.freedBy(evictable, used)) return false;
    for (const context of evictable) {
      this.#leave(context);
      if (needed() <= this.#tree.freeBlocks) return true;
    }
    return false;
  }

  #evictable(except: KeptContext | undefined): KeptContext[] {
    const nowUs = this.#options.nowUs();
    return [...this.#onWafer].filter(
      (context) =>
        context !== except && isComputed(context) && context.readyUs <= nowUs && this.#copiedUs(context.kv) <= nowUs,
    );
  }

  #leave(context: KeptContext): void {
    this.#onWafer.delete(context);
    this.#leaving.delete(context);
    this.#tree.leave(context.kv);
    context.away = true;
    this.#awayContexts += 1;
  }

  #comeBack(context: KeptContext): void {
    if (!context.away) return;
    const { run, tailBlocks } = context.kv;
    const moved = this.#tree.awayBlocks(run, 0) * BLOCK + tailTokens(context.kv);
    const back = this.#tree.comeBack(run, tailBlocks);
    assert(back, 'room was made for the context');
    context.away = false;
    this.#awayContexts -= 1;
    this.#onWafer.add(context);
    context.readyUs = this.#restore(moved);
  }

  /** Time at which a restore of so many tokens, asked now, is done. */
  #restore(tokens: number): number {
    const nowUs = this.#options.nowUs();
    if (tokens === 0) return nowUs;
    this.#restores += 1;
    this.#restoreFreeUs = Math.max(this.#restoreFreeUs, nowUs) + this.#options.moveUs(tokens);
    return this.#restoreFreeUs;
  }

  /** Shortens a parked context to what wafer and store still have of it. */
  #settleLost(context: KeptContext): void {
    if (!context.away) return;
    const { kv } = context;
    const prefix = this.#prefixOf(kv.run);
    const tailThere = kv.tailBlocks === 0 || this.#store.doneUs(kv) < Infinity;
    if (prefix === kv.run && tailThere) return;
    this.#store.drop(kv);
    context.kv = this.#tree.shortened(kv, prefix);
  }

  /** The last run up to which every run is on the wafer or has a copy. */
  #prefixOf(through: KvRun | undefined): KvRun | undefined {
    let prefix = through;
    for (let run = through; run !== undefined; run = run.parent) {
      if (run.owners === 0 && this.#store.doneUs(run) === Infinity) prefix = run.parent;
    }
    return prefix;
  }

  #touch(context: KeptContext): void {
    this.#leaving.delete(context);
    if (this.#onWafer.delete(context)) this.#onWafer.add(context);
    this.#store.touch(context.kv);
    for (let { run } = context.kv; run !== undefined; run = run.parent) this.#store.touch(run);
  }

  #copy(kv: KvContext): void {
    this.#copyRuns(kv.run);
    if (kv.tailBlocks > 0 && this.#store.doneUs(kv) === Infinity) {
      this.#store.copy(kv, tailTokens(kv), this.#options.nowUs());
    }
  }

  #copyRuns(through: KvRun | undefined): void {
    for (let run = through; run !== undefined; run = run.parent) {
      if (this.#store.doneUs(run) < Infinity) continue;
      this.#store.copy(run, run.sealed * BLOCK, this.#options.nowUs());
    }
  }

  /** When every copy of a context is done; Infinity when one is missing. */
  #copiedUs(kv: KvContext): number {
    const tailUs = kv.tailBlocks === 0 ? 0 : this.#store.doneUs(kv);
    return Math.max(tailUs, this.#runsCopiedUs(kv.run));
  }

  #runsCopiedUs(through: KvRun | undefined): number {
    let copiedUs = 0;
    for (let run = through; run !== undefined; run = run.parent) {
      copiedUs = Math.max(copiedUs, this.#store.doneUs(run));
    }
    return copiedUs;
  }
}

function isComputed(context: KeptContext): boolean {
  return context.job === undefined || context.job.state === 'done';
}

function tailTokens(kv: KvContext): number {
  return kv.tokens - (kv.run?.sealedThrough ?? 0) * BLOCK;
}
