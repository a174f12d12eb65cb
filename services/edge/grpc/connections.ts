/**
 * What grpc-js leaves undone on its HTTP/2 connections, through Node's diagnostics channels (PROMISES §5.4,
 * PERFORMANCE R0):
 * - receive windows of 4 MiB, since 64 KiB cost a large first turn several round trips;
 * - header screening (`screening.ts`);
 * - reset metering: after 500 streams reset by the peer the connection gets GOAWAY, before Node's own guard
 *   kills it with every stream on it. Open streams finish; the client dials a fresh connection;
 * - a connection without a stream for 10 s is closed.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '@reticle/core/flow';
import { acceptedSockets } from '@reticle/core/process';
import { screen } from './screening.ts';

export const RECEIVE_WINDOW_BYTES = 4 * 1024 * 1024;
export const PEER_RESETS_MAX = 500;
export const FIRST_STREAM_MS_MAX = 10_000;

const STREAM_CREATED = 'http2.server.stream.created';

export type ConnectionsOptions = {
  /** The server's port; the channels tell of every server in the process. */
  readonly port: number;
  readonly clock: Clock;
  /** Called when a connection was recycled because of resets. */
  readonly recycled: () => void;
};

export type Connections = {
  /** Stops looking after them. */
  readonly stop: () => void;
  /** Cuts every connection. */
  readonly destroyAll: () => void;
};

/** Looks after the connections of one server. */
export function tendConnections({ port, clock, recycled }: ConnectionsOptions): Connections {
  const resets = new WeakMap<Http2Session, number>();
  /** Timers of connections without a stream, by the peer's address. */
  const silent = new Map<string, () => void>();

  const hear = (peer: string): void => {
    silent.get(peer)?.();
    silent.delete(peer);
  };

  const sockets = acceptedSockets(port, (socket: Socket) => {
    socket.setNoDelay(true);
    const peer = peerOf(socket);
    silent.set(
      peer,
      clock.after(FIRST_STREAM_MS_MAX, () => {
        silent.delete(peer);
        socket.destroy();
      }),
    );
    socket.once('close', () => hear(peer));
  });

  const count = (session: Http2Session): void => {
    const seen = (resets.get(session) ?? 0) + 1;
    resets.set(session, seen);
    if (seen !== PEER_RESETS_MAX || session.destroyed) return;
    session.goaway(0);
    recycled();
  };

  const created = (message: unknown): void => {
    const { stream } = message as { readonly stream: ServerHttp2Stream };
    const { session } = stream;
    if (session === undefined || session.destroyed || session.socket.localPort !== port) return;
    if (!resets.has(session)) {
      resets.set(session, 0);
      hear(peerOf(session.socket));
      prepare(session);
    }
    stream.once('close', () => {
      if (stream.rstCode !== 0) count(session);
    });
  };

  subscribe(STREAM_CREATED, created);
  return {
    stop() {
      unsubscribe(STREAM_CREATED, created);
      sockets.stop();
      for (const cancel of silent.values()) cancel();
      silent.clear();
    },
    destroyAll: sockets.destroyAll,
  };
}

function prepare(session: Http2Session): void {
  session.settings({ initialWindowSize: RECEIVE_WINDOW_BYTES });
  session.setLocalWindowSize(RECEIVE_WINDOW_BYTES);
  // Before grpc-js's own listener, with the same headers object.
  session.prependListener(
    'stream',
    (_stream: unknown, headers: IncomingHttpHeaders, _flags: unknown, raw: readonly string[]) => screen(headers, raw),
  );
}

function peerOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
