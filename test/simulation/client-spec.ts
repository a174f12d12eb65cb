import type { LocalChain } from '@reticle/core/domain';
import type { OracleContext } from '../kit/oracle.ts';
import type { Hosts } from './front-watch.ts';
import type { Network } from './network.ts';
import type { World } from './world.ts';

export type ClientSpec = {
  readonly node: string;
  readonly tenant: string;
  readonly chain: LocalChain;
  /** Item JSON of the session's prefix. */
  readonly prefix: readonly string[];
  readonly idleTtlMs: number;
  /** Things that the workload does before it comes to an end. */
  readonly operations: number;
  /** Mean time between two of them. */
  readonly paceMs: number;
  readonly turnTokensMax: number;
  /** Closes its session at the end; else its idle time ends it. */
  readonly closes: boolean;
};

export type Refused = {
  readonly code: string;
  /** Where it was last attached. */
  readonly gatewayNode: string;
  /** When the client was last attached; before that, when it asked for the session. */
  readonly sinceMs: number;
  readonly idleTtlMs: number;
};

export type ClientSurroundings = {
  readonly world: World;
  readonly network: Network;
  /** Addresses of the gateways, up or not. */
  readonly gateways: () => readonly string[];
  readonly root: () => OracleContext;
  /** Why a session may be over with this refusal; undefined: it may not. */
  readonly mayEnd: (refused: Refused) => string | undefined;
  readonly hosts: Hosts;
  /** True when a gateway has died: what it alone knew is gone. */
  readonly gatewayDied: () => boolean;
};
