import type { CapacityPhase } from './capacity-phase.ts';
import type { ReticleObject } from './kinds.ts';
import { suggest } from './suggest.ts';
import type { Segments } from './problem.ts';
import type { Placed, Report, SceneObjects } from './validate-scene.ts';
import type { WaferPool } from './wafer-pool.ts';
import type { Wafer } from './wafer.ts';

/** Checks pools, wafers and phases: what they name exists, wafers have a slot of their own, contracts hold. */
export function checkPlaces(scene: SceneObjects, report: Report): void {
  for (const pool of scene.WaferPool) checkPool(scene, pool, report);
  for (const phase of scene.CapacityPhase) checkClass(scene, phase, report);
  for (const wafer of scene.Wafer) checkWafer(scene, wafer, report);
  refuseSlotClashes(scene.Wafer, report);
  refuseOverruns(scene.CapacityPhase, report);
}

type Reference = { readonly at: Segments; readonly kind: ReticleObject['kind']; readonly name: string };

function checkReference(
  scene: SceneObjects,
  placed: Placed<ReticleObject>,
  { at, kind, name }: Reference,
  report: Report,
): void {
  const names = scene[kind].map(({ object }) => object.metadata.name);
  if (names.includes(name)) return;
  const message = `no ${kind} is named "${name}" (${suggest(name, names, 'there are')})`;
  report(placed, at, { code: 'reference', missing: kind }, message);
}

function checkClass(scene: SceneObjects, placed: Placed<WaferPool | CapacityPhase | Wafer>, report: Report): void {
  const { classRef } = placed.object.spec;
  checkReference(scene, placed, { at: ['spec', 'classRef'], kind: 'WaferClass', name: classRef }, report);
}

function checkPhase(scene: SceneObjects, placed: Placed<WaferPool | Wafer>, report: Report): void {
  const { phaseRef } = placed.object.spec;
  if (phaseRef === undefined) return;
  checkReference(scene, placed, { at: ['spec', 'phaseRef'], kind: 'CapacityPhase', name: phaseRef }, report);
}

function checkPool(scene: SceneObjects, placed: Placed<WaferPool>, report: Report): void {
  checkClass(scene, placed, report);
  checkPhase(scene, placed, report);
  const { source, fabric } = placed.object.spec;
  const wafers = source.simulated?.wafers ?? 0;
  if (wafers > fabric.slots) {
    const message = `${wafers} wafers do not fit ${fabric.slots} slots (lower it, or raise spec.fabric.slots)`;
    report(placed, ['spec', 'source', 'simulated', 'wafers'], { code: 'range' }, message);
  }
}

function checkWafer(scene: SceneObjects, placed: Placed<Wafer>, report: Report): void {
  const { poolRef, slot } = placed.object.spec;
  checkClass(scene, placed, report);
  checkPhase(scene, placed, report);
  checkReference(scene, placed, { at: ['spec', 'poolRef'], kind: 'WaferPool', name: poolRef }, report);
  const pool = scene.WaferPool.find(({ object }) => object.metadata.name === poolRef);
  const slots = pool?.object.spec.fabric.slots ?? Infinity;
  if (slot >= slots) {
    const message = `${slot} is not a slot of pool ${poolRef}, which has ${slots} (use 0 to ${slots - 1})`;
    report(placed, ['spec', 'slot'], { code: 'range' }, message);
  }
}

function refuseSlotClashes(wafers: readonly Placed<Wafer>[], report: Report): void {
  const takers = new Map<string, string>();
  for (const placed of wafers) {
    const { metadata, spec } = placed.object;
    const key = `${spec.poolRef} ${spec.slot}`;
    const taker = takers.get(key);
    const message = `${spec.slot} of pool ${spec.poolRef} is taken by Wafer/${taker} (correct one of them)`;
    if (taker === undefined) takers.set(key, metadata.name);
    else report(placed, ['spec', 'slot'], { code: 'conflict' }, message);
  }
}

/** The phases of one contract, in order of creation, share its ceiling; the one that crosses it is refused. */
function refuseOverruns(phases: readonly Placed<CapacityPhase>[], report: Report): void {
  const used = new Map<string, number>();
  for (const placed of phases) {
    const { contract, power } = placed.object.spec;
    const before = used.get(contract.ref) ?? 0;
    const sum = before + power.megawatts;
    if (sum <= contract.ceilingMegawatts) {
      used.set(contract.ref, sum);
      continue;
    }
    const message =
      `${power.megawatts} MW on ${before} MW of contract ${contract.ref} make ${sum} MW of ${contract.ceilingMegawatts} MW ` +
      '(lower it, or raise the ceiling in a new contract)';
    report(placed, ['spec', 'power', 'megawatts'], { code: 'range' }, message);
  }
}
