import type { ControlAck, ItemKind, ServerEvent, TurnEnded, TurnStarted } from '@reticle/services/session';
import type { TokenRun } from '@reticle/services/stream';
import { ItemText } from './item-text.ts';

type ItemMark = Extract<ServerEvent, { kind: 'item-mark' }>;

/** One output item. Its text is what its tokens say: an answer, a call's arguments, reasoning. */
export type OutputItem = {
  readonly index: number;
  readonly kind: ItemKind;
  readonly id: string;
  readonly callId: string;
  readonly toolName: string;
  readonly openAt: number;
  /** Exclusive end; undefined while the item is open. */
  closedAt: number | undefined;
  /** A cut fell inside it and it is not kept: it is no part of the answer. */
  discarded: boolean;
  readonly text: ItemText;
};

/**
 * One response as it was told so far: what every reader (SSE, WebSocket, Chat, JSON, a replay) reads from.
 *
 * Invariants
 * 1. Tokens are dense from 0 to `end`; what is told again below `end` (a replay after a failover) is passed over.
 * 2. After a cut at E nothing at or past E is held (R2).
 * 3. `ended` is the last thing that changes.
 */
export class ResponseRecord {
  readonly #items: OutputItem[] = [];
  readonly turnId: string;
  readonly #listeners = new Set<() => void>();
  #end = 0;
  #started: TurnStarted | undefined;
  #starts = 0;
  #ended: TurnEnded | undefined;
  /** Why a cut was asked for: a steered answer says so (§4.3). */
  cutBy: 'interrupt' | 'steer' = 'interrupt';
  #ack: ControlAck | undefined;

  /** @param turnId names the items as well: it is unique among the tenant's responses */
  constructor(turnId: string) {
    this.turnId = turnId;
  }

  get items(): readonly OutputItem[] {
    return this.#items;
  }

  /** Exclusive end of the tokens held. */
  get end(): number {
    return this.#end;
  }

  /** The first start; an answer goes on elsewhere under a later epoch, from the same offset. */
  get started(): TurnStarted | undefined {
    return this.#started;
  }

  /** How often the turn has started: above 1 after a failover. */
  get starts(): number {
    return this.#starts;
  }

  get ended(): TurnEnded | undefined {
    return this.#ended;
  }

  /** The receipt of the cut that took effect. */
  get receipt(): ControlAck | undefined {
    return this.#ack;
  }

  /** Told after every change, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves with the end. */
  whenEnded(): Promise<void> {
    return this.until(() => this.#ended !== undefined);
  }

  /** Resolves when it is so. */
  until(isSo: () => boolean): Promise<void> {
    if (isSo()) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.listen(() => {
        if (!isSo()) return;
        stop();
        resolve();
      });
    });
  }

  tokens(run: TokenRun): void {
    const through = run.firstOffset + run.tokenCount;
    if (through <= this.#end || this.#ended !== undefined) return;
    const item = this.#items[run.itemIndex] ?? this.#items.at(-1);
    item?.text.append(run, Math.max(run.firstOffset, this.#end));
    this.#end = through;
    this.#tell();
  }

  event(event: ServerEvent): void {
    if (this.#ended !== undefined) return;
    if (event.kind === 'turn-started') this.#start(event);
    else if (event.kind === 'item-mark') this.#mark(event);
    else if (event.kind === 'control-ack') this.#acknowledge(event);
    else if (event.kind === 'turn-ended') this.#finish(event);
    else return;
    this.#tell();
  }

  #start(started: TurnStarted): void {
    this.#started ??= started;
    this.#starts += 1;
  }

  #mark(mark: ItemMark): void {
    const { itemIndex, itemKind, atOffset, closed, callId, toolName } = mark;
    const known = this.#items[itemIndex];
    if (known !== undefined) {
      if (closed) known.closedAt ??= atOffset;
      return;
    }
    this.#items.push({
      index: itemIndex,
      kind: itemKind,
      id: `${ITEM_PREFIX[itemKind]}_${this.turnId}${itemIndex}`,
      callId: callId === '' && isCall(itemKind) ? `call_${this.turnId}${itemIndex}` : callId,
      toolName,
      openAt: atOffset,
      closedAt: closed ? atOffset : undefined,
      discarded: false,
      text: new ItemText(),
    });
  }

  #acknowledge(ack: ControlAck): void {
    if (ack.outcome !== 'applied') return;
    this.#ack = ack;
    this.#cut(ack.effectiveOffset);
  }

  #finish(ended: TurnEnded): void {
    if (ended.endOffset < this.#end) this.#cut(ended.endOffset);
    for (const item of this.#items) if (item.closedAt === undefined) this.#closeCut(item, ended);
    this.#ended = ended;
  }

  #cut(effectiveOffset: number): void {
    this.#end = Math.min(this.#end, effectiveOffset);
    while ((this.#items.at(-1)?.openAt ?? -1) > effectiveOffset) this.#items.pop();
    for (const item of this.#items) {
      item.text.trim(Math.max(0, effectiveOffset - item.openAt));
      if (item.closedAt !== undefined && item.closedAt > effectiveOffset) item.closedAt = undefined;
    }
  }

  /** Half a call must never run, and half a thought is nobody's answer (§5.3); a message that was kept is one. */
  #closeCut(item: OutputItem, { status, endOffset }: TurnEnded): void {
    const kept = item.kind === 'message' && endOffset > item.openAt && status !== 'failed';
    if (kept) item.closedAt = endOffset;
    else item.discarded = true;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

const ITEM_PREFIX = { message: 'msg', reasoning: 'rs', 'function-call': 'fc', 'custom-tool-call': 'ctc' } as const;

export function isCall(kind: ItemKind): boolean {
  return kind === 'function-call' || kind === 'custom-tool-call';
}
