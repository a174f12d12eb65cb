import { connect, type Socket } from 'node:net';
import { encodeFrame, FrameReader } from './frame.ts';
import { answerOf, type StageRefusal } from './message.ts';
import type { StagePing, StagePong } from './ring-watch.ts';

/** Bytes that may wait in a connection to a stage that does not read; what comes on top is not sent. */
const UNSENT_BYTES_MAX = 65_536;

export type StageClientOptions = {
  readonly host: string;
  readonly port: number;
  readonly answered: (answer: StagePong | StageRefusal) => void;
};

/**
 * Pings to one stage over one connection, which is made again with the next ping when it breaks. Nothing is reported
 * but answers: whether a stage is gone is for the ring watch to say.
 */
export class StageClient {
  readonly #options: StageClientOptions;
  #socket: Socket | undefined;
  #closed = false;

  constructor(options: StageClientOptions) {
    this.#options = options;
  }

  ping(ping: StagePing): void {
    if (this.#closed) return;
    this.#socket ??= this.#dial();
    if (this.#socket.writableLength < UNSENT_BYTES_MAX) this.#socket.write(encodeFrame(ping));
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  #dial(): Socket {
    const { host, port, answered } = this.#options;
    const socket = connect({ host, port, noDelay: true });
    const frames = new FrameReader();
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    socket.on('data', (chunk) => {
      if (this.#closed) return;
      try {
        for (const value of frames.read(chunk)) answered(answerOf(value));
      } catch {
        // Garbage is not an answer: the ping counts as missed.
        socket.destroy();
      }
    });
    return socket;
  }
}
