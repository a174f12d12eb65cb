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
import { renderItems, type Item } from '@reticle/core/domain/tokens';
import { KeyedDedup } from '@reticle/core/flow';
import type { ItemInput } from '@reticle/services/session';
import { itemOf, Steps } from '../count-ahead.ts';
import type { CreateResponse } from './create-response.ts';
import { mayHelpAnew } from './dialect.ts';
import { closedItems, itemText } from './response-object.ts';
import type { OutputItem, ResponseRecord } from './response-record.ts';

const TURNS_MAX = 128;

/** A point of a conversation: the digest of what stands before it, under these tools. */
export type Point = { readonly digest: string; readonly tools: string };

/** A turn on its way. */
export type ThreadTurn = {
  readonly turnId: string;
  readonly record: ResponseRecord;
  /** False for a prewarm. */
  readonly generates: boolean;
  /** Where its answer begins; undefined where that is not known. */
  readonly begins: Point | undefined;
};

/** The turn that a request goes on from; empty: the session's root. `items` of the request are its context. */
export type Place = { readonly parentTurnId: string; readonly items: number; readonly begins: Point };

export class Thread {
  readonly #running = new Set<ThreadTurn>();
  /** Ends of turns. */
  #ends = new KeyedDedup<string, Point>(TURNS_MAX);
  /** Turns by the digest of their end. */
  #turns = new KeyedDedup<string, string>(TURNS_MAX);
  #sessionId: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** The session that the thread goes on in. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  /** Turns that generate and have not ended. */
  get running(): readonly ThreadTurn[] {
    return [...this.#running].filter(({ generates }) => generates);
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
  async place(create: CreateResponse): Promise<Place> {
    const { generate, items } = create;
    const digests = await digestsOf(rootDigest(create), items);
    const begins = { digest: digests.at(-1) ?? '', tools: toolsOf(create) };
    for (let count = generate ? items.length - 1 : items.length; count > 0; count -= 1) {
      const parentTurnId = this.#turns.get(digests[count] ?? '');
      if (parentTurnId !== undefined) return { parentTurnId, items: count, begins };
    }
    return { parentTurnId: '', items: 0, begins };
  }

  /**
   * Where the answer to a request begins that goes on from a turn; undefined where the turn's end is not known, or the
   * request's tools stand in the middle of its context.
   */
  async pointAfter(parentTurnId: string, create: CreateResponse): Promise<Point | undefined> {
    const parent = this.#ends.get(parentTurnId);
    const tools = toolsOf(create);
    if (parent === undefined || (tools !== '' && tools !== parent.tools)) return undefined;
    const digests = await digestsOf(parent.digest, create.items);
    return { ...parent, digest: digests.at(-1) ?? parent.digest };
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

  #ended({ record, turnId, begins }: ThreadTurn): void {
    const error = record.ended?.error;
    if (error !== undefined) {
      if (record.started === undefined && mayHelpAnew(error.code)) this.moveTo(undefined);
      return;
    }
    if (begins === undefined) return;
    const digest = closedItems(record).map(returned).reduce(extended, begins.digest);
    this.#ends.set(turnId, { ...begins, digest });
    this.#turns.set(digest, turnId);
  }
}

/** An answer's item as a request has it that sends it back. */
function returned(item: OutputItem): Item {
  const { kind, callId, toolName: name } = item;
  const text = itemText(item);
  if (kind === 'message') return { kind, role: 'assistant', text };
  return kind === 'reasoning' ? { kind, text } : { kind, name, callId, text };
}

function toolsOf({ params }: CreateResponse): string {
  return params.tools ?? '';
}

function rootDigest(create: CreateResponse): string {
  return sha256(`tools\0${toolsOf(create)}`);
}

/** The digest before the first item, and behind each. */
async function digestsOf(root: string, items: readonly ItemInput[]): Promise<readonly string[]> {
  const digests = [root];
  const steps = new Steps();
  for (const { json } of items) digests.push(extended(digests.at(-1) ?? root, await itemOf(json, steps)));
  return digests;
}

/** What reads as nothing is not there. */
function extended(digest: string, item: Item): string {
  const text = renderItems([item]);
  return text === '' ? digest : sha256(`${digest}\0${text}`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
