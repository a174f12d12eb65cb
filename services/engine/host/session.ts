/**
 * One session at the host: its epoch and holder, the gateway that is attached, and the tree of contexts.
 *
 * Invariants
 *  1. At most one attachment is in force; its epoch is the session's, and epochs only grow (PROTOCOL E8).
 *  2. The same holder is accepted at any epoch, another one only with a higher epoch (PROTOCOL §7).
 *  3. A name (turn id, warm id, empty for the root) has one context; a turn's exists from its end on.
 *  4. What a context that can be used stems from stays on record, also when its own name has gone: the session can
 *     be made again elsewhere from `lineage()` alone. Only past `RECORDS_ARCHIVED` of them the oldest are lost.
 */
import { limits } from '@reticle/proto/contract';
import type { CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Prefill } from '@reticle/proto/gen/engine/v1/Prefill';
import type { ServiceTier } from '@reticle/proto/gen/session/v1/ServiceTier';
import type { SignalKey } from '@reticle/services/bus/signals';
import type { ContextId } from '../contract.ts';
import type { LinkChannel } from './link-channel.ts';
import { ControlAnswers } from './control-answers.ts';
import { HandedRecords } from './handed-records.ts';
import { recordBytes } from './record-bytes.ts';
import type { Turn } from './turn.ts';

/** Finished turns and warm contexts that stay usable as parents; the oldest are released past it. */
const NAMES_KEPT = 256;
/** Inputs and ids of those; the oldest names go past it. A context of 131,072 tokens takes about 1 MiB. */
const RECORD_BYTES_KEPT = 32 * 1024 * 1024;
/** Records of names that have gone while something that stems from them is still there. */
const RECORDS_ARCHIVED = 4_096;

/** A gateway's hold on a session: one `Open`. */
export type Attachment = { readonly sid: number; readonly channel: LinkChannel; readonly session: Session };

export type PrefillCounts = {
  readonly contextTokens: number;
  readonly cachedTokens: number;
  readonly prefilledTokens: number;
};

/** A prefilled context with a name: the session's root, or a warm prefix. */
export type PrefixNode = {
  /** Empty for the root. */
  readonly name: string;
  readonly order: number;
  readonly parentName: string;
  /** What made it, the root's whole prefix; absent for the empty root. */
  readonly request: Prefill | undefined;
  result: PrefillCounts | undefined;
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
  tier: ServiceTier = 0;
  /** Keys that its signals are signed with, newest first (PROTOCOL S4). */
  signalKeys: readonly SignalKey[] = [];
  lastClientSeq = 0;
  readonly handed = new HandedRecords();
  /** Gateway of the newest attachment. */
  gatewayId = '';
  /** Set when the session was closed: what still runs is wiped as it stops. */
  dropped = false;
  cancelGrace: (() => void) | undefined;
  /** Nobody has come back in the grace: its KV may leave the wafer. */
  parked = false;
  root: PrefixNode = emptyRoot();
  /** A turn or a warm context starts from the root, which is fixed from then on. */
  rootTaken = false;
  readonly prefixes = new Map<string, PrefixNode>();
  readonly turns = new Map<string, Turn>();
  /** Names that were trimmed but that others stem from, oldest first. */
  readonly archive = new Map<string, PrefixNode | Turn>();
  /** Answers of controls, by turn and signal id (PROTOCOL S5). */
  readonly acks = new ControlAnswers<CutDone__Input>(limits.signalAcksKept);
  #order = 0;

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

  /** Grows by 1 with every context that is asked for. */
  nextOrder(): number {
    return ++this.#order;
  }

  /** The name means or meant a context of this session. */
  isTaken(name: string): boolean {
    return this.turns.has(name) || this.prefixes.has(name) || this.archive.has(name);
  }

  /** Every context on record, parents before children. */
  lineage(): readonly (PrefixNode | Turn)[] {
    const nodes = [this.root, ...this.archive.values(), ...this.prefixes.values(), ...this.turns.values()];
    return nodes.sort((left, right) => left.order - right.order);
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
    const excess: Excess = { names: this.turns.size + this.prefixes.size - NAMES_KEPT, bytes: -RECORD_BYTES_KEPT };
    for (const node of this.prefixes.values()) excess.bytes += recordBytes(node);
    for (const turn of this.turns.values()) excess.bytes += recordBytes(turn);
    const prefixes = this.#archive(this.prefixes, excess, (node) => node.waiting === undefined);
    const turns = this.#archive(this.turns, excess, (turn) => turn.final !== undefined && turn.ledger.ringBytes === 0);
    if (prefixes.length + turns.length > 0) this.#pruneArchive();
    return { prefixes, turns };
  }

  /** Takes names out, oldest first, until the excess is gone. */
  #archive<Node extends PrefixNode | Turn>(
    nodes: Map<string, Node>,
    excess: Excess,
    mayGo: (node: Node) => boolean,
  ): Node[] {
    const gone: Node[] = [];
    for (const [name, node] of nodes) {
      if (excess.names <= 0 && excess.bytes <= 0) break;
      if (!mayGo(node)) continue;
      nodes.delete(name);
      this.archive.set(name, node);
      gone.push(node);
      excess.names--;
      excess.bytes -= recordBytes(node);
    }
    return gone;
  }

  /** Forgets records that nothing stems from any more. */
  #pruneArchive(): void {
    const needed = new Set<string>();
    for (const node of [...this.prefixes.values(), ...this.turns.values()]) {
      let name = node.parentName;
      while (name !== '' && !needed.has(name)) {
        needed.add(name);
        name = this.archive.get(name)?.parentName ?? '';
      }
    }
    for (const name of this.archive.keys()) if (!needed.has(name)) this.archive.delete(name);
    for (const name of this.archive.keys()) {
      if (this.archive.size <= RECORDS_ARCHIVED) break;
      this.archive.delete(name);
    }
  }
}

/** What is over the bounds; positive is too much. */
type Excess = { names: number; bytes: number };

function emptyRoot(): PrefixNode {
  const nothing = { request: undefined, result: undefined, waiting: undefined };
  return { name: '', parentName: '', order: 0, context: 0, contextTokens: 0, revision: 0, released: false, ...nothing };
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
