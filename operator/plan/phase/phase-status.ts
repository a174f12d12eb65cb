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
import type { PlanMemo } from '../plan-memo.ts';
import { sameValue } from '../same-value.ts';
import type { Snapshot } from '../snapshot.ts';
import { conditions, type Said } from '../status/conditions.ts';
import { joined, NO_WAFERS, type PhaseCounts } from './phase-counts.ts';
import { phaseStep, type PhaseStep } from './phase-step.ts';

type Status = NonNullable<StoredPhase['status']>;

const DAY_MS = 86_400_000;
/** A status text of a column. */
const TEXT_MAX = 253;

/** Statuses of all phases that say something else, and when time alone would change one. */
export function phaseActions(
  snapshot: Snapshot,
  memo: PlanMemo,
): {
  readonly actions: readonly Action[];
  readonly wakes: readonly number[];
} {
  if (snapshot.phases.size === 0) return { actions: [], wakes: [] };
  const counts = countsByPhase(snapshot, memo);
  const overrun = overrunContracts(snapshot);
  const actions: Action[] = [];
  const wakes: number[] = [];
  for (const phase of snapshot.phases.values()) {
    const own = counts.get(phase.meta.name) ?? NO_WAFERS;
    const fact = snapshot.phaseFacts.get(phase.meta.name);
    const step = phaseStep({ phase, fact, wafers: own, nowMs: snapshot.nowMs });
    const status = statusOf(snapshot, { phase, own, fact, step, overrun: overrun.get(phase.meta.name) });
    if (phase.status === undefined || !sameValue(status, phase.status)) {
      const because = status.conditions?.[0]?.reason ?? 'AsExpected';
      actions.push({ kind: 'setStatus', target: refOf(phase), because, body: { status } });
    }
    if (step.wakeAtMs !== undefined) wakes.push(step.wakeAtMs);
  }
  return { actions, wakes };
}

function countsByPhase(snapshot: Snapshot, memo: PlanMemo): ReadonlyMap<string, PhaseCounts> {
  const counts = new Map<string, PhaseCounts>();
  for (const pool of snapshot.pools.values()) {
    for (const [name, own] of memo.phaseCounts(pool)) counts.set(name, joined(counts.get(name) ?? NO_WAFERS, own));
  }
  return counts;
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
  readonly own: PhaseCounts;
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
    ...(own.holders.length === 0 ? {} : { holders: own.holders }),
    conditions: conditions(phase, said(given, waferClass !== undefined), snapshot.nowMs),
  };
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

function systemsOf(input: PhaseInput, { holders: _holders, ...counts }: PhaseCounts): NonNullable<Status['systems']> {
  return { expected: Math.floor(phaseCapacity(input).systems), ...counts };
}

/** Megawatts are observed only when somebody measures them; wafers are what is there. */
function ledgerOf(input: PhaseInput, { own, fact, step }: Given): NonNullable<Status['ledger']> {
  const measured = fact?.megawatts;
  const observed: LedgerObserved = {
    ...(measured === undefined ? {} : { contracted: measured }),
    installed: own.installed,
    accepted: own.accepted,
    schedulable: own.schedulable,
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
