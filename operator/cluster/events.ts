import { createHash } from 'node:crypto';
import type { Clock } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { microTimeText } from './kube-time.ts';
import { keyOf, refOf } from './object.ts';
import type { Kube, KubeManifest, KubeObject, Resource } from './port.ts';
import { apiVersionOf, resources } from './resources.ts';

/** Constants of OPERATOR §7; the note's bound is the API's. */
const BURST = 25;
const REFILL_MS = 300_000;
const SERIES_MS = 300_000;
const OBJECTS_MAX = 4_096;
const SERIES_MAX = 4_096;
const NOTE_CHARACTERS_MAX = 1_024;
/** Where events of cluster-scoped objects live. */
const CLUSTER_EVENTS = 'default';

export type EventWords = {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** What the operator did or could not do, such as `Claim`. */
  readonly action: string;
  readonly note: string;
};

export type EventsOptions = {
  readonly kube: Pick<Kube, 'create' | 'patch'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** This process; `reportingInstance`. */
  readonly identity: string;
};

type Series = { readonly name: string; readonly namespace: string; count: number; toldMs: number; lastMs: number };
type Budget = { tokens: number; filledMs: number };

/**
 * Says on an object what was done about it. The same words again become one event with a count, told at most every
 * 5 minutes; an object gets 25 events, then one per 5 minutes. What is said is lost rather than waited for: status holds
 * the truth.
 */
export class Events {
  readonly #options: EventsOptions;
  readonly #series = new Map<string, Series>();
  readonly #budgets = new Map<string, Budget>();
  #sequence = 0;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** Resolves when the event is written or given up. */
  async emit(resource: Resource, object: KubeObject, words: EventWords): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    const { uid } = object.metadata;
    const id = createHash('sha256').update(`${uid}\n${words.reason}\n${words.note}`).digest('hex').slice(0, 16);
    const series = this.#series.get(id);
    if (series !== undefined && nowMs - series.lastMs < 2 * SERIES_MS) return this.#repeat(series, nowMs);
    if (!this.#takeToken(uid, nowMs)) return;
    const namespace = object.metadata.namespace ?? CLUSTER_EVENTS;
    const name = `${object.metadata.name.slice(0, 200)}.${id}.${this.#nextSequence()}`;
    remember(this.#series, id, { name, namespace, count: 1, toldMs: nowMs, lastMs: nowMs }, SERIES_MAX);
    const answer = await this.#options.kube.create(resources.event, this.#manifest(object, words, { name, namespace }));
    if (answer.ok) return;
    this.#series.delete(id);
    this.#options.log.debug('an event was not written', {
      object: keyOf(resource, refOf(object)),
      reason: answer.failure.kind,
    });
  }

  async #repeat(series: Series, nowMs: number): Promise<void> {
    series.count++;
    series.lastMs = nowMs;
    if (nowMs - series.toldMs < SERIES_MS) return;
    series.toldMs = nowMs;
    const { name, namespace, count } = series;
    const lastObservedTime = microTimeText(this.#options.clock.wallMs());
    const body = { series: { count, lastObservedTime } };
    await this.#options.kube.patch(resources.event, { namespace, name }, { kind: 'merge', body });
  }

  #takeToken(uid: string, nowMs: number): boolean {
    const budget = this.#budgets.get(uid) ?? { tokens: BURST, filledMs: nowMs };
    budget.tokens = Math.min(BURST, budget.tokens + (nowMs - budget.filledMs) / REFILL_MS);
    budget.filledMs = nowMs;
    remember(this.#budgets, uid, budget, OBJECTS_MAX);
    if (budget.tokens < 1) return false;
    budget.tokens--;
    return true;
  }

  #nextSequence(): string {
    return `${Math.round(this.#options.clock.wallMs()).toString(36)}${(this.#sequence++).toString(36)}`;
  }

  #manifest(object: KubeObject, words: EventWords, metadata: { name: string; namespace: string }): KubeManifest {
    const { apiVersion, kind } = object;
    const { name, namespace, uid, resourceVersion } = object.metadata;
    return {
      apiVersion: apiVersionOf(resources.event),
      kind: resources.event.kind,
      metadata,
      eventTime: microTimeText(this.#options.clock.wallMs()),
      reportingController: 'reticle.dev/operator',
      reportingInstance: this.#options.identity,
      type: words.type,
      reason: words.reason,
      action: words.action,
      note: words.note.slice(0, NOTE_CHARACTERS_MAX),
      regarding: { apiVersion, kind, name, uid, resourceVersion, ...(namespace === undefined ? {} : { namespace }) },
    };
  }
}

/** Keeps the most recently used entries up to a bound. */
function remember<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
