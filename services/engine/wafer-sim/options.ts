import type { SimScript } from '@reticle/core/domain';
import type { ModelGeometry, WaferProfile } from '@reticle/core/domain/wafer';
import type { Clock } from '@reticle/core/flow';
import type { EngineCapabilities, EngineModel } from '../contract.ts';
import type { TokenMode } from './content/turn-content.ts';
import type { LengthMode } from './content/turn-length.ts';
import { faultScript } from './faults/fault-schema.ts';
import type { FaultScript } from './faults/fault.ts';
import { wholeBlocks } from './kv-tree.ts';
import { paceModel, type PaceModel } from './pace-model.ts';
import type { PumpOptions } from './pump.ts';
import type { TurnDraftOptions } from './sim-stream.ts';

/** Contexts that one engine serves when the caller names no bound. */
const SESSIONS_DEFAULT = 65_536;

export type WaferSimOptions = {
  readonly model: {
    readonly name: string;
    /** With its `sha256:` prefix. */
    readonly digest: string;
    readonly contextTokens: number;
    /** Largest `max_output_tokens`; default: the whole context. */
    readonly maxOutputTokens?: number;
    readonly geometry: ModelGeometry;
  };
  readonly profile: WaferProfile;
  /** Whole wafers of the chain. */
  readonly wafers: number;
  readonly clock: Clock;
  /** Content of tokens: provable words, or readable TypeScript (WAFER §6.2). */
  readonly tokens: TokenMode;
  /** Default of turns that name none; `max` when `flatStepMicros` is given, else `natural`. */
  readonly length?: LengthMode;
  /** Seed of turns that name none; default 0. */
  readonly seed?: number;
  /** Default `timer` (WAFER §6.1). */
  readonly pace?: 'timer' | 'busy';
  /** `setImmediate`, for `pace: busy`. */
  readonly immediate?: (callback: () => void) => void;
  /** Opens an output item every so many tokens, for tests of cut modes; default: one item per turn. */
  readonly itemEvery?: number;
  /** What turns say besides prose (PROTOCOL §4.1a); default: nothing. */
  readonly script?: SimScript;
  /** Constant step time without prefill time, slot or KV bound: the shape of `bench-flat` (WAFER §6.1). */
  readonly flatStepMicros?: number;
  readonly maxSessions?: number;
  /** Tokens whose copies the park store holds; default: 256 GB per wafer (WAFER §6.4). */
  readonly parkTokens?: number;
  /** Faults to come (WAFER §6.5); default none. */
  readonly faults?: FaultScript;
};

export type WaferSimCounters = {
  /** Times a stream left the batch because no KV block was free (`reticle_engine_kv_stalls_total`). */
  readonly kvStalls: number;
  /** Lateness that was given up, over all streams (`reticle_engine_pace_slip_seconds_total`). */
  readonly paceSlipSeconds: number;
};

/** Options with every default filled and the chain planned. */
export type WaferSimSettings = {
  readonly model: EngineModel;
  readonly capabilities: EngineCapabilities;
  readonly pace: PaceModel;
  readonly parkTokens: number;
  readonly pump: Omit<PumpOptions, 'wake'>;
  readonly turn: Pick<TurnDraftOptions, 'mode' | 'length' | 'seed' | 'itemEvery' | 'script'>;
  readonly faults: FaultScript;
};

/** @throws ReticleError of {@link paceModel} and {@link faultScript} */
export function waferSimSettings(options: WaferSimOptions): WaferSimSettings {
  const { clock, immediate, model, tokens, profile, wafers, flatStepMicros } = options;
  const flat = flatStepMicros === undefined ? {} : { flatStepMicros };
  const pace = paceModel({ geometry: model.geometry, profile, wafers, ...flat });
  const length = options.length ?? (flatStepMicros === undefined ? 'natural' : 'max');
  return {
    model: { model: model.name, modelDigest: model.digest, vocab: model.geometry.vocab },
    capabilities: capabilitiesOf(options, pace),
    pace,
    parkTokens: options.parkTokens ?? pace.parkTokens,
    pump: { clock, pace: options.pace ?? 'timer', ...(immediate && { immediate }) },
    faults: faultScript(options.faults ?? { faults: [] }, pace.stages),
    turn: { mode: tokens, length, seed: options.seed, itemEvery: options.itemEvery, script: options.script ?? [] },
  };
}

function capabilitiesOf({ model, maxSessions }: WaferSimOptions, pace: PaceModel): EngineCapabilities {
  const contextTokens = Math.min(model.contextTokens, wholeBlocks(pace.kvTokens));
  return {
    cut: 'token',
    cutBlockTokens: 1,
    appendMidRun: false,
    maxStepTokens: pace.stepTokensMax,
    modalities: ['text'],
    contextTokens,
    maxOutputTokens: Math.min(model.maxOutputTokens ?? contextTokens, contextTokens),
    exactOffsets: true,
    tokenIds: true,
    seededReplay: true,
    grammar: true,
    maxTopLogprobs: 0,
    fork: true,
    park: true,
    maxSessions: maxSessions ?? SESSIONS_DEFAULT,
  };
}
