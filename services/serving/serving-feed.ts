/**
 * Takes a cell's serving snapshots in, whole and checked (OPERATOR §16).
 *
 *     boot copy ─┐
 *     parts ─────┴▶ whole ─▶ newer than in force? ─▶ checks ─▶ in force
 *     head: is there a newer one? ─▶ ask;  no head for 3 s ─▶ ask, and look at the boot copy again
 *
 * Invariants
 *  1. What is in force is good and never goes back: neither a bad snapshot nor a smaller (term, seq) replaces it, however
 *     long nothing better comes (PROMISES P26).
 *  2. Every message may be lost: a head, or the silence of heads, leads to another question.
 */
import type { Clock, Random } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { limits, subjects } from '@reticle/proto/contract';
import type { ServingSnapshot } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import {
  encodeRequest,
  isNewer,
  readHead,
  readSnapshot,
  SnapshotAssembly,
  unpackSnapshot,
  type SnapshotOrder,
} from '@reticle/proto/serving';
import type { Bus } from '@reticle/services/bus';

export type ServingFeedOptions = {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly cell: string;
  readonly region: string;
  /** In order, each newer than the one before. */
  readonly onSnapshot: (snapshot: ServingSnapshot) => void;
  /** No sign of life for three seconds, and again every three: whoever has a copy elsewhere looks there. */
  readonly onSilence?: () => void;
};

const ASK_MS = 1_000;
/** A head is told right behind the parts; one that was overtaken by its parts asks for nothing. */
const GRACE_MS = 100;
const NONE: SnapshotOrder = { term: 0, seq: 0 };

export class ServingFeed {
  readonly #options: ServingFeedOptions;
  readonly #assembly: SnapshotAssembly;
  readonly #stops: readonly (() => void)[];
  #inForce: SnapshotOrder = NONE;
  /** By the heads. */
  #newest: SnapshotOrder = NONE;
  /** The newest that was refused: asking for it again would change nothing. */
  #bad: SnapshotOrder = NONE;
  #refused = 0;
  #asking = false;
  #closed = false;
  #cancelAsk = (): void => {};
  #cancelSilence = (): void => {};

  constructor(options: ServingFeedOptions) {
    const { bus, cell } = options;
    this.#options = options;
    this.#assembly = new SnapshotAssembly(cell);
    this.#stops = [
      bus.subscribe(subjects.snapshot(cell), (bytes) => this.#part(bytes)),
      bus.subscribe(subjects.snapshotHead(cell), (bytes) => this.#head(bytes)),
    ];
    this.#watchSilence();
  }

  /** (term, seq) of what is in force; zeros before any. */
  get inForce(): SnapshotOrder {
    return this.#inForce;
  }

  /** Whether a newer one is in force elsewhere, and on its way. */
  get behind(): boolean {
    return isNewer(this.#newest, this.#inForce) && isNewer(this.#newest, this.#bad);
  }

  /** Snapshots that were refused, and messages that were no part of one. */
  get refused(): number {
    return this.#refused + this.#assembly.refused;
  }

  /** Takes a packed snapshot that was kept; false for one that is bad or not newer than what is in force. */
  boot(text: string): boolean {
    const { ok, problem } = unpackSnapshot(text);
    if (ok === undefined) {
      this.#refuse(problem, NONE);
      return false;
    }
    return this.#take(ok);
  }

  /** Asks for what is in force now; resolves when there is an answer, or none within a second. */
  async ask(): Promise<void> {
    const { bus, cell } = this.#options;
    if (this.#asking || this.#closed) return;
    this.#asking = true;
    try {
      // The answer is the head; the parts follow it as they follow any other one.
      this.#told(await bus.request(subjects.snapshotGet(cell), encodeRequest(this.#inForce), ASK_MS));
    } catch {
      // Nobody answers while the operator is away: what is in force stays, and silence asks again.
    }
    this.#asking = false;
  }

  close(): void {
    this.#closed = true;
    this.#cancelAsk();
    this.#cancelSilence();
    for (const stop of this.#stops) stop();
  }

  #part(bytes: Uint8Array): void {
    const whole = this.#assembly.take(bytes, this.#inForce);
    if (whole === undefined) return;
    const { ok, problem } = readSnapshot(whole);
    if (ok === undefined) this.#refuse(problem, this.#assembly.lastOrder);
    else this.#take(ok);
  }

  #head(bytes: Uint8Array): void {
    const head = this.#told(bytes);
    if (head === undefined || !isNewer(head, this.#inForce) || !isNewer(head, this.#bad)) return;
    this.#cancelAsk();
    // Gateways that have missed the same part do not ask in step.
    const waitMs = GRACE_MS * (1 + this.#options.random.unit());
    this.#cancelAsk = this.#options.clock.after(waitMs, () => {
      if (isNewer(head, this.#inForce)) void this.ask();
    });
  }

  /** A sign of life of the operator. */
  #told(bytes: Uint8Array): SnapshotOrder | undefined {
    const head = readHead(bytes);
    if (head?.cell !== this.#options.cell || this.#closed) return undefined;
    this.#watchSilence();
    if (isNewer(head, this.#newest)) this.#newest = head;
    return head;
  }

  #watchSilence(): void {
    this.#cancelSilence();
    this.#cancelSilence = this.#options.clock.after(limits.snapshotSilentMs, () => {
      this.#options.onSilence?.();
      void this.ask();
      this.#watchSilence();
    });
  }

  #take(snapshot: ServingSnapshot): boolean {
    const { cell, region, term, seq } = snapshot;
    if (cell !== this.#options.cell || region !== this.#options.region) {
      this.#refuse('cell: another one', { term, seq });
      return false;
    }
    if (!isNewer(snapshot, this.#inForce)) return false;
    this.#inForce = { term, seq };
    this.#options.onSnapshot(snapshot);
    return true;
  }

  #refuse(problem: string, order: SnapshotOrder): void {
    this.#refused += 1;
    if (isNewer(order, this.#bad)) this.#bad = order;
    const { log, region } = this.#options;
    log.error('a serving snapshot is refused, the one before stays in force', { region, reason: problem });
  }
}
