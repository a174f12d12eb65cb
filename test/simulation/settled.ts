import { expectations } from './expectations.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { World } from './world.ts';
import type { Cluster } from './cluster.ts';
import type { EngineProcess } from './engine-process.ts';

/** Timers that a process keeps at rest: sweeps, reports, and one watch per link. */
const ENGINE_TIMERS_MAX = 4;
const GATEWAY_TIMERS_BASE = 2;

/** After everything: nothing is held for nobody, and the bills are right. */
export function settled(cluster: Cluster): void {
  const { gatewayLives, frontWatch, linkWatch } = cluster;
  for (const gateway of gatewayLives) if (gateway.process.alive) frontWatch.settle(gateway);
  if (expectations.idleTtlKept || !linkWatch.tookOver) nothingHeld(cluster);
}

function nothingHeld({ world, engines, gateways }: Cluster): void {
  for (const { life } of gateways) gatewayAtRest(world, life, GATEWAY_TIMERS_BASE + 2 * engines.length);
  for (const { life } of engines) engineAtRest(world, life);
}

function gatewayAtRest(world: World, { process, sessions }: GatewayProcess, timersMax: number): void {
  const { name, alive, timers } = process;
  if (!alive) world.violated('liveness', `${name} is down`);
  if (sessions.size > 0) world.violated('leak', `${name} holds ${sessions.size} sessions`);
  if (timers > timersMax) world.violated('leak', `${name} has ${timers} timers, at most ${timersMax}`);
}

function engineAtRest(world: World, { process, host }: EngineProcess): void {
  const { name, alive, timers } = process;
  if (!alive) world.violated('liveness', `${name} is down`);
  const { sessionsLive, slotsFree, slotsTotal, kvTokensFree, kvTokensTotal } = host.load();
  if (sessionsLive > 0) world.violated('leak', `${name} holds ${sessionsLive} sessions`);
  if (slotsFree !== slotsTotal) world.violated('leak', `${name}: ${slotsFree} of ${slotsTotal} slots are free`);
  if (kvTokensFree !== kvTokensTotal) {
    world.violated('leak', `${name}: KV for ${kvTokensFree} of ${kvTokensTotal} tokens is free`);
  }
  if (timers > ENGINE_TIMERS_MAX) world.violated('leak', `${name} has ${timers} timers`);
}
