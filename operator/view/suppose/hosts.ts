import type { NodeFact, StoredPool } from '@reticle/operator/plan';

/** A node as pools find it. */
export type Host = { readonly name: string; readonly labels: Readonly<Record<string, string>> };

type Assumed = { readonly hosts: readonly Host[]; readonly facts: readonly NodeFact[]; readonly words: string };

/** Hosts of a pool that nobody has seen: there for every slot, Ready, burned in and without a fault. */
export function assumedHosts(pool: StoredPool, nowMs: number): Assumed {
  const { meta, spec } = pool;
  const { simulated, nodes } = spec.source;
  if (simulated !== undefined) {
    const host = { name: `${meta.name}-host`, labels: simulated.nodeSelector };
    const words = `wp/${meta.name} has all of its ${Math.min(simulated.wafers, spec.fabric.slots)} simulated wafers`;
    return { hosts: [host], facts: [hostFact(host.name, nowMs, spec.fabric.slots)], words };
  }
  const hosts = Array.from({ length: spec.fabric.slots }, (_, slot) => {
    const name = `${meta.name}-${String(slot).padStart(3, '0')}`;
    const rack = `r${String(Math.floor(slot / spec.fabric.rackSize)).padStart(3, '0')}`;
    const place = { 'reticle.dev/wafer-id': name, 'reticle.dev/slot': String(slot), 'reticle.dev/rack': rack };
    return { name: `${name}-host`, labels: { ...nodes?.matchLabels, ...place } };
  });
  const facts = hosts.map(({ name }) => hostFact(name, nowMs, 1));
  return { hosts, facts, words: `wp/${meta.name} has a sound host in each of its ${spec.fabric.slots} slots` };
}

function hostFact(name: string, nowMs: number, waferCapacity: number): NodeFact {
  const sound = { ready: true, readySinceMs: nowMs, unschedulable: false, waferHealthy: true, burnedIn: true };
  return { name, waferCapacity, ...sound };
}
