import type { ReplicaPlan, StoredDeployment } from '../facts.ts';
import { compareText, type PoolState } from '../pool-state.ts';
import type { ShardRequest } from '../shard/sharded-chain.ts';
import type { PoolFilter } from './pool-filter.ts';

/** A chain that looks for wafers. */
export type Demand = {
  /** Of the replica. */
  readonly uid: string;
  /** `mr/name`, as diagnostics name it. */
  readonly subject: string;
  readonly deploymentUid: string;
  /** Repairs come first and may use hot spares (OPERATOR §9.1, §9.2). */
  readonly repair: boolean;
  /** Of the deployment's highest tier. */
  readonly priority: number;
  /** S. */
  readonly wafers: number;
  readonly creationMs: number;
  /** Since when it has had no place. */
  readonly waitingSinceMs: number;
  readonly spread: StoredDeployment['spec']['spread'];
  readonly preemption: StoredDeployment['spec']['preemption'];
  /** Which pools it may use at all. */
  readonly filter: PoolFilter;
  /** What its chain must hold on wafers of a pool's class; undefined where the class is not known. */
  readonly requestOn: (pool: PoolState) => ShardRequest | undefined;
};

/** What a choice cost, in the order in which choices are compared (OPERATOR §9.3). */
export type Objective = ReplicaPlan['objective'];

/** Order of OPERATOR §9.1: repair, priority ↓, S ↓, creation time, uid. */
export function byDemandOrder(a: Demand, b: Demand): number {
  return (
    Number(b.repair) - Number(a.repair) ||
    b.priority - a.priority ||
    b.wafers - a.wafers ||
    a.creationMs - b.creationMs ||
    compareText(a.uid, b.uid)
  );
}
