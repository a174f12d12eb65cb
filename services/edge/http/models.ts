import type { Route } from './routes.ts';

/** `GET /v1/models`: the names that have a ready engine and that the key may use (PROTOCOL §4.4). */
export function modelRoutes({ models }: { readonly models: () => readonly string[] }): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/models',
      handler: ({ response, caller }) => {
        const allowed = models().filter((model) => caller.models.length === 0 || caller.models.includes(model));
        const data = allowed.map((id) => ({ id, object: 'model', created: 0, owned_by: 'reticle' }));
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ object: 'list', data }));
      },
    },
  ];
}
