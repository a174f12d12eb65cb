import { ReticleError } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import type { Bus } from '@reticle/services/bus';
import { subjects } from '@reticle/proto/contract';
import { messageCodec } from '@reticle/proto/load';
import type { Capabilities } from '@reticle/proto/gen/engine/v1/Capabilities';
import { EngineState } from '@reticle/proto/gen/engine/v1/EngineState';
import type { Load } from '@reticle/proto/gen/engine/v1/Load';
import type { Presence, Presence__Input } from '@reticle/proto/gen/engine/v1/Presence';

/** Presence older than this is no presence: four reports were missed (PROTOCOL E10). */
const STALE_MS = 1_000;
/** Silence of a bus that has just come back is still its own. */
const BUS_BACK_MS = 2_000;
/** An engine that was silent this long is forgotten. */
const FORGET_MS = 60_000;
/** Models that are remembered as once served. */
const MODELS_MAX = 1_000;
const RETRY_BASE_MS = 250;

export type EngineEntry = {
  readonly engineId: string;
  readonly address: string;
  readonly region: string;
  readonly model: string;
  readonly modelDigest: string;
  readonly replicaEpoch: number;
  readonly capabilities: Capabilities;
};

type Known = { readonly entry: EngineEntry; readonly seq: number; load: Load; heardMs: number };

/** Which engine may go on with a session: one of the same digest, in an allowed region (PROTOCOL E7, inv. 5). */
export type Succession = {
  readonly model: string;
  readonly modelDigest: string;
  readonly regions: readonly string[];
  /** Entries (by {@link entryKey}) that were tried already. */
  readonly except: ReadonlySet<string>;
};

/** What a new session asks for. */
export type SessionWish = {
  readonly model: string;
  readonly tenant: string;
  /** Empty: any. */
  readonly allowedRegions: readonly string[];
};

/** What is known of engines and models beside presence (OPERATOR §16). */
export interface Routing {
  /** False while nothing is known: presence decides alone. */
  readonly known: boolean;
  /**
   * Regions that may serve the session, this cell's among them.
   *
   * @throws ReticleError `model_not_found`, `residency_violation` or `region_unavailable`, with the regions that serve it
   */
  place(wish: SessionWish): readonly string[];
  /** Whether new sessions may go to the engine. */
  takesNew(engine: EngineEntry): boolean;
  /** Regions that serve the model. */
  regionsOf(model: string): readonly string[];
}

/** One run of one engine: a restarted one is another. */
export function entryKey({ engineId, address, replicaEpoch }: EngineEntry): string {
  return `${engineId} ${address} ${replicaEpoch}`;
}

/** An engine that broke a link is chosen last for this long. */
const SUSPECT_MS = 5_000;

export type EngineDirectoryOptions = {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly cell: string;
  /** Absent: presence decides alone. */
  readonly routing?: Routing | undefined;
};

/**
 * Engines that announce themselves, by model. A report below the replica epoch already seen is ignored: it
 * comes from an engine that has lost its claim (E8).
 */
export class EngineDirectory {
  readonly #options: EngineDirectoryOptions;
  readonly #codec = messageCodec<Presence__Input, Presence>('reticle.engine.v1.Presence');
  readonly #engines = new Map<string, Known>();
  readonly #models = new Set<string>();
  readonly #suspects = new Map<string, number>();
  readonly #unsubscribe: () => void;
  #malformed = 0;
  #busAwayMs = Number.NEGATIVE_INFINITY;

  constructor(options: EngineDirectoryOptions) {
    this.#options = options;
    const pattern = subjects.presenceOfCell(options.cell);
    this.#unsubscribe = options.bus.subscribe(pattern, (bytes, subject) => this.#heard(bytes, subject));
  }

  /** Reports that were no Presence, or spoke for another engine than their subject. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Regions that may serve a new session; undefined while presence decides alone. As {@link Routing.place}. */
  place(wish: SessionWish): readonly string[] | undefined {
    return this.#routing?.place(wish);
  }

  /** Once something is known, it has the word. */
  get #routing(): Routing | undefined {
    const { routing } = this.#options;
    return routing?.known === true ? routing : undefined;
  }

  /**
   * The READY engine of a model with the most free slots.
   *
   * @throws ReticleError `model_not_found` when no engine ever served it, `no_capacity` when none is READY
   */
  choose(model: string): EngineEntry {
    const nowMs = this.#options.clock.nowMs();
    const best = this.#best((known) => known.entry.model === model && this.#takesNew(known, nowMs));
    if (best !== undefined) return best;
    // Before anything was heard nothing is known of any model.
    if (this.#routing === undefined && this.#models.size > 0 && !this.#models.has(model))
      throw new ReticleError('model_not_found', 'no engine serves this model', { param: 'model' });
    const retryAfterMs = Math.ceil(RETRY_BASE_MS * (1 + 2 * this.#options.random.unit()));
    throw new ReticleError('no_capacity', 'no engine of this model is ready', { retryAfterMs });
  }

  /** The READY engine that may go on with a session, the least suspect first, then the one with most free slots. */
  successor({ model, modelDigest, regions, except }: Succession): EngineEntry | undefined {
    const nowMs = this.#options.clock.nowMs();
    return this.#best((known) => {
      const { entry } = known;
      if (entry.model !== model || entry.modelDigest !== modelDigest || !regions.includes(entry.region)) return false;
      return !except.has(entryKey(entry)) && this.#takesNew(known, nowMs);
    });
  }

  /** The engine broke a link, or made no progress. */
  suspect(engine: EngineEntry): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [key, untilMs] of this.#suspects) if (untilMs <= nowMs) this.#suspects.delete(key);
    this.#suspects.set(entryKey(engine), nowMs + SUSPECT_MS);
  }

  /** Engines that take nothing new: their sessions should go elsewhere (PROTOCOL E11). */
  draining(): string[] {
    const leaving = [...this.#engines.values()].filter(({ load }) => load.state === EngineState.ENGINE_STATE_DRAINING);
    return leaving.map(({ entry }) => entry.engineId);
  }

  #takesNew(known: Known, nowMs: number): boolean {
    return this.#isReady(known, nowMs) && (this.#routing?.takesNew(known.entry) ?? true);
  }

  /** While the bus is away an engine is as it was last heard of: presence is a hint, and a dial tells the truth. */
  #isReady({ load, heardMs }: Known, nowMs: number): boolean {
    if (load.state !== EngineState.ENGINE_STATE_READY) return false;
    if (this.#options.bus.connected === false) this.#busAwayMs = nowMs;
    return nowMs - heardMs < STALE_MS || nowMs - this.#busAwayMs < BUS_BACK_MS;
  }

  #best(fits: (known: Known) => boolean): EngineEntry | undefined {
    const nowMs = this.#options.clock.nowMs();
    const suspect = ({ entry }: Known): boolean => (this.#suspects.get(entryKey(entry)) ?? 0) > nowMs;
    let best: Known | undefined;
    for (const known of this.#engines.values()) {
      if (!fits(known)) continue;
      if (best === undefined || suspect(known) < suspect(best)) best = known;
      else if (suspect(known) === suspect(best) && before(known, best)) best = known;
    }
    return best?.entry;
  }

  /** The engine, while it is heard of at all. */
  get(engineId: string): EngineEntry | undefined {
    return this.#engines.get(engineId)?.entry;
  }

  /** Models with a READY engine, in order of name. */
  models(): string[] {
    return this.served().map(({ name }) => name);
  }

  /** As {@link models}, each with the context that all of its engines have, and its regions where they are known. */
  served(): { readonly name: string; readonly contextTokens: number; readonly regions?: readonly string[] }[] {
    const nowMs = this.#options.clock.nowMs();
    const ready = [...this.#engines.values()].filter((known) => this.#takesNew(known, nowMs));
    const byModel = Map.groupBy(ready, ({ entry }) => entry.model);
    const served = [...byModel].map(([name, engines]) => ({
      name,
      contextTokens: Math.min(...engines.map(({ entry }) => entry.capabilities.contextTokens)),
      ...(this.#routing === undefined ? {} : { regions: this.#routing.regionsOf(name) }),
    }));
    return served.sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Exact load from a link; newer than what the bus said. */
  loaded(engineId: string, load: Load): void {
    const known = this.#engines.get(engineId);
    if (known === undefined) return;
    known.load = load;
    known.heardMs = this.#options.clock.nowMs();
  }

  /** The engine answers on a link: it is there, whatever the bus says or does not say. */
  alive(engine: EngineEntry): void {
    const known = this.#engines.get(engine.engineId);
    if (known !== undefined && entryKey(known.entry) === entryKey(engine)) known.heardMs = this.#options.clock.nowMs();
  }

  close(): void {
    this.#unsubscribe();
  }

  #heard(bytes: Uint8Array, subject: string): void {
    let presence: Presence;
    try {
      presence = this.#codec.decode(bytes);
    } catch {
      // Bytes from the bus are a hint; a broken one is counted and changes nothing.
      this.#malformed++;
      return;
    }
    const { capabilities, load } = presence;
    if (!capabilities || !load || !subject.endsWith(`.${presence.engineId}`)) {
      this.#malformed++;
      return;
    }
    const known = this.#engines.get(presence.engineId);
    if (known !== undefined && isOlder(presence, known)) return;
    const { engineId, address, region, model, modelDigest, replicaEpoch, seq } = presence;
    const entry = { engineId, address, region, model, modelDigest, replicaEpoch, capabilities };
    this.#engines.set(engineId, { entry, seq, load, heardMs: this.#options.clock.nowMs() });
    if (this.#models.size < MODELS_MAX) this.#models.add(model);
    this.#forget();
  }

  #forget(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [engineId, { heardMs }] of this.#engines) {
      if (nowMs - heardMs >= FORGET_MS) this.#engines.delete(engineId);
    }
  }
}

function isOlder(presence: Presence, known: Known): boolean {
  if (presence.replicaEpoch !== known.entry.replicaEpoch) return presence.replicaEpoch < known.entry.replicaEpoch;
  // A restarted engine of the same claim counts from the start again, at a new address.
  return presence.address === known.entry.address && presence.seq <= known.seq;
}

function before(left: Known, right: Known): boolean {
  if (left.load.slotsFree !== right.load.slotsFree) return left.load.slotsFree > right.load.slotsFree;
  return left.entry.engineId < right.entry.engineId;
}
