/**
 * What is known here of one Codex thread (PROTOCOL §4.1 "Session key"): its session, and which turn of it ends where in
 * the conversation, so that a request which sends the whole conversation again goes on from what is warm.
 *
 *     items of the request   d1  d2  u1 │ a1  u2 │ a2  u3
 *     digests of turns       ───────────┴ turn 1 ┴ turn 2          goes on from turn 2 with u3 alone
 *
 * A digest is a chain over the items as the model reads them: ids and status of an item change nothing (§4.1a "Rendering").
 *
 * Invariants
 * 1. A place is a turn whose context reads as the request's first items do, under the same tools.
 * 2. At most {@link TURNS_MAX} turns are remembered; a forgotten one costs its evaluation, never its meaning.
 * 3. A session that refused to go on is not asked again.
 */
import { createHash } from 'node:crypto';
import { parseItem, renderItems, type Item } from '@reticle/core/domain/tokens';
import { KeyedDedup } from '@reticle/core/flow';
import type { CreateResponse } from './create-response.ts';
import { mayHelpAnew } from './dialect.ts';
import { closedItems, itemText } from './response-object.ts';
import type { OutputItem, ResponseRecord } from './response-record.ts';

const TURNS_MAX = 128;

/** A turn on its way, with what it was asked. */
export type ThreadTurn = {
  readonly turnId: string;
  readonly parentTurnId: string;
  /** What the turn adds to its parent. */
  readonly create: CreateResponse;
  readonly record: ResponseRecord;
};

/** The turn that a request goes on from; empty: the session's root. `items` of the request are its context. */
export type Place = { readonly parentTurnId: string; readonly items: number };

/** Where a turn ended: the digest of its conversation, under these tools. */
type End = { readonly digest: string; readonly tools: string };

export class Thread {
  readonly #running = new Set<ThreadTurn>();
  /** By turn. */
  #ends = new KeyedDedup<string, End>(TURNS_MAX);
  /** Turns by digest. */
  #turns = new KeyedDedup<string, string>(TURNS_MAX);
  #sessionId: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** The session that the thread goes on in. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  /** Turns that generate and have not ended. */
  get running(): readonly ThreadTurn[] {
    return [...this.#running].filter(({ create }) => create.generate);
  }

  /** Requests look for their places one after the other. */
  alone<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(run);
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** Goes on in another session, of which nothing is known yet; undefined: in none. */
  moveTo(sessionId: string | undefined): void {
    this.#sessionId = sessionId;
    this.#running.clear();
    this.#ends = new KeyedDedup(TURNS_MAX);
    this.#turns = new KeyedDedup(TURNS_MAX);
  }

  /** The longest part of a request that a turn's context holds already. A turn that generates is asked something new. */
  place(create: CreateResponse): Place {
    const items = itemsOf(create);
    const digests = [rootDigest(create)];
    for (const item of items) digests.push(extended(digests.at(-1) ?? '', [item]));
    for (let count = create.generate ? items.length - 1 : items.length; count > 0; count -= 1) {
      const parentTurnId = this.#turns.get(digests[count] ?? '');
      if (parentTurnId !== undefined) return { parentTurnId, items: count };
    }
    return { parentTurnId: '', items: 0 };
  }

  /** Remembers where a turn of the session ends. */
  follow(turn: ThreadTurn): void {
    const { record } = turn;
    this.#running.add(turn);
    const stop = record.listen(() => {
      if (record.ended === undefined) return;
      stop();
      if (this.#running.delete(turn)) this.#ended(turn);
    });
  }

  #ended(turn: ThreadTurn): void {
    const { record, turnId } = turn;
    const error = record.ended?.error;
    if (error !== undefined) {
      if (record.started === undefined && mayHelpAnew(error.code)) this.moveTo(undefined);
      return;
    }
    const before = this.#before(turn);
    if (before === undefined) return;
    const outputs = closedItems(record).map(returned);
    const digest = extended(before.digest, [...itemsOf(turn.create), ...outputs]);
    this.#ends.set(turnId, { ...before, digest });
    this.#turns.set(digest, turnId);
  }

  /** Where a turn began; undefined where that is not known, or its tools stand in the middle of its context. */
  #before({ parentTurnId, create }: ThreadTurn): End | undefined {
    const tools = create.params.tools ?? '';
    if (parentTurnId === '') return { digest: rootDigest(create), tools };
    const parent = this.#ends.get(parentTurnId);
    return tools === '' || tools === parent?.tools ? parent : undefined;
  }
}

/** An answer's item as a request has it that sends it back. */
function returned(item: OutputItem): Item {
  const { kind, callId, toolName: name } = item;
  const text = itemText(item);
  if (kind === 'message') return { kind, role: 'assistant', text };
  return kind === 'reasoning' ? { kind, text } : { kind, name, callId, text };
}

function itemsOf({ items }: CreateResponse): readonly Item[] {
  return items.map((json, index) => parseItem(json, `input[${index}]`));
}

function rootDigest({ params }: CreateResponse): string {
  return sha256(`tools\0${params.tools ?? ''}`);
}

/** What reads as nothing is not there. */
function extended(digest: string, items: readonly Item[]): string {
  let at = digest;
  for (const item of items) {
    const text = renderItems([item]);
    if (text !== '') at = sha256(`${at}\0${text}`);
  }
  return at;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
