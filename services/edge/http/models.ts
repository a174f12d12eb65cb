import { createHash } from 'node:crypto';
import { tiersFor } from '@reticle/services/stream';
import { modelList, type ServedModel } from '../openai/catalog.ts';
import type { Route } from './routes.ts';

/** `GET /v1/models`: what has a ready engine and what the key may use (PROTOCOL §4.4). */
export function modelRoutes({ models }: { readonly models: () => readonly ServedModel[] }): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/models',
      handler: ({ response, caller }) => {
        const mayUse = ({ name }: ServedModel): boolean => tiersFor(caller, name).length > 0;
        const text = JSON.stringify(modelList({ models: models().filter(mayUse), tiers: caller.tiers }));
        const etag = createHash('sha256').update(text).digest('hex');
        response.writeHead(200, { 'content-type': 'application/json', 'x-models-etag': etag }).end(text);
      },
    },
  ];
}
