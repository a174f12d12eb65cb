import { KubeConfig, RequestContext, HttpMethod } from '@kubernetes/client-node';
import { assert } from '@reticle/core/domain';

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;
type MakeDispatcher = (cluster: unknown, options: object) => Dispatcher | undefined;

export type ConnectionOptions = {
  /** Path of a kubeconfig; absent: the service account of the pod that this process runs in. */
  readonly kubeconfig?: string;
  /** Acts as this user; the credentials' own user must be allowed to. */
  readonly impersonate?: string;
};

export type HttpCall = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string };
  readonly signal?: AbortSignal;
};

export type HttpAnswer = { readonly status: number; readonly retryAfter: string | undefined; readonly text: string };
export type HttpStream = {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
};

/** Above the 25 s after which the server ends a watch; below this, silence is no fault. */
const WATCH_SILENCE_MS_MAX = 60_000;

/**
 * Authenticated requests to one API server. Calls share one cached agent: the library makes one for each call, hence
 * a TLS handshake, which halves the rate of writes. A watch has a connection of its own: on a session shared with
 * calls it loses events under load.
 */
export class Connection implements AsyncDisposable {
  readonly #calls: KubeConfig;
  readonly #watches: KubeConfig;
  readonly #origin: string;
  readonly #basePath: string;
  #agent: { readonly key: string; readonly dispatcher: Dispatcher } | undefined;

  constructor(options: ConnectionOptions) {
    this.#calls = load(options);
    this.#watches = load(options);
    const server = new URL(this.#calls.getCurrentCluster()?.server ?? '');
    this.#origin = server.origin;
    this.#basePath = server.pathname.replace(/\/$/, '');
    overrideDispatcher(this.#calls, (make) => (cluster, tls) => this.#cached(cluster, tls, make));
    overrideDispatcher(this.#watches, (make) => make);
  }

  /** Rejects with the network's or the signal's error. */
  async call(call: HttpCall): Promise<HttpAnswer> {
    const { dispatcher, headers } = await authorize(this.#calls, call);
    const answer = await dispatcher.request({
      origin: this.#origin,
      path: this.#pathOf(call),
      method: call.method,
      headers: { ...headers, ...(call.body === undefined ? {} : { 'content-type': call.body.type }) },
      body: call.body?.text ?? null,
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    return { status: answer.statusCode, retryAfter: textOf(answer.headers), text: await answer.body.text() };
  }

  /** As {@link call}, on a connection of its own that ends with `use`. */
  async stream(call: HttpCall, use: (stream: HttpStream) => Promise<void>): Promise<void> {
    const { dispatcher, headers } = await authorize(this.#watches, call);
    try {
      const answer = await dispatcher.request({
        origin: this.#origin,
        path: this.#pathOf(call),
        method: call.method,
        headers,
        bodyTimeout: WATCH_SILENCE_MS_MAX,
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
      await use({ status: answer.statusCode, retryAfter: textOf(answer.headers), chunks: answer.body });
    } finally {
      await dispatcher.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.dispatcher.destroy();
    this.#agent = undefined;
  }

  /** The agent lives as long as its certificates: a rotated one gets another, and the old ends with its calls. */
  #cached(cluster: unknown, tls: object, make: MakeDispatcher): Dispatcher | undefined {
    const key = JSON.stringify(tls);
    if (this.#agent?.key === key) return this.#agent.dispatcher;
    const dispatcher = make(cluster, tls);
    void this.#agent?.dispatcher.close();
    this.#agent = dispatcher === undefined ? undefined : { key, dispatcher };
    return dispatcher;
  }

  #pathOf({ path, query }: HttpCall): string {
    const search = new URLSearchParams(query).toString();
    return `${this.#basePath}${path}${search === '' ? '' : `?${search}`}`;
  }
}

function load({ kubeconfig, impersonate }: ConnectionOptions): KubeConfig {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromCluster();
  else config.loadFromFile(kubeconfig);
  if (impersonate !== undefined) {
    config.users = config.users.map((user) => Object.assign({}, user, { impersonateUser: impersonate }));
  }
  return config;
}

/** The library's maker is private in its types; a test counts connections, so that a rename is noticed. */
function overrideDispatcher(config: KubeConfig, by: (make: MakeDispatcher) => MakeDispatcher): void {
  const target = config as unknown as { createDispatcher: MakeDispatcher };
  assert(typeof target.createDispatcher === 'function', 'the client library makes its dispatchers in one place');
  const make = target.createDispatcher.bind(config);
  // Without any TLS option the library makes no agent at all; the certificate is verified either way.
  target.createDispatcher = by((cluster, tls) => make(cluster, { rejectUnauthorized: true, ...tls }));
}

async function authorize(
  config: KubeConfig,
  { method, path }: HttpCall,
): Promise<{ dispatcher: Dispatcher; headers: Record<string, string> }> {
  const context = new RequestContext(`https://server${path}`, HttpMethod[method]);
  await config.applySecurityAuthentication(context);
  const dispatcher = context.getDispatcher();
  assert(dispatcher !== undefined, 'every connection has an agent of its own');
  return { dispatcher, headers: { accept: 'application/json', ...context.getHeaders() } };
}

function textOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const value = headers['retry-after'];
  return typeof value === 'string' ? value : value?.[0];
}
