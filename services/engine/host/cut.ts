/**
 * Where a turn is cut (PROTOCOL §1.1 R4), as arithmetic over what is known at the end of the running step.
 *
 * | mode                   | E                                                                  |
 * |------------------------|--------------------------------------------------------------------|
 * | keep-through-offset    | min(requested, or acknowledged when none is given, generated)      |
 * | keep-generated         | generated                                                          |
 * | discard-partial-items  | first offset of the open item; generated when none is open         |
 * | at-item-boundary       | pending while an item is open; then min(its closing offset, generated) |
 *
 * A turn that has not started is cut among its forced tokens: at 0 without any. Every E is an exclusive end and at most `generated`.
 */
export type CutMode = 'discard-partial-items' | 'keep-through-offset' | 'keep-generated' | 'at-item-boundary';

export type CutFacts = {
  readonly mode: CutMode;
  /** `keep_through_offset` of the control, if it was given. */
  readonly requested: number | undefined;
  /** The client's acknowledged offset when the control arrived. */
  readonly acknowledged: number;
  /** Offset at the end of the running step. */
  readonly generated: number;
  /** First offset of the item that is open at `generated`. */
  readonly openItemAt: number | undefined;
  /** For `at-item-boundary`: where the item that it waited for closed; `now` when a second control forces it. */
  readonly boundary?: number | 'now' | undefined;
};

export function cutOffset(facts: CutFacts): number | 'pending' {
  const { mode, requested, acknowledged, generated, openItemAt, boundary } = facts;
  switch (mode) {
    case 'keep-through-offset':
      return Math.min(requested ?? acknowledged, generated);
    case 'keep-generated':
      return generated;
    case 'discard-partial-items':
      return Math.min(openItemAt ?? generated, generated);
    case 'at-item-boundary':
      if (typeof boundary === 'number') return Math.min(boundary, generated);
      return boundary === 'now' || openItemAt === undefined ? generated : 'pending';
  }
}
