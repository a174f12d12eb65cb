import { describe, expect, test } from '@jest/globals';
import { turnOf } from './restore.ts';
import { finalReceipt, turnEnded } from './receipt.ts';
import { NO_PROGRESS, NO_TIMING, NO_USAGE, type Receipt, type TurnState } from './turn-state.ts';

const RECEIPT: Receipt = { effectiveOffset: 31, generatedOffset: 50, kvAction: 'cut-in-place', kvKeptTokens: 40 };

/** A redirected turn that its engine ended at 31 of 48 tokens, of which all had been sent. */
function cutTurn(receipt: Receipt | undefined): TurnState {
  const usage = { ...NO_USAGE, discardedTokens: 17 };
  const ending = { status: 'redirected', endOffset: 31, finishReason: 'redirected', usage, timing: NO_TIMING } as const;
  const turn = turnOf({
    turnId: 't1',
    parentTurnId: '',
    bodyDigest: '',
    tier: undefined,
    prefillOnly: false,
    tools: '',
    started: { promptTokens: 10, cachedTokens: 0, startOffset: 0, continuation: 'exact' },
    ending,
    cutAt: undefined,
    endsAt: undefined,
    generatedOffset: 48,
    cuts: [],
  });
  return { ...turn, receipt };
}

describe('the end of a cut turn', () => {
  test.each([
    { name: 'whose answer came', receipt: RECEIPT, wantGenerated: 50, wantDiscarded: 19 },
    { name: 'whose answer got lost', receipt: undefined, wantGenerated: 48, wantDiscarded: 17 },
  ])('$name has room for its bill', ({ receipt, wantGenerated, wantDiscarded }) => {
    const turn = cutTurn(receipt);
    expect(finalReceipt(turn)).toMatchObject({ effectiveOffset: 31, generatedOffset: wantGenerated });
    const ended = turnEnded(turn, { epoch: 1, progress: { ...NO_PROGRESS, received: 48, sent: 48 } });
    expect(ended.usage).toMatchObject({ outputTokens: 48, discardedTokens: wantDiscarded });
    expect(ended.endOffset + ended.usage.discardedTokens).toBeGreaterThanOrEqual(ended.usage.outputTokens);
  });
});
