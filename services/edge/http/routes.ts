import type { IncomingMessage, ServerResponse } from 'node:http';
import { ReticleError } from '@reticle/core/domain';
import type { Caller } from '@reticle/services/stream';
import type { Revocation } from './live-answers.ts';

/** One authenticated request and its answer. */
export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly caller: Caller;
  readonly requestId: string;
  readonly revocation: Revocation;
  /** Parts of the path that the route left open, in order. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
};

/** Answers, or throws what `errorAnswerer` turns into an answer. */
export type Handler = (exchange: Exchange) => Promise<void> | void;

export type Route = {
  readonly method: 'GET' | 'POST';
  /** Raw path; `:name` stands for one segment. */
  readonly path: string;
  readonly handler: Handler;
};

export type Found = { readonly handler: Handler; readonly parts: readonly string[] };

const SEGMENT = /^[A-Za-z0-9_.-]{1,256}$/;

/**
 * Finds routes by the raw path, as it came: what a proxy or a parser would first make equal is not equal here
 * (PROMISES §7 W21).
 */
export class RouteTable {
  readonly #routes: readonly { readonly route: Route; readonly segments: readonly string[] }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/') }));
  }

  /** @throws ReticleError `unimplemented` for an unknown path; a known one with another method gives its methods */
  find(method: string, path: string): Found | { readonly allow: readonly string[] } {
    const segments = path.split('/');
    const fitting = this.#routes.flatMap(({ route, segments: wanted }) => {
      const parts = partsOf(wanted, segments);
      return parts === undefined ? [] : [{ route, parts }];
    });
    if (fitting.length === 0) throw new ReticleError('unimplemented', 'there is nothing at this path');
    const found = fitting.find(({ route }) => route.method === method);
    if (found === undefined) return { allow: fitting.map(({ route }) => route.method) };
    return { handler: found.route.handler, parts: found.parts };
  }
}

function partsOf(wanted: readonly string[], segments: readonly string[]): readonly string[] | undefined {
  if (wanted.length !== segments.length) return undefined;
  const parts: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const name = wanted[index] ?? '';
    if (name === segment) continue;
    if (!name.startsWith(':') || !SEGMENT.test(segment)) return undefined;
    parts.push(segment);
  }
  return parts;
}
