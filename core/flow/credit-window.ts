import { assert, isOffset, OFFSET_MAX, type Offset } from '@reticle/core/domain';

/**
 * Credit of one turn on one attachment (PROTOCOL §1.1 R5): the receiver says how far it has received, and how
 * many tokens past that point it will take.
 *
 *     sendLimit     = receivedThrough + min(creditTokens, ringTokens)
 *     generateLimit = receivedThrough + ringTokens
 *
 * Both ends are exclusive. Invariants:
 * 1. `receivedThrough` never goes back, and never passes what was sent.
 * 2. Statements are absolute: a repeated one changes nothing, a lost one is made good by the next.
 * 3. sendLimit ≤ generateLimit, so that no unacknowledged token is ever evicted from the ring (R7).
 *
 * `sendLimit` may fall below what was already sent, when the receiver lowers its credit; the sender then waits.
 */
export type CreditWindow = {
  /** Exclusive end of what the client has acknowledged. */
  readonly receivedThrough: Offset;
  /** Budget past `receivedThrough`, at most `ringTokens`; 0 is a pause. */
  readonly creditTokens: number;
  /** Tokens that the engine host keeps for replay (`limits.ringTokens`). */
  readonly ringTokens: number;
};

export type CreditOptions = {
  /** Where the receiver stands at the start: 0, or the cursor of a resume. Default 0. */
  readonly receivedThrough?: Offset;
  /** First budget. 0 is a pause here; that 0 stands for 512 in `Attach` is the codec's business. */
  readonly creditTokens: number;
  /** `limits.ringTokens` of the wire contract. */
  readonly ringTokens: number;
};

/** One statement of the receiver, with the sender's own knowledge of what it has sent. */
export type CreditFlow = {
  readonly receivedThrough: Offset;
  readonly creditTokens: number;
  /** Exclusive end of what was sent on this attachment. */
  readonly sent: Offset;
};

export function createCredit(options: CreditOptions): CreditWindow {
  const { receivedThrough = 0, creditTokens, ringTokens } = options;
  assert(Number.isInteger(ringTokens) && ringTokens > 0, 'the ring holds at least one token');
  assert(isOffset(receivedThrough), 'the acknowledged end is an offset');
  return { receivedThrough, creditTokens: clampCredit(creditTokens, ringTokens), ringTokens };
}

/**
 * The window after a statement of the receiver; the same object when nothing changes. A statement whose
 * acknowledgement lies behind the window is older than what is known, and is ignored whole: applying its
 * budget alone could take back credit that the receiver has granted since.
 */
export function applyFlow(window: CreditWindow, flow: CreditFlow): CreditWindow | 'ack_out_of_range' {
  if (flow.receivedThrough > flow.sent) return 'ack_out_of_range';
  if (flow.receivedThrough < window.receivedThrough) return window;
  const creditTokens = clampCredit(flow.creditTokens, window.ringTokens);
  if (flow.receivedThrough === window.receivedThrough && creditTokens === window.creditTokens) return window;
  return { receivedThrough: flow.receivedThrough, creditTokens, ringTokens: window.ringTokens };
}

/** Exclusive offset up to which tokens may be sent. */
export function sendLimit(window: CreditWindow): Offset {
  return Math.min(window.receivedThrough + window.creditTokens, OFFSET_MAX);
}

/** Exclusive offset up to which the engine may generate into its ring, whatever the credit; then the turn pauses. */
export function generateLimit(window: CreditWindow): Offset {
  return Math.min(window.receivedThrough + window.ringTokens, OFFSET_MAX);
}

function clampCredit(creditTokens: number, ringTokens: number): number {
  assert(isOffset(creditTokens), 'credit is a uint32');
  return Math.min(creditTokens, ringTokens);
}
