/** Ways into the platform for one turn after the other. */
import { HttpStream } from './http-stream.ts';
import type { SocketOptions } from './raw-socket.ts';
import { TurnWatch, type TurnTimes } from './turn-watch.ts';
import { WebSocketClient } from './websocket-client.ts';

export type TurnPort = {
  /** One at a time. Rejects when the turn is refused or fails. */
  turn(body: Readonly<Record<string, unknown>>): Promise<TurnTimes>;
  close(): void;
};

export type TurnPortOptions = SocketOptions & { readonly apiKey: string };

const PATH = '/v1/responses';

function headersOf(apiKey: string): Record<string, string> {
  return { authorization: `Bearer ${apiKey}` };
}

/** Server-sent events on one connection that is kept. */
export async function ssePort(options: TurnPortOptions): Promise<TurnPort> {
  const stream = await HttpStream.open(options);
  return {
    turn: (body) => sseTurn(stream, options.apiKey, body),
    close: () => stream.close(),
  };
}

/** Server-sent events on a connection for each turn, whose making is part of it. */
export function freshSsePort(options: TurnPortOptions): TurnPort {
  return {
    async turn(body) {
      const from = new TurnWatch();
      const stream = await HttpStream.open(options);
      const times = await sseTurn(stream, options.apiKey, body);
      stream.close();
      return { ...times, sentMicros: from.sentMicros };
    },
    close: () => {},
  };
}

function sseTurn(stream: HttpStream, apiKey: string, body: Readonly<Record<string, unknown>>): Promise<TurnTimes> {
  const watch = new TurnWatch();
  const answer = stream.request({
    method: 'POST',
    path: PATH,
    headers: headersOf(apiKey),
    body: JSON.stringify({ ...body, stream: true }),
    event: (bytes, from, to) => watch.event(bytes, from, to),
  });
  answer.catch((error: unknown) => watch.fail(String(error)));
  // The next request waits for the last byte of this answer.
  return Promise.all([watch.over, answer]).then(([times]) => times);
}

/** One WebSocket for all turns. */
export async function webSocketPort(options: TurnPortOptions): Promise<TurnPort> {
  let watch: TurnWatch | undefined;
  const socket = await WebSocketClient.open({
    ...options,
    path: PATH,
    headers: headersOf(options.apiKey),
    message: (bytes, from, to) => watch?.event(bytes, from, to),
    ended: (problem) => watch?.fail(problem),
  });
  return {
    turn(body) {
      watch = new TurnWatch();
      socket.send(JSON.stringify({ type: 'response.create', ...body }));
      return watch.over;
    },
    close: () => socket.close(),
  };
}
