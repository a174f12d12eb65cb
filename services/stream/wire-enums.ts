/** Enums of `session.proto` as the session layer's words. A list is in the order of its numbers, from 1 on. */
import type { ControlOutcome, CutMode, KvAction } from '@reticle/services/session';

export const CUT_MODES: Readonly<Record<CutMode, 1 | 2 | 3 | 4>> = {
  'discard-partial-items': 1,
  'keep-through-offset': 2,
  'keep-generated': 3,
  'at-item-boundary': 4,
};
export const OUTCOMES: readonly ControlOutcome[] = [
  'applied',
  'already-ended',
  'not-found',
  'stale',
  'unsupported',
  'pending',
  'refused',
];
export const KV_ACTIONS: readonly KvAction[] = [
  'cut-in-place',
  'block-aligned-cut',
  'checkpoint-replay',
  'reprefill',
  'none',
];
