import { assert } from '@reticle/core/domain';

/** What one turn of one epoch is billed: the highest offset sent. The relay raises it as it sends. */
export type Bill = {
  readonly tenant: string;
  readonly sessionId: string;
  readonly turnId: string;
  readonly epoch: number;
  /** Highest offset sent to any client. */
  readonly throughOffset: number;
};

class OpenBill implements Bill {
  readonly tenant: string;
  readonly sessionId: string;
  readonly turnId: string;
  readonly epoch: number;
  throughOffset = 0;

  constructor(key: Omit<Bill, 'throughOffset'>) {
    this.tenant = key.tenant;
    this.sessionId = key.sessionId;
    this.turnId = key.turnId;
    this.epoch = key.epoch;
  }
}

/**
 * Bills by (turn, epoch), merged by maximum: a copy, a late or a repeated statement changes nothing, and two
 * gateways that served one turn agree on the larger (PROTOCOL E8).
 */
export class UsageLedger {
  readonly #sessions = new Map<string, Map<string, OpenBill>>();

  /** The bill of a turn in an epoch; the same object for the same key. */
  open(key: Omit<Bill, 'throughOffset'>): Bill {
    let bills = this.#sessions.get(key.sessionId);
    if (bills === undefined) this.#sessions.set(key.sessionId, (bills = new Map()));
    const at = `${key.turnId} ${key.epoch}`;
    let bill = bills.get(at);
    if (bill === undefined) bills.set(at, (bill = new OpenBill(key)));
    return bill;
  }

  /** Raises a bill; a lower offset changes nothing. */
  sent(bill: Bill, throughOffset: number): void {
    assert(bill instanceof OpenBill, 'a bill comes from its ledger');
    if (throughOffset > bill.throughOffset) bill.throughOffset = throughOffset;
  }

  /** Bills of a session, for reports and tests. */
  ofSession(sessionId: string): readonly Bill[] {
    return [...(this.#sessions.get(sessionId)?.values() ?? [])];
  }

  /** Tokens billed for a turn: the maximum over its epochs, since each epoch continues the one before. */
  billedTokens(sessionId: string, turnId: string): number {
    let tokens = 0;
    for (const bill of this.ofSession(sessionId)) {
      if (bill.turnId === turnId) tokens = Math.max(tokens, bill.throughOffset);
    }
    return tokens;
  }

  /** Takes the bills of a session out, once it is over. */
  close(sessionId: string): readonly Bill[] {
    const bills = this.ofSession(sessionId);
    this.#sessions.delete(sessionId);
    return bills;
  }
}
