/**
 * A gRPC client on `node:http2` for the rig: from 100 streams up a grpc-js receiver costs more than the sender
 * that it is to measure (PERFORMANCE R3, §6.7). Plain text, identity encoding, no deadlines.
 */
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';

const PREFIX_BYTES = 5;
const CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024;
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const GRPC_OK = '0';

export type GrpcStream = {
  send(message: Uint8Array): void;
  /** Half-closes; the server ends the call. */
  end(): void;
  /** Nothing is read until `resume`. */
  pause(): void;
  resume(): void;
};

export type GrpcStreamEvents = {
  /** The bytes are valid until it returns. */
  readonly message: (bytes: Uint8Array) => void;
  /** The call is over; undefined: status OK. Told once. */
  readonly ended: (problem: string | undefined) => void;
};

export class GrpcConnection {
  readonly #session: ClientHttp2Session;
  readonly #headers: OutgoingHttpHeaders;

  /** @param metadata sent with every call */
  constructor(address: string, metadata: Readonly<Record<string, string>>) {
    this.#session = connect(`http://${address}`, {
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
    });
    this.#session.on('connect', () => this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    // Every stream is told of the session's end by itself.
    this.#session.on('error', () => {});
    this.#headers = {
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc+proto',
      [constants.HTTP2_HEADER_TE]: 'trailers',
      ...metadata,
    };
  }

  stream(path: string, events: GrpcStreamEvents): GrpcStream {
    const call = this.#session.request({ ...this.#headers, [constants.HTTP2_HEADER_PATH]: path });
    const splitter = new MessageSplitter(events.message);
    call.on('data', (chunk: Buffer) => splitter.take(chunk));
    onEnd(call, events.ended);
    return {
      send: (message) => void call.write(framed(message)),
      end: () => void call.end(),
      pause: () => void call.pause(),
      resume: () => void call.resume(),
    };
  }

  unary(path: string, request: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let answer: Uint8Array | undefined;
      const call = this.stream(path, {
        message: (bytes) => (answer = Uint8Array.from(bytes)),
        ended: (problem) => {
          if (problem === undefined && answer !== undefined) resolve(answer);
          else reject(new Error(`${path}: ${problem ?? 'no answer'}`));
        },
      });
      call.send(request);
      call.end();
    });
  }

  close(): void {
    this.#session.destroy();
  }
}

/** Status comes in trailers, or in the headers of a call that was refused outright. */
function onEnd(call: ClientHttp2Stream, ended: (problem: string | undefined) => void): void {
  let problem: string | undefined = 'no gRPC status';
  const read = (headers: IncomingHttpHeaders): void => {
    const { 'grpc-status': status, 'grpc-message': message = '' } = headers as Record<string, string | undefined>;
    if (status !== undefined) problem = status === GRPC_OK ? undefined : `status ${status}: ${message}`;
  };
  call.on('response', read);
  call.on('trailers', read);
  call.on('error', (error) => (problem = error.message));
  call.on('close', () => ended(problem));
}

function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** Cuts a byte stream into gRPC messages; only one that is split over chunks is copied. */
export class MessageSplitter {
  readonly #message: (bytes: Uint8Array) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(message: (bytes: Uint8Array) => void) {
    this.#message = message;
  }

  take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= PREFIX_BYTES) {
      const end = at + PREFIX_BYTES + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      this.#message(bytes.subarray(at + PREFIX_BYTES, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}
