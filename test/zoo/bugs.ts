import type { Bug } from './bug.ts';
import { engineBugs } from './bugs-engine.ts';
import { gatewayBugs } from './bugs-gateway.ts';
import { operatorBugs } from './bugs-operator.ts';
import { surfaceBugs } from './bugs-surface.ts';

/** Every bug that can be planted, the start set of PROMISES §3.7 among them. */
export const bugs: readonly Bug[] = [...gatewayBugs, ...engineBugs, ...operatorBugs, ...surfaceBugs];
