/** P1: what happens on the wire between clients and gateways. */
import type { Direction } from '../kit/fault-proxy.ts';
import type { WireFault } from '../kit/fault-proxy-pipe.ts';
import type { Scenario, Stage } from './scenario.ts';

const SILENT_WIRE_MS = 600;
/** About what a stream carries in a second at the runner's speed, so that a fault at a random byte lands in a turn. */
const BYTES_DOWN = 6_000;
const BYTES_UP = 200;

/** Arms the fault at a random byte of every wire of every gateway, and waits until it has come. */
async function tripWires({ cluster, pause, random }: Stage, direction: Direction, fault: WireFault): Promise<void> {
  const afterBytes = Math.floor((direction === 'down' ? BYTES_DOWN : BYTES_UP) * (0.2 + random.unit()));
  for (const { proxy } of cluster.gateways) proxy.tripAll(direction, { afterBytes, fault });
  await pause(3_000);
}

export const wireScenarios: readonly Scenario[] = [
  {
    name: 'P1.reset',
    does: 'every client connection is reset at a random byte of what it receives',
    losesStreams: true,
    reconnectP99Ms: 1_000,
    inject: (stage) => tripWires(stage, 'down', 'reset'),
  },
  {
    name: 'P1.reset-up',
    does: 'every client connection is reset at a random byte of what it sends',
    losesStreams: true,
    inject: async (stage) => {
      await tripWires(stage, 'up', 'reset');
      for (const { proxy } of stage.cluster.gateways) proxy.resetAll();
    },
  },
  {
    name: 'P1.close',
    does: 'every client connection is closed properly at a random byte',
    losesStreams: true,
    inject: (stage) => tripWires(stage, 'down', 'close'),
  },
  {
    name: 'P1.blackhole',
    does: 'client connections go silent at a random byte, in both directions, and nobody is told',
    silenceMs: SILENT_WIRE_MS,
    losesStreams: true,
    inject: (stage) => tripWires(stage, 'down', 'blackhole'),
  },
  {
    name: 'P1.half-open',
    does: 'the gateway sees a reset, its client an open connection on which nothing happens',
    silenceMs: SILENT_WIRE_MS,
    losesStreams: true,
    inject: (stage) => tripWires(stage, 'up', 'half-open'),
  },
  {
    name: 'P1.half-open-down',
    does: 'the client sees a reset, the gateway an open connection on which nothing happens',
    losesStreams: true,
    inject: (stage) => tripWires(stage, 'down', 'half-open'),
  },
  {
    name: 'P1.garbage',
    does: 'what gateways send is broken by bytes that are no frame',
    losesStreams: true,
    inject: (stage) => tripWires(stage, 'down', 'garbage'),
  },
  {
    name: 'P1.garbage-up',
    does: 'what clients send is broken by bytes that are no frame',
    losesStreams: true,
    inject: (stage) => tripWires(stage, 'up', 'garbage'),
  },
  {
    name: 'P1.slice',
    does: 'everything between clients and gateways arrives in pieces of 1 to 7 bytes, late and uneven',
    losesStreams: true,
    inject: async ({ cluster, mark, pause, random }) => {
      const sliceBytes = 1 + Math.floor(random.unit() * 7);
      for (const { proxy } of cluster.gateways) {
        proxy.set('down', { sliceBytes: 20 * sliceBytes, latencyMs: 20, jitterMs: 15 });
        proxy.set('up', { sliceBytes, latencyMs: 10 });
      }
      mark('slices');
      await pause(1_500);
      for (const { proxy } of cluster.gateways) proxy.heal();
    },
  },
  {
    name: 'P1.one-way',
    does: 'what clients send is lost, what gateways send arrives; then the wires are reset',
    silenceMs: SILENT_WIRE_MS,
    losesStreams: true,
    inject: async ({ cluster, pause }) => {
      for (const { proxy } of cluster.gateways) proxy.set('up', { drop: true });
      await pause(700);
      for (const { proxy } of cluster.gateways) proxy.heal();
    },
  },
  {
    name: 'P1.stall',
    does: 'what gateways send is held back for a second and then arrives at once',
    losesStreams: true,
    inject: async ({ cluster, mark, pause }) => {
      for (const { proxy } of cluster.gateways) proxy.set('down', { stall: true });
      mark('wires held back');
      await pause(1_000);
      for (const { proxy } of cluster.gateways) proxy.heal();
    },
  },
];
