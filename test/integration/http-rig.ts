/** What the tests of hostile HTTP share: both surfaces, raw requests, and the proof that the server still serves. */
import { expect } from '@jest/globals';
import { HttpClient, RawHttp, type RawAnswer, type TestPlatform } from '../kit/index.ts';

export type Refused = { readonly status: number; readonly code: string; readonly param: string | null };

/** A body of either surface with one message, and what a test puts on top. */
export const surfaces = [
  { path: '/v1/responses', body: { model: 'single', input: 'Hi', max_output_tokens: 2 } },
  {
    path: '/v1/chat/completions',
    body: { model: 'single', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2 },
  },
] as const;

export class HttpRig {
  readonly platform: TestPlatform;
  readonly client: HttpClient;
  readonly #ca: string | undefined;
  readonly #open: RawHttp[] = [];

  /** @param ca the platform's certificate, where it has one */
  constructor(platform: TestPlatform, ca?: string) {
    this.platform = platform;
    this.#ca = ca;
    this.client = new HttpClient(platform.httpOf(), platform.keyOf('acme'), ca);
  }

  get key(): string {
    return this.platform.keyOf('acme');
  }

  /** What a body is answered with, and that it is an error of the one form. */
  async refused(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Refused> {
    const response = await this.client.post(path, body, { headers });
    return errorOf(response.status, await response.text(), response.headers.get('x-request-id'));
  }

  async connect(): Promise<RawHttp> {
    const raw = await RawHttp.connect(this.platform.httpOf(), this.#ca === undefined ? {} : { ca: this.#ca });
    this.#open.push(raw);
    return raw;
  }

  /** One request as these lines and this body; its answer. */
  async raw(lines: readonly string[], body = ''): Promise<RawAnswer> {
    const raw = await this.connect();
    raw.send(head(lines) + body);
    return raw.answer();
  }

  /** A request that would be served, but for what `more` adds. */
  post(more: readonly string[], body: string): Promise<RawAnswer> {
    return this.raw(['POST /v1/responses HTTP/1.1', 'host: a', this.bearer, ...more], body);
  }

  get bearer(): string {
    return `authorization: Bearer ${this.key}`;
  }

  /** The same server serves a turn, on both surfaces. */
  async stillServes(): Promise<void> {
    for (const raw of this.#open.splice(0)) raw.destroy();
    for (const { path, body } of surfaces) {
      const response = await this.client.post(path, body);
      expect([path, response.status]).toEqual([path, 200]);
      await response.text();
    }
  }
}

export function head(lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The error of a body, which has the whole form (PROTOCOL §6.3). */
export function errorOf(status: number, text: string, requestId: string | null | undefined): Refused {
  const { error } = JSON.parse(text) as { error: Refused & Readonly<Record<string, unknown>> };
  expect(Object.keys(error)).toEqual(['type', 'code', 'message', 'param', 'request_id', 'retryable', 'retry_after_ms']);
  expect(error['request_id']).toBe(requestId);
  return { status, code: error.code, param: error.param };
}

export function refusalOf({ status, body, headers }: RawAnswer): Refused {
  return errorOf(status, body, headers.get('x-request-id'));
}
