/** First tokens of turns that nothing precedes, one after the other, through the gateway and off the engine's link. */
import { createBody } from '../rig/asked-turn.ts';
import { serveCalls } from '../rig/calls.ts';
import { LinkClient } from '../rig/link-client.ts';
import type { DoorTransport } from '../rig/door-client-process.ts';
import { ssePort, webSocketPort, type TurnPort } from '../rig/turn-ports.ts';

export type TurnsOrder = {
  readonly transport: DoorTransport;
  /** `host:port`; of the engine for `link`. */
  readonly address: string;
  readonly apiKey: string;
  readonly turns: number;
};

const OUTPUT_TOKENS = 4;

async function overPort(port: TurnPort, turns: number): Promise<number[]> {
  const micros: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const { sentMicros, firstMicros } = await port.turn(createBody(turn, OUTPUT_TOKENS));
    micros.push(firstMicros - sentMicros);
  }
  port.close();
  return micros;
}

const calls = {
  /** Send of each turn to its first token, µs. */
  async run({ transport, address, apiKey, turns }: TurnsOrder): Promise<readonly number[]> {
    if (transport === 'link') return LinkClient.firstTokens(address, turns, OUTPUT_TOKENS);
    return overPort(await (transport === 'sse' ? ssePort : webSocketPort)({ address, apiKey }), turns);
  },
};

export type TurnsCalls = typeof calls;
serveCalls(calls);
