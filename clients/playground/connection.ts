/** One WebSocket at a time: opened with a ticket, opened again when it is lost. */
import type { Browser, PageSocket } from './browser.ts';
import { Refused, type Credentials } from './credentials.ts';
import { parseEvent, type ServerEvent } from './server-event.ts';

export type ConnectionEvents = {
  readonly onOpen: () => void;
  readonly onEvent: (event: ServerEvent) => void;
  readonly onLost: () => void;
  /** No further attempt is made. */
  readonly onRefused: (why: string) => void;
  readonly onModels: (models: readonly string[]) => void;
};

const FIRST_DELAY_MS = 250;
const DELAY_MS_MAX = 5_000;
/** A close code of this page's own (RFC 6455 §7.4.2). */
const KILLED = 4_000;

export class Connection {
  readonly #browser: Browser;
  readonly #credentials: Credentials;
  readonly #events: ConnectionEvents;
  #socket: PageSocket | undefined;
  #delayMs = FIRST_DELAY_MS;

  constructor(browser: Browser, credentials: Credentials, events: ConnectionEvents) {
    this.#browser = browser;
    this.#credentials = credentials;
    this.#events = events;
  }

  async open(): Promise<void> {
    try {
      const { ticket, models } = await this.#credentials.ticket();
      this.#events.onModels(models);
      this.#dial(ticket);
    } catch (error) {
      if (error instanceof Refused) this.#events.onRefused(error.message);
      else this.#again();
    }
  }

  /** False when there is no open socket to send on. */
  send(message: object): boolean {
    if (this.#socket?.isOpen !== true) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Ends the socket as a lost network does: nothing that is under way is heard. */
  kill(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#forget(socket);
    socket.close(KILLED);
    this.#lost();
  }

  #dial(ticket: string): void {
    const socket = this.#browser.openSocket('/v1/responses', ['reticle.v1', `reticle-ticket.${ticket}`]);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      if (this.#socket !== socket) return;
      this.#delayMs = FIRST_DELAY_MS;
      this.#events.onOpen();
    });
    socket.addEventListener('message', ({ data }) => {
      const event = typeof data === 'string' ? parseEvent(data) : undefined;
      if (this.#socket === socket && event !== undefined) this.#events.onEvent(event);
    });
    socket.addEventListener('close', () => {
      if (this.#socket !== socket) return;
      this.#forget(socket);
      this.#lost();
    });
  }

  #forget(socket: PageSocket): void {
    if (this.#socket === socket) this.#socket = undefined;
  }

  #lost(): void {
    this.#events.onLost();
    this.#again();
  }

  #again(): void {
    this.#browser.after(this.#delayMs, () => void this.open());
    this.#delayMs = Math.min(DELAY_MS_MAX, this.#delayMs * 2);
  }
}
