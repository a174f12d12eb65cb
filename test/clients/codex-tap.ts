import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';

/** What Codex asked: a POST, or a message of a socket. */
export type Asked = {
  readonly transport: 'http' | 'socket';
  /** Of sockets, in the order in which they were opened; -1 for a POST. */
  readonly socket: number;
  readonly body: Readonly<Record<string, unknown>>;
};

type Told = { readonly type: string; readonly response?: { readonly reticle?: { readonly session_id?: string } } };

/** Headers that belong to one connection. */
const OWN = new Set(['connection', 'upgrade', 'host', 'content-length']);

/** Stands between Codex and a gateway and remembers what was asked; passes everything on, ends as well. */
export class CodexTap implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Types of what sockets were told. */
  readonly told: string[] = [];
  /** The session of the newest response of a socket. */
  sessionId = '';
  /** An interrupt comes too late: it is passed on behind the end of what it is for. */
  holdsInterrupts = false;
  readonly #target: string;
  readonly #server: Server;
  readonly #webSockets = new WebSocketServer({ noServer: true });
  #sockets = 0;

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((request, response) => {
      const body: Buffer[] = [];
      const { method, headers, url } = request;
      const on = httpRequest(`${target}${url ?? ''}`, { method, headers: passed(headers) }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, passed(answer.headers));
        answer.on('error', () => response.destroy()).pipe(response);
      });
      on.on('error', () => response.destroy());
      request.on('data', (chunk: Buffer) => body.push(chunk));
      request.on('end', () => {
        if (method === 'POST') this.#note('http', -1, Buffer.concat(body).toString());
        on.end(Buffer.concat(body));
      });
      response.on('close', () => on.destroy());
    });
    this.#server.on('upgrade', (request, socket: Duplex, head) => this.#upgrade(request, socket, head));
  }

  static async start(target: string): Promise<CodexTap> {
    const tap = new CodexTap(target);
    await new Promise<void>((resolve) => tap.#server.listen(0, '127.0.0.1', resolve));
    return tap;
  }

  get base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Requests that generate. */
  get turns(): readonly Asked[] {
    return this.asked.filter(
      ({ body }) => (body['type'] ?? 'response.create') === 'response.create' && body['generate'] !== false,
    );
  }

  #note(transport: Asked['transport'], socket: number, text: string): void {
    this.asked.push({ transport, socket, body: JSON.parse(text) as Asked['body'] });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const far = new WebSocket(`${this.#target.replace('http', 'ws')}${request.url ?? ''}`, {
      headers: passed(request.headers) as Record<string, string>,
    });
    const refuse = (): void => void socket.destroy();
    far.once('unexpected-response', (_request, answer) => {
      socket.end(`HTTP/1.1 ${answer.statusCode ?? 500} \r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      far.terminate();
    });
    far.on('error', refuse);
    far.once('open', () => {
      this.#webSockets.handleUpgrade(request, socket, head, (near) => this.#join(near, far));
    });
  }

  #join(near: WebSocket, far: WebSocket): void {
    const index = this.#sockets;
    this.#sockets += 1;
    let held: string[] = [];
    near.on('message', (data: Buffer) => {
      const text = data.toString();
      this.#note('socket', index, text);
      if (this.holdsInterrupts && text.includes('"response.interrupt"')) held.push(text);
      else far.send(text);
    });
    far.on('message', (data: Buffer) => {
      const text = data.toString();
      const { type, response } = JSON.parse(text) as Told;
      this.told.push(type);
      this.sessionId = response?.reticle?.session_id ?? this.sessionId;
      near.send(text);
      if (!/^response\.(completed|incomplete|failed)$/.test(type)) return;
      for (const message of held) far.send(message);
      held = [];
    });
    near.on('error', () => far.terminate()).on('close', () => far.terminate());
    far.on('error', () => near.terminate()).on('close', () => near.terminate());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const near of this.#webSockets.clients) near.terminate();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

function passed(headers: IncomingMessage['headers']): Record<string, string | string[] | undefined> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !OWN.has(name) && !name.startsWith('sec-websocket')),
  );
}
