import { createHash } from 'node:crypto';
import { tiersFor, type Caller } from '@reticle/services/stream';
import { modelList, type ServedModel } from '../openai/catalog.ts';
import type { Route } from './routes.ts';

/** `GET /v1/models`: what has a ready engine and what the key may use (PROTOCOL §4.4). */
export function modelRoutes({ models }: { readonly models: () => readonly ServedModel[] }): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/models',
      handler: ({ response, caller }) => {
        const text = JSON.stringify(modelList({ models: servedTo(caller, models()), tiers: caller.tiers }));
        const etag = createHash('sha256').update(text).digest('hex');
        response.writeHead(200, { 'content-type': 'application/json', 'x-models-etag': etag }).end(text);
      },
    },
  ];
}

/** What a key may use in one of its tiers. */
export function servedTo(caller: Caller, models: readonly ServedModel[]): readonly ServedModel[] {
  return models.filter(({ name }) => tiersFor(caller, name).length > 0);
}
