import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export type SocketOptions = {
  /** `host:port`. */
  readonly address: string;
  /** TLS to a server whose certificate nobody vouches for. */
  readonly tls?: boolean;
};

export type SocketEvents = {
  /** The first `length` bytes, valid until it returns. */
  readonly data: (bytes: Buffer, length: number) => void;
  /** Told once, by whichever side. */
  readonly ended: (problem: string) => void;
};

/** One for all sockets of the process: each read is used up before the next. */
const shared = Buffer.alloc(256 * 1024);

/** A socket that reads into memory of its own making; over TLS Node brings the memory. */
export function openSocket({ address, tls = false }: SocketOptions, { data, ended }: SocketEvents): Socket {
  const at = address.lastIndexOf(':');
  const place = { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
  const read = (length: number): boolean => {
    data(shared, length);
    return true;
  };
  const socket = tls
    ? connectTls({ ...place, rejectUnauthorized: false })
    : connect({ ...place, onread: { buffer: shared, callback: read } });
  socket.setNoDelay(true);
  if (tls) socket.on('data', (bytes: Buffer) => data(bytes, bytes.length));
  let problem = 'the peer ended it';
  socket.on('error', (error) => (problem = error.message));
  socket.once('close', () => ended(problem));
  return socket;
}
