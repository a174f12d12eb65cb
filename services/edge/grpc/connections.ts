/**
 * What grpc-js leaves undone on its HTTP/2 connections, through Node's diagnostics channels (PROMISES §5.4,
 * PERFORMANCE R0):
 * - receive windows of 4 MiB, since 64 KiB cost a large first turn several round trips;
 * - header screening (`screening.ts`);
 * - reset metering: after 500 streams reset by the peer the connection gets GOAWAY, before Node's own guard
 *   kills it with every stream on it. Open streams finish; the client dials a fresh connection;
 * - PING and SETTINGS metering: a peer that floods gets GOAWAY ENHANCE_YOUR_CALM;
 * - a connection without a stream for 10 s is closed.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { constants, type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '@reticle/core/flow';
import { acceptedSockets } from '@reticle/core/process';
import type { FlushGroups } from './flush-groups.ts';
import { PeerMeter } from './peer-meter.ts';
import { screen } from './screening.ts';

export const RECEIVE_WINDOW_BYTES = 4 * 1024 * 1024;
export const FIRST_STREAM_MS_MAX = 10_000;

const STREAM_CREATED = 'http2.server.stream.created';

export type ConnectionsOptions = {
  /** The server's port; the channels tell of every server in the process. */
  readonly port: number;
  readonly clock: Clock;
  /** Told of connections that are gone. */
  readonly flushGroups: FlushGroups;
  /** Called when a connection was ended for what its peer did. */
  readonly ended: (reason: ConnectionEnd) => void;
};

/**
 * Why a connection was ended: reset by its peer too often (open streams finish), flooded with PING or SETTINGS, or
 * over without a single stream (silence, HTTP/1.1, junk).
 */
export type ConnectionEnd = 'resets' | 'flood' | 'unheard';

export type Connections = {
  /** Stops looking after them. */
  readonly stop: () => void;
  /** Cuts every connection. */
  readonly destroyAll: () => void;
};

/** Looks after the connections of one server. */
export function tendConnections(options: ConnectionsOptions): Connections {
  const { port, clock, flushGroups, ended } = options;
  const meters = new WeakMap<Http2Session, PeerMeter>();
  /** Timers of connections without a stream, by the peer's address. */
  const silent = new Map<string, () => void>();

  const hear = (peer: string): boolean => {
    silent.get(peer)?.();
    return silent.delete(peer);
  };

  const sockets = acceptedSockets(port, (socket: Socket) => {
    socket.setNoDelay(true);
    const peer = peerOf(socket);
    silent.set(
      peer,
      clock.after(FIRST_STREAM_MS_MAX, () => {
        silent.delete(peer);
        socket.destroy();
        ended('unheard');
      }),
    );
    socket.once('close', () => {
      flushGroups.forget(peer);
      if (hear(peer)) ended('unheard');
    });
  });

  /** What is done once per connection, at its first stream. */
  const begin = (session: Http2Session): PeerMeter => {
    const meter = new PeerMeter(clock);
    meters.set(session, meter);
    hear(peerOf(session.socket));
    prepare(session);
    session.on('ping', () => void (meter.ping() && calm(session, ended)));
    session.on('remoteSettings', () => void (meter.settings() && calm(session, ended)));
    return meter;
  };

  const created = (message: unknown): void => {
    const { stream } = message as { readonly stream: ServerHttp2Stream };
    const { session } = stream;
    if (session === undefined || session.destroyed || session.socket.localPort !== port) return;
    const meter = meters.get(session) ?? begin(session);
    stream.once('close', () => {
      if (stream.rstCode !== 0 && meter.reset()) recycle(session, ended);
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

type Ended = ConnectionsOptions['ended'];

/** The client goes elsewhere; open streams finish. */
function recycle(session: Http2Session, ended: Ended): void {
  if (session.destroyed) return;
  session.goaway(0);
  ended('resets');
}

function calm(session: Http2Session, ended: Ended): void {
  if (session.destroyed) return;
  // A session that is destroyed with a code reports it as an error of this process.
  session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  session.destroy();
  ended('flood');
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

/** As grpc-js names the peer of a call. */
function peerOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
