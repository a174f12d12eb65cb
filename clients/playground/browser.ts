/** What the page uses of its browser, in one place. */

/** As much of a WebSocket as the page needs. */
export interface PageSocket {
  readonly isOpen: boolean;
  send(text: string): void;
  close(code: number): void;
  addEventListener(type: 'open' | 'message' | 'close', listener: (event: { readonly data: unknown }) => void): void;
}

export type Browser = {
  nowMs(): number;
  after(ms: number, callback: () => void): void;
  /** Before the next picture is drawn. */
  onFrame(callback: () => void): void;
  post(path: string, body: object): Promise<{ readonly status: number; readonly body: unknown }>;
  openSocket(path: string, protocols: readonly string[]): PageSocket;
  /** What outlives a reload of this tab, and nothing else. */
  readonly kept: { get(): string | undefined; set(value: string | undefined): void };
  /** The fragment of the page's address, which no server sees; it is taken out of the address. */
  takeFragment(): string;
};

const KEPT = 'reticle.pass';

export function thisBrowser(): Browser {
  return {
    nowMs: () => window.performance.now(),
    after: (ms, callback) => void window.setTimeout(callback, ms),
    onFrame: (callback) => void window.requestAnimationFrame(callback),
    post: async (path, body) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await window.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: answer.status, body: await answer.json() };
    },
    openSocket: (path, protocols) => {
      const { protocol, host } = window.location;
      return pageSocket(new WebSocket(`${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}${path}`, [...protocols]));
    },
    kept: {
      get: () => window.sessionStorage.getItem(KEPT) ?? undefined,
      set: (value) => {
        if (value === undefined) window.sessionStorage.removeItem(KEPT);
        else window.sessionStorage.setItem(KEPT, value);
      },
    },
    takeFragment: () => {
      const fragment = window.location.hash.slice(1);
      if (fragment !== '') window.history.replaceState(null, '', window.location.pathname);
      return fragment;
    },
  };
}

function pageSocket(socket: WebSocket): PageSocket {
  return {
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    send: (text) => socket.send(text),
    close: (code) => socket.close(code),
    addEventListener: (type, listener) => {
      socket.addEventListener(type, (event) =>
        listener({ data: event instanceof MessageEvent ? event.data : undefined }),
      );
    },
  };
}
