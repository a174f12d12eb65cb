/**
 * One session at the host: its epoch and holder, the gateway that is attached, and the tree of contexts.
 *
 * Invariants
 *  1. At most one attachment is in force; its epoch is the session's, and epochs only grow (PROTOCOL E8).
 *  2. The same holder is accepted at any epoch, another one only with a higher epoch (PROTOCOL §7).
 *  3. A name (turn id, warm id, empty for the root) has one context; a turn's exists from its end on.
 */
import { KeyedDedup } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import type { CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { ContextId } from '../contract.ts';
import type { LinkChannel } from './link-channel.ts';
import type { Turn } from './turn.ts';

/** Finished turns and warm contexts that stay usable as parents; the oldest are released past it. */
const NAMES_KEPT = 256;

/** A gateway's hold on a session: one `Open`. */
export type Attachment = { readonly sid: number; readonly channel: LinkChannel; readonly session: Session };

/** A prefilled context with a name: the session's root, or a warm prefix. */
export type PrefixNode = {
  context: ContextId;
  contextTokens: number;
  readonly revision: number;
  /** Work that waits until the context exists; told false when it never will. */
  waiting: ((exists: boolean) => void)[] | undefined;
  released: boolean;
};

export type SessionOptions = {
  readonly sessionId: string;
  readonly tenant: string;
  readonly holder: Uint8Array;
};

export class Session {
  readonly sessionId: string;
  readonly tenant: string;
  holder: Uint8Array;
  epoch = 0;
  attachment: Attachment | undefined;
  /** When the last attachment ended; meaningless while one is in force. */
  detachedMs = 0;
  graceMs = 0;
  idleTtlMs = limits.idleTtlMsDefault;
  creditTokens: number = limits.creditTokensDefault;
  lastClientSeq = 0;
  /** Set when the session was closed: what still runs is wiped as it stops. */
  dropped = false;
  cancelGrace: (() => void) | undefined;
  root: PrefixNode = { context: 0, contextTokens: 0, revision: 0, waiting: undefined, released: false };
  readonly prefixes = new Map<string, PrefixNode>();
  readonly turns = new Map<string, Turn>();
  /** Final answers of controls, by turn and signal id (PROTOCOL S5). */
  readonly acks = new KeyedDedup<string, CutDone__Input>(limits.signalAcksKept);

  constructor(options: SessionOptions) {
    this.sessionId = options.sessionId;
    this.tenant = options.tenant;
    this.holder = options.holder;
  }

  /** The epoch that an `Open` gets, or undefined when the session belongs to another holder (§7). */
  nextEpoch(holder: Uint8Array, minEpoch: number): number | undefined {
    if (minEpoch <= this.epoch && !sameBytes(holder, this.holder)) return undefined;
    return Math.max(this.epoch + 1, minEpoch);
  }

  noteClientSeq(seq: number): void {
    if (seq > this.lastClientSeq) this.lastClientSeq = seq;
  }

  *liveTurns(): Iterable<Turn> {
    for (const turn of this.turns.values()) if (turn.live) yield turn;
  }

  get liveCount(): number {
    let count = 0;
    for (const turn of this.turns.values()) if (turn.live) count++;
    return count;
  }

  /** Tokens of the longest context that the session holds. */
  get contextTokens(): number {
    let most = this.root.contextTokens;
    for (const node of this.prefixes.values()) most = Math.max(most, node.contextTokens);
    for (const { started, ledger } of this.turns.values())
      if (started !== undefined) most = Math.max(most, started.promptTokens + ledger.generated);
    return most;
  }

  /** Forgets names past the bound, oldest first, never a live turn nor one that is still due; returns what to release. */
  trim(): { prefixes: PrefixNode[]; turns: Turn[] } {
    const prefixes: PrefixNode[] = [];
    const turns: Turn[] = [];
    let excess = this.turns.size + this.prefixes.size - NAMES_KEPT;
    for (const [name, node] of this.prefixes) {
      if (excess <= 0) break;
      if (node.waiting !== undefined) continue;
      this.prefixes.delete(name);
      prefixes.push(node);
      excess--;
    }
    for (const [name, turn] of this.turns) {
      if (excess <= 0) break;
      if (turn.final === undefined || turn.ledger.ringBytes > 0) continue;
      this.turns.delete(name);
      turns.push(turn);
      excess--;
    }
    return { prefixes, turns };
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
