import { request } from 'node:https';
import { Readable } from 'node:stream';
import { bounded } from './bounded.ts';

export type SseEvent = {
  readonly type: string;
  readonly id: number;
  readonly data: Readonly<Record<string, unknown>>;
};

/** An OpenAI surface as an HTTP client sees it, without an SDK in between. */
export class HttpClient {
  readonly base: string;
  readonly #key: string;
  readonly #fetch: (url: string, init: RequestInit) => Promise<Response>;

  /** @param ca certificate to trust, for a base of `https://` */
  constructor(base: string, key: string, ca?: string) {
    this.base = base;
    this.#key = key;
    this.#fetch = ca === undefined ? fetch : secureFetch(ca);
  }

  post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.#send(path, { ...init, method: 'POST', body: text });
  }

  get(path: string, init: RequestInit = {}): Promise<Response> {
    return this.#send(path, init);
  }

  #send(path: string, init: RequestInit): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' };
    const given = Object.fromEntries(new Headers(init.headers));
    return bounded(
      this.#fetch(`${this.base}${path}`, { ...init, headers: { ...headers, ...given } }),
      () => `an answer of ${path}`,
    );
  }
}

/** As `fetch`, which cannot be told whom to trust. A connection for each request. */
function secureFetch(ca: string): (url: string, init: RequestInit) => Promise<Response> {
  return (url, { method = 'GET', headers, body }) =>
    new Promise((resolve, reject) => {
      const given = Object.fromEntries(new Headers(headers));
      const asked = request(url, { ca, method, headers: given, agent: false }, (answer) => {
        const fields = Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as [string, string]);
        resolve(
          new Response(Readable.toWeb(answer) as ReadableStream, { status: answer.statusCode ?? 0, headers: fields }),
        );
      });
      asked.once('error', reject);
      asked.end(body);
    });
}

/** Events of a body, as they come; ends with the body. */
export async function* sseEvents({ body }: Response): AsyncGenerator<SseEvent> {
  if (body === null) return;
  let text = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) yield parsed(block);
  }
  if (text !== '') throw new Error(`the body ends inside an event: ${text}`);
}

/** All events of a body. */
export async function allEvents(response: Response): Promise<SseEvent[]> {
  const events: SseEvent[] = [];
  for await (const event of sseEvents(response)) events.push(event);
  return events;
}

function parsed(block: string): SseEvent {
  const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  const data = JSON.parse(fields.get('data') ?? 'null') as SseEvent['data'];
  return { type: fields.get('event') ?? '', id: Number(fields.get('id')), data };
}

/** The text of an answer's first message, out of its deltas. */
export function deltaText(events: readonly SseEvent[]): string {
  return events
    .flatMap(({ type, data }) => (type === 'response.output_text.delta' ? [String(data['delta'])] : []))
    .join('');
}
