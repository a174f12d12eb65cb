/**
 * Publishes a cell's serving snapshot (OPERATOR §16).
 *
 *     change ─▶ 50 ms ─▶ caches fresh? ─▶ rows ─▶ same as last? ─▶ guard ─▶ parts ─▶ head every second
 *
 * Invariants
 *  1. Nothing is published from stale caches, and nothing that the guard refuses: the last snapshot stays in force.
 *  2. A number names one content: the sequence grows with every published snapshot, the term with every leadership.
 *  3. After `stop` nothing is sent.
 */
import type { Clock } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { limits, subjects } from '@reticle/proto/contract';
import type { ServingSnapshot } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import { encodeHead, isNewer, readRequest, snapshotDigest, snapshotParts } from '@reticle/proto/serving';
import { guard, type GuardResult } from './guard.ts';
import type { ServingObject } from './serving-objects.ts';
import { numbered, ServingContents, type ServingContent } from './serving-content.ts';
import type { ServingCell, ServingHeads } from './serving-snapshot.ts';

/** Where objects come from: the operator's caches. */
export interface ServingSource {
  /** False while a cache may be behind. */
  readonly fresh: boolean;
  objects(): readonly ServingObject[];
  onChange(listener: () => void): () => void;
}

/** The bus, as far as snapshots need it. */
export interface SnapshotBus {
  publish(subject: string, payload: Uint8Array): void;
  respond(pattern: string, responder: (payload: Uint8Array) => Uint8Array | undefined): () => void;
}

export type PublisherOptions = {
  readonly source: ServingSource;
  readonly bus: SnapshotBus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cell: ServingCell;
  readonly heads: ServingHeads;
  /** Of this leadership. */
  readonly term: number;
  /** What the cell was served by before this leadership, so that the guard knows what goes missing. */
  readonly before?: ServingSnapshot | undefined;
  /** Told what was published: whole, serialised. */
  readonly onPublished?: (bytes: Uint8Array, snapshot: ServingSnapshot) => void;
  /** `SnapshotGuardTripped`: told when the guard begins to refuse, with why, and when it has ended. */
  readonly onGuard?: (problem: string | undefined) => void;
  /** Whether a person has confirmed that many replicas go at once; asked only then. */
  readonly confirmed?: () => boolean;
};

/** So many changes of a moment are one snapshot; also the bound of 20 snapshots a second. */
const DEBOUNCE_MS = 50;
/** Larger snapshots come less often: every gateway reads each of them on the loop that tells its tokens. */
const BYTES_PER_MS_MAX = 2 * 1024;

type Published = {
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
  readonly seq: number;
  readonly content: ServingContent;
};

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #contents = new ServingContents();
  #last: ServingSnapshot | undefined;
  #published: Published | undefined;
  #problem: string | undefined;
  #stops: (() => void)[] = [];
  #cancelHead = (): void => {};
  #cancelLook = (): void => {};
  /** A look is on its way. */
  #waiting = false;
  /** Whoever asked has not been answered with the parts yet. */
  #asked = false;
  #running = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#last = options.before;
  }

  /** Why the newest content is not published; undefined while it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    const { source, bus, cell } = this.#options;
    this.#running = true;
    this.#stops = [
      source.onChange(() => this.#soon()),
      bus.respond(subjects.snapshotGet(cell.name), (payload) => this.#answer(payload)),
    ];
    this.#soon();
    this.#beat();
  }

  stop(): void {
    this.#running = false;
    this.#cancelHead();
    this.#cancelLook();
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }

  #soon(): void {
    if (this.#waiting || !this.#running) return;
    this.#waiting = true;
    const paceMs = (this.#published?.bytes.length ?? 0) / BYTES_PER_MS_MAX;
    this.#cancelLook = this.#options.clock.after(Math.max(DEBOUNCE_MS, paceMs), () => {
      this.#waiting = false;
      this.#look();
    });
  }

  /** Caches that were stale, and a guard that was tripped, are looked at again with every head. */
  #beat(): void {
    this.#cancelHead = this.#options.clock.after(limits.snapshotHeadMs, () => {
      this.#soon();
      this.#tellHead();
      this.#beat();
    });
  }

  #look(): void {
    if (this.#options.source.fresh) this.#publishWhenChanged();
    if (this.#asked && this.#published !== undefined) this.#tellParts(this.#published);
  }

  #publishWhenChanged(): void {
    const { source, cell, heads, term, onPublished } = this.#options;
    const content = this.#contents.make({ objects: source.objects(), cell, heads });
    if (this.#published !== undefined && isSame(content, this.#published.content)) {
      this.#tripped(undefined);
      return;
    }
    const seq = (this.#published?.seq ?? 0) + 1;
    const bytes = numbered(content, { term, seq });
    const judged = this.#guarded(bytes);
    this.#tripped(judged.problem);
    if (judged.ok === undefined) return;
    this.#last = judged.ok;
    this.#published = { bytes, digest: snapshotDigest(bytes), seq, content };
    this.#tellParts(this.#published);
    this.#tellHead();
    onPublished?.(bytes, judged.ok);
  }

  #guarded(bytes: Uint8Array): GuardResult {
    const judged = guard({ bytes, last: this.#last, confirmed: false });
    if (judged.ok !== undefined || !judged.mass || this.#options.confirmed?.() !== true) return judged;
    return guard({ bytes, last: this.#last, confirmed: true });
  }

  #tripped(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    const { log, onGuard, cell } = this.#options;
    if (problem === undefined) log.info('the serving snapshot is published again', { region: cell.region });
    else log.error('the serving snapshot is not published', { region: cell.region, reason: problem });
    onGuard?.(problem);
  }

  #tellParts({ bytes, seq }: Published): void {
    this.#asked = false;
    const { bus, cell, term } = this.#options;
    for (const part of snapshotParts(bytes, { cell: cell.name, term, seq })) {
      bus.publish(subjects.snapshot(cell.name), part);
    }
  }

  #tellHead(): void {
    const { bus, cell } = this.#options;
    const head = this.#head();
    if (head !== undefined) bus.publish(subjects.snapshotHead(cell.name), head);
  }

  #head(): Uint8Array | undefined {
    if (this.#published === undefined) return undefined;
    const { cell, term } = this.#options;
    return encodeHead({ cell: cell.name, term, seq: this.#published.seq }, this.#published.digest);
  }

  /** With the head; the parts follow for everybody, once for all who ask within a moment. */
  #answer(payload: Uint8Array): Uint8Array | undefined {
    const has = readRequest(payload);
    if (has === undefined || this.#published === undefined) return undefined;
    if (isNewer({ term: this.#options.term, seq: this.#published.seq }, has)) {
      this.#asked = true;
      this.#soon();
    }
    return this.#head();
  }
}

function isSame(a: ServingContent, b: ServingContent): boolean {
  return (a.tenants === b.tenants || a.tenants.equals(b.tenants)) && a.routes.equals(b.routes);
}
