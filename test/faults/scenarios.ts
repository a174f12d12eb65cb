import type { Scenario } from './scenario.ts';
import { busScenarios } from './scenarios-bus.ts';
import { engineScenarios } from './scenarios-engine.ts';
import { gatewayScenarios } from './scenarios-gateway.ts';
import { wireScenarios } from './scenarios-wire.ts';

/** Every fault that the runner knows, in the order of the promises. */
export const scenarios: readonly Scenario[] = [
  ...wireScenarios,
  ...gatewayScenarios,
  ...engineScenarios,
  ...busScenarios,
];
