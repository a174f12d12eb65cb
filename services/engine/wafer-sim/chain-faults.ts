import { ringBrokenAfterMs } from '../stage/ring-watch.ts';
import { unworn, waferState, wearOf, type ChainWear } from './faults/chain-wear.ts';
import { FaultRunner } from './faults/fault-runner.ts';
import type { Fault, FaultScript } from './faults/fault.ts';
import type { StageHealth, WaferSimHealth } from './health.ts';
import type { PaceModel } from './pace-model.ts';

type ChainHealth = Pick<
  WaferSimHealth,
  'serving' | 'broken' | 'stages' | 'ioRatio' | 'kvRatio' | 'tokensPerStep' | 'planNeeded'
>;

/** Faults of one chain and what they make of it: its pace, its silence, its end. */
export class ChainFaults {
  readonly script: FaultRunner;
  readonly #planned: PaceModel;
  #wear: ChainWear;
  #pace: PaceModel;
  #hung = false;
  #broken: { readonly reason: string; readonly atUs: number } | undefined;
  #told = false;

  constructor(script: FaultScript, planned: PaceModel, nowUs: number) {
    this.script = new FaultRunner(script, nowUs);
    this.#planned = planned;
    this.#pace = planned;
    this.#wear = unworn(planned.stages);
  }

  get stages(): number {
    return this.#planned.stages;
  }

  /** The pace in force. */
  get pace(): PaceModel {
    return this.#pace;
  }

  /** Nothing is emitted and nothing told: hung, crashed or broken. */
  get isMute(): boolean {
    return this.#hung || this.#broken !== undefined;
  }

  get isBroken(): boolean {
    return this.#told;
  }

  get nextUs(): number {
    if (this.#told) return Infinity;
    return Math.min(this.script.nextUs, this.#broken?.atUs ?? Infinity);
  }

  /** Returns the faults that begin; undefined when nothing changes. */
  advance(nowUs: number, steps: number): readonly Fault[] | undefined {
    const begun = this.script.advance(nowUs, steps);
    if (begun === undefined) return undefined;
    const { active } = this.script;
    this.#wear = wearOf(active, this.stages);
    this.#pace = active.length === 0 ? this.#planned : this.#planned.worn(this.#wear);
    this.#hung = active.some(({ kind }) => kind === 'hang');
    for (const fault of begun) if (fault.kind === 'stageCrash') this.#crash(fault.stage, nowUs);
    const unfit = this.#wear.dead.findIndex((dead) => dead > 0);
    if (unfit >= 0 && this.#pace.kvTokens === 0 && this.#wear.kv > 0) this.#crash(unfit, nowUs);
    return begun;
  }

  break(reason: string, atUs: number): void {
    if (this.#broken === undefined || this.#broken.atUs > atUs) this.#broken = { reason, atUs };
  }

  /** The reason, once, when the break is due to be told. */
  takeBroken(nowUs: number): string | undefined {
    if (this.#told || this.#broken === undefined || this.#broken.atUs > nowUs) return undefined;
    this.#told = true;
    return this.#broken.reason;
  }

  health(streams: number, meanContextTokens: number): ChainHealth {
    const planned = this.#planned.layerUs(streams, meanContextTokens);
    const now = this.#pace.layerUs(streams, meanContextTokens);
    const crashed = new Set(this.script.active.map((fault) => (fault.kind === 'stageCrash' ? fault.stage : -1)));
    const { dead, hopUs, io } = this.#wear;
    const stages = Array.from({ length: this.stages }, (_, stage): StageHealth => {
      const deadShare = dead[stage] ?? 0;
      const wafer = crashed.has(stage) ? 'crashed' : waferState(deadShare);
      const stepRatio = (now[stage] ?? 1) / (planned[stage] ?? 1);
      return { stepRatio, hopAddedMicros: hopUs[stage] ?? 0, deadShare, wafer };
    });
    return {
      serving: !this.#told,
      broken: this.#told ? this.#broken?.reason : undefined,
      stages,
      ioRatio: io,
      kvRatio: this.#pace.kvTokens / this.#planned.kvTokens,
      tokensPerStep: this.#pace.meanTokens,
      planNeeded: stages.some(({ wafer }) => wafer !== 'ok'),
    };
  }

  /** Emission stops at once; the leader knows after the missed pings. */
  #crash(stage: number, nowUs: number): void {
    this.break(`stage ${stage} does not answer`, nowUs + ringBrokenAfterMs * 1000);
  }
}
