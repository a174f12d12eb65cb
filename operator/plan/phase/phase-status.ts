import {
  capacityLedger,
  phaseCapacity,
  type Assumed,
  type LedgerObserved,
  type PhaseInput,
} from '@reticle/core/domain/wafer';
import { utcMs } from '@reticle/operator/api';
import { refOf, type Action } from '../action.ts';
import { utcText } from '../digest/utc-text.ts';
import type { PhaseFact, StoredClass, StoredPhase } from '../facts.ts';
import type { WaferState } from '../pool-state.ts';
import { sameValue } from '../same-value.ts';
import type { Snapshot } from '../snapshot.ts';
import { conditions, type Said } from '../status/conditions.ts';
import { phaseStep, type PhaseStep } from './phase-step.ts';

type Status = NonNullable<StoredPhase['status']>;

const DAY_MS = 86_400_000;
const HOLDERS_MAX = 16;
/** A status text of a column. */
const TEXT_MAX = 253;

/** Statuses of all phases that say something else, and when time alone would change one. */
export function phaseActions(snapshot: Snapshot): {
  readonly actions: readonly Action[];
  readonly wakes: readonly number[];
} {
  if (snapshot.phases.size === 0) return { actions: [], wakes: [] };
  const wafers = wafersByPhase(snapshot);
  const overrun = overrunContracts(snapshot);
  const actions: Action[] = [];
  const wakes: number[] = [];
  for (const phase of snapshot.phases.values()) {
    const own = wafers.get(phase.meta.name) ?? [];
    const claimed = own.filter(({ wafer }) => wafer.spec.claim !== undefined).length;
    const fact = snapshot.phaseFacts.get(phase.meta.name);
    const step = phaseStep({ phase, fact, wafers: { installed: own.length, claimed }, nowMs: snapshot.nowMs });
    const status = statusOf(snapshot, { phase, own, fact, step, overrun: overrun.get(phase.meta.name) });
    if (phase.status === undefined || !sameValue(status, phase.status)) {
      const because = status.conditions?.[0]?.reason ?? 'AsExpected';
      actions.push({ kind: 'setStatus', target: refOf(phase), because, body: { status } });
    }
    if (step.wakeAtMs !== undefined) wakes.push(step.wakeAtMs);
  }
  return { actions, wakes };
}

function wafersByPhase(snapshot: Snapshot): ReadonlyMap<string, readonly WaferState[]> {
  const found = new Map<string, WaferState[]>();
  for (const { pool, wafers } of snapshot.pools.values()) {
    for (const state of wafers) {
      const name = state.wafer.spec.phaseRef ?? pool.spec.phaseRef;
      if (name === undefined) continue;
      const known = found.get(name);
      if (known === undefined) found.set(name, [state]);
      else known.push(state);
    }
  }
  return found;
}

/** Phases beyond the ceiling of their contract: the newest of a contract lose (K11). */
function overrunContracts(snapshot: Snapshot): ReadonlyMap<string, string> {
  const sums = new Map<string, number>();
  const over = new Map<string, string>();
  const oldestFirst = [...snapshot.phases.values()].toSorted(
    (a, b) => a.meta.creationMs - b.meta.creationMs || (a.meta.uid < b.meta.uid ? -1 : 1),
  );
  for (const { meta, spec } of oldestFirst) {
    const { ref, ceilingMegawatts } = spec.contract;
    const sum = (sums.get(ref) ?? 0) + spec.power.megawatts;
    if (sum > ceilingMegawatts) over.set(meta.name, `${sum} MW of ${ceilingMegawatts} MW in contract ${ref}`);
    else sums.set(ref, sum);
  }
  return over;
}

type Given = {
  readonly phase: StoredPhase;
  readonly own: readonly WaferState[];
  readonly fact: PhaseFact | undefined;
  readonly step: PhaseStep;
  readonly overrun: string | undefined;
};

function statusOf(snapshot: Snapshot, given: Given): Status {
  const { phase, step, own } = given;
  const waiting = step.gates
    .filter(({ state }) => state === 'Pending' || state === 'Failed')
    .map(({ name, state }) => `${name} ${state}`);
  const waferClass = snapshot.classes.get(phase.spec.classRef);
  const input = waferClass && phaseInput(phase, waferClass);
  const slip = slipDays(snapshot.nowMs, phase, step);
  const gatesText = waiting.join(', ').slice(0, TEXT_MAX);
  return {
    observedGeneration: phase.meta.generation,
    state: step.state,
    since: utcText(step.sinceMs),
    weightPercent: step.weightPercent,
    gates: step.gates,
    ...(gatesText === '' ? {} : { gatesText }),
    ...(input === undefined ? {} : { systems: systemsOf(input, own), ledger: ledgerOf(input, given) }),
    ...(slip === undefined ? {} : { slipDays: slip }),
    ...(own.length === 0 ? {} : { holders: holdersOf(own) }),
    conditions: conditions(phase, said(given, waferClass !== undefined), snapshot.nowMs),
  };
}

function holdersOf(own: readonly WaferState[]): readonly string[] {
  return own.slice(0, HOLDERS_MAX).map(({ wafer }) => `Wafer/${wafer.meta.name}`);
}

/** What a phase says of its power, in the units of the ledger; every share with its source. */
export function phaseInput({ spec }: StoredPhase, { spec: waferClass }: StoredClass): PhaseInput {
  const { power, spares } = spec;
  const of = (value: number, field: string): Assumed<number> => ({
    value,
    source: `spec.${field}`,
    confidence: 'Assumption',
  });
  const systemKw = spec.systemWatts === undefined ? undefined : spec.systemWatts / 1_000;
  const waferKw = waferClass.power.waferWatts / 1_000;
  const supportKw = systemKw === undefined ? waferClass.power.supportWatts / 1_000 : systemKw - waferKw;
  return {
    region: spec.region,
    megawatts: power.megawatts,
    basis: power.basis,
    utilityLoss: of((spec.utilityLossPercent ?? 0) / 100, 'utilityLossPercent'),
    pue: of(spec.pueMilli / 1_000, 'pueMilli'),
    waferKw: of(waferKw, 'classRef'),
    supportKw: of(supportKw, systemKw === undefined ? 'classRef' : 'systemWatts'),
    burnInYield: of(spec.burnInYieldPercent / 100, 'burnInYieldPercent'),
    hotSpare: of(spares.hotPercent / 100, 'spares.hotPercent'),
    maintenance: of(spares.maintenancePercent / 100, 'spares.maintenancePercent'),
    stranded: of(spares.strandedPercent / 100, 'spares.strandedPercent'),
  };
}

function systemsOf(input: PhaseInput, own: readonly WaferState[]): NonNullable<Status['systems']> {
  const { systems } = phaseCapacity(input);
  const count = (of: (state: WaferState) => boolean): number => own.filter(of).length;
  return {
    expected: Math.floor(systems),
    installed: own.length,
    accepted: count(({ fault }) => fault !== 'notBurnedIn' && fault !== 'unhealthy' && fault !== 'unknown'),
    schedulable: count(({ fault }) => fault === undefined),
    usable: count(({ fault, wafer }) => fault === undefined && wafer.spec.claim === undefined),
    claimed: count(({ wafer }) => wafer.spec.claim !== undefined),
    failed: count(({ fault }) => fault === 'unhealthy' || fault === 'lost' || fault === 'mismatch'),
  };
}

/** Megawatts are observed only when somebody measures them; wafers are what is there. */
function ledgerOf(input: PhaseInput, { own, fact, step }: Given): NonNullable<Status['ledger']> {
  const sound = own.filter(({ fault }) => fault === undefined).length;
  const measured = fact?.megawatts;
  const observed: LedgerObserved = {
    ...(measured === undefined ? {} : { contracted: measured }),
    installed: own.length,
    accepted: own.filter(({ fault }) => fault !== 'notBurnedIn' && fault !== 'unhealthy' && fault !== 'unknown').length,
    schedulable: sound,
    weight: step.weightPercent,
  };
  const rows = capacityLedger({ phase: input, weightPercent: 100, observed });
  return rows.map(({ assumption, observed: seen, ...row }) => ({
    ...row,
    ...(seen === undefined ? {} : { observed: seen }),
    ...(assumption === undefined ? {} : { assumption: sourceOf(input, assumption) }),
  }));
}

function sourceOf(input: PhaseInput, assumption: keyof PhaseInput): string {
  const value = input[assumption];
  return typeof value === 'object' ? value.source : `spec.power.${assumption}`;
}

/** Days behind the date of Online; ahead of it nothing has slipped yet. */
function slipDays(nowMs: number, { spec, status }: StoredPhase, { state }: PhaseStep): number | undefined {
  const text = spec.schedule.onlineP50 ?? spec.schedule.online;
  const planned = text === undefined ? undefined : utcMs(text);
  if (planned === undefined) return undefined;
  if (state === 'Draining' || state === 'Retired') return undefined;
  if (state === 'Online' && status?.slipDays !== undefined) return status.slipDays;
  return Math.max(0, Math.floor((nowMs - planned) / DAY_MS));
}

function said({ phase, step, overrun }: Given, hasClass: boolean): readonly Said[] {
  const accepted: Said =
    overrun !== undefined
      ? { type: 'Accepted', status: 'False', reason: 'ContractExceeded', detail: overrun }
      : hasClass
        ? { type: 'Accepted', status: 'True', reason: 'AsExpected' }
        : { type: 'Accepted', status: 'False', reason: 'PoolNotFound', detail: `WaferClass ${phase.spec.classRef}` };
  const failed = step.gates.find(({ state }) => state === 'Failed');
  const degraded: Said =
    failed === undefined
      ? { type: 'Degraded', status: 'False', reason: 'AsExpected' }
      : { type: 'Degraded', status: 'True', reason: 'GateFailed', detail: failed.name };
  return [accepted, degraded];
}
