import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { blocksFor, EMPTY_KV, KvTree, type KvClaim, type KvContext } from './kv-tree.ts';

const BLOCK = 128;

/** The tree as sets of single blocks: what lives is what some context or claim names. */
type ModelBlock = { readonly sealed: boolean };
type Held<Handle> = { readonly handle: Handle; readonly tokens: number; readonly blocks: readonly ModelBlock[] };

const fresh = (count: number): ModelBlock[] => Array.from({ length: count }, () => ({ sealed: true }));
const sealedOf = ({ tokens, blocks }: Held<unknown>) => blocks.slice(0, Math.floor(tokens / BLOCK));

class Model {
  readonly blocks: number;
  readonly tree: KvTree;
  contexts: Held<KvContext>[] = [];
  claims: Held<KvClaim>[] = [];

  constructor(blocks: number) {
    this.blocks = blocks;
    this.tree = new KvTree(blocks * BLOCK + 17);
  }

  get free(): number {
    const live = new Set([...this.contexts, ...this.claims].flatMap((held) => held.blocks));
    return this.blocks - live.size;
  }

  claim(pick: number, more: number): void {
    const parent = this.contexts[pick % (this.contexts.length + 1)] ?? { handle: EMPTY_KV, tokens: 0, blocks: [] };
    const tokens = parent.tokens + more;
    const shared = sealedOf(parent);
    const wanted = blocksFor(tokens) - shared.length;
    const wantFits = wanted <= this.free;
    expect(this.tree.fits(parent.handle, tokens)).toBe(wantFits);
    const handle = this.tree.claim(parent.handle, tokens);
    expect(handle !== undefined).toBe(wantFits);
    if (handle !== undefined)
      this.claims.push({ handle, tokens: parent.tokens, blocks: [...shared, ...fresh(wanted)] });
  }

  extend(pick: number): void {
    const claim = this.claims[pick % this.claims.length];
    if (claim === undefined) return;
    const wantFits = this.free > 0;
    expect(this.tree.extend(claim.handle)).toBe(wantFits);
    if (wantFits) this.replace(claim, { ...claim, blocks: [...claim.blocks, ...fresh(1)] });
  }

  trim(pick: number, share: number): void {
    const claim = this.claims[pick % this.claims.length];
    if (claim === undefined) return;
    const tokens = this.between(claim, share);
    this.tree.trim(claim.handle, tokens);
    this.replace(claim, { ...claim, blocks: claim.blocks.slice(0, blocksFor(tokens)) });
  }

  seal(pick: number, share: number): void {
    const claim = this.claims[pick % this.claims.length];
    if (claim === undefined) return;
    const tokens = this.between(claim, share);
    this.claims = this.claims.filter((other) => other !== claim);
    const blocks = claim.blocks.slice(0, blocksFor(tokens));
    this.contexts.push({ handle: this.tree.seal(claim.handle, tokens), tokens, blocks });
  }

  drop(pick: number): void {
    const claim = this.claims[pick % this.claims.length];
    if (claim === undefined) return;
    this.tree.drop(claim.handle);
    this.claims = this.claims.filter((other) => other !== claim);
  }

  release(pick: number): void {
    const context = this.contexts[pick % this.contexts.length];
    if (context === undefined) return;
    this.tree.release(context.handle);
    this.contexts = this.contexts.filter((other) => other !== context);
  }

  /** A token count between the parent's and the capacity of a claim. */
  between(claim: Held<KvClaim>, share: number): number {
    expect(this.tree.capacityOf(claim.handle)).toBe(claim.blocks.length * BLOCK);
    return claim.tokens + Math.floor(share * (claim.blocks.length * BLOCK - claim.tokens));
  }

  replace(claim: Held<KvClaim>, by: Held<KvClaim>): void {
    this.claims = this.claims.map((other) => (other === claim ? by : other));
  }
}

const pick = fc.nat(40);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const step = fc.oneof(
  fc.tuple(fc.constant('claim' as const), pick, fc.nat(700)),
  fc.tuple(fc.constant('extend' as const), pick),
  fc.tuple(fc.constant('trim' as const), pick, share),
  fc.tuple(fc.constant('seal' as const), pick, share),
  fc.tuple(fc.constant('drop' as const), pick),
  fc.tuple(fc.constant('release' as const), pick),
);

function apply(model: Model, [kind, first, second = 0]: [string, number, number?]): void {
  if (kind === 'claim') model.claim(first, second);
  if (kind === 'extend') model.extend(first);
  if (kind === 'trim') model.trim(first, second);
  if (kind === 'seal') model.seal(first, second);
  if (kind === 'drop') model.drop(first);
  if (kind === 'release') model.release(first);
}

describe('KvTree', () => {
  test('free blocks are those that no context and no claim holds, under any work', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 24 }), fc.array(step, { maxLength: 120 }), (blocks, steps) => {
        const model = new Model(blocks);
        for (const one of steps) {
          apply(model, one);
          expect(model.tree.tokensFree).toBe(model.free * BLOCK);
          expect(model.tree.tokensFree).toBeGreaterThanOrEqual(0);
        }
        while (model.claims.length > 0) model.drop(0);
        while (model.contexts.length > 0) model.release(0);
        expect(model.tree.tokensFree).toBe(model.tree.tokensTotal);
      }),
    );
  });

  test.each([
    { name: 'on a block border', trunkTokens: 256, wantTrunk: 2, wantFork: 1 },
    { name: 'inside a block: the tail is copied', trunkTokens: 257, wantTrunk: 3, wantFork: 1 },
    { name: 'just before a border: the copy fills up', trunkTokens: 255, wantTrunk: 2, wantFork: 1 },
  ])('a fork $name', ({ trunkTokens, wantTrunk, wantFork }) => {
    const tree = new KvTree(64 * BLOCK);
    const used = () => (tree.tokensTotal - tree.tokensFree) / BLOCK;
    const trunk = tree.seal(tree.claim(EMPTY_KV, trunkTokens) as KvClaim, trunkTokens);
    expect(used()).toBe(wantTrunk);
    const fork = tree.seal(tree.claim(trunk, trunkTokens + 1) as KvClaim, trunkTokens + 1);
    expect(used()).toBe(wantTrunk + wantFork);
    tree.release(trunk);
    expect(used()).toBe(blocksFor(trunkTokens + 1));
    tree.release(fork);
    expect(used()).toBe(0);
  });

  test.each([
    { name: 'a context released twice', act: (tree: KvTree, context: KvContext) => tree.release(context) },
    {
      name: 'a context outside its claim',
      act: (tree: KvTree) => tree.seal(tree.claim(EMPTY_KV, 10) as KvClaim, 129),
    },
  ])('$name is a defect', ({ act }) => {
    const tree = new KvTree(8 * BLOCK);
    const context = tree.seal(tree.claim(EMPTY_KV, 300) as KvClaim, 300);
    tree.release(context);
    expect(() => act(tree, context)).toThrow('invariant');
  });
});
