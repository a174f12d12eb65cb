import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { SocketPort } from './socket-port.ts';

/** {@link SocketPort} over a `ws` socket. */
export class WebSocketPort implements SocketPort {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;

  /** @param socket what the `ws` socket writes to */
  constructor(webSocket: WebSocket, socket: Duplex) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  get backlogBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  send(messages: readonly string[], taken: () => void): void {
    const webSocket = this.#webSocket;
    if (webSocket.readyState !== webSocket.OPEN) return;
    // One packet for what belongs together; the library has no way to say so.
    this.#socket.cork();
    const last = messages.length - 1;
    for (const [index, message] of messages.entries()) {
      if (index < last) webSocket.send(message);
      else webSocket.send(message, (error) => (error ? undefined : taken()));
    }
    this.#socket.uncork();
  }

  ping(): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
  }

  pong(data: Uint8Array): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.pong(data);
  }

  read(on: boolean): void {
    if (on) this.#webSocket.resume();
    else this.#webSocket.pause();
  }

  close(code: number, reason: string): void {
    this.#webSocket.close(code, reason);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }
}
