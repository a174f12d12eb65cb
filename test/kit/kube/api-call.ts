/** Requests that the operator's own client has no need of: other verbs, subresources, and other people's names. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { ApiServer } from './api-server.ts';

export type ApiCall = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly body?: object;
  /** Acts as this user; absent: as the administrator. */
  readonly as?: string;
};

export type ApiAnswer = {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> & { readonly message?: unknown };
};
export type CallApi = (call: ApiCall) => Promise<ApiAnswer>;

const CALL_MS_MAX = 30_000;

type Config = {
  readonly clusters: readonly [{ readonly cluster: { server: string; 'certificate-authority-data': string } }];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
};

/** Calls of the administrator of a test cluster, as anybody. A patch is a merge patch. */
export function apiCalls({ kubeconfig }: Pick<ApiServer, 'kubeconfig'>): CallApi {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Config;
  const { server, 'certificate-authority-data': authority } = clusters[0].cluster;
  const agent = new Agent({ keepAlive: false, ca: Buffer.from(authority, 'base64') });
  return ({ method = 'GET', path, body, as }) => {
    const headers = {
      authorization: `Bearer ${users[0].user.token}`,
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      ...(as === undefined ? {} : { 'impersonate-user': as }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(`${server}${path}`, { method, agent, headers, timeout: CALL_MS_MAX }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({
            status: answer.statusCode ?? 0,
            body: text.startsWith('{') ? JSON.parse(text) : { message: text },
          });
        });
      });
      sent.on('error', reject);
      sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  };
}

/** The server's words of an answer. */
export function messageOf({ body }: ApiAnswer): string {
  const { message } = body;
  return typeof message === 'string' ? message : '';
}
