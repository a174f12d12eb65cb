import { encodeSnapshot } from '@reticle/proto/serving';
import { tenantRows } from './access-rows.ts';
import { ServingObjects, type ServingObject } from './serving-objects.ts';
import { routeRows, type RouteRows, type SnapshotOptions } from './serving-snapshot.ts';

/** A snapshot in two serialised pieces: protobuf messages one behind the other are one message. */
export type ServingContent = {
  /** Models and engines. */
  readonly routes: Buffer;
  /** The very same bytes while nothing of them has changed. */
  readonly tenants: Buffer;
};

/**
 * Makes contents from the caches. Engines change often and tenants are many, so tenants are made again only when one of
 * them, a tier or a region is another object: caches keep an object until it changes.
 */
export class ServingContents {
  #from: readonly unknown[] = [];
  #tenants = Buffer.alloc(0);

  make({ objects, cell, heads }: SnapshotOptions): ServingContent {
    const all = new ServingObjects(objects);
    const routes = routeRows(all, { cell, heads });
    const from = madeFrom(all, routes);
    if (from.length !== this.#from.length || from.some((each, index) => each !== this.#from[index])) {
      this.#from = from;
      const tenants = tenantRows(all, { cell, regions: routes.regions });
      this.#tenants = Buffer.from(encodeSnapshot({ tenants }));
    }
    return { routes: Buffer.from(encodeSnapshot(routes)), tenants: this.#tenants };
  }
}

/** Everything that tenants' rows depend on. */
function madeFrom(all: ServingObjects, { regions }: RouteRows): readonly unknown[] {
  const objects: readonly ServingObject[] = [...all.of('Tenant'), ...all.of('AccessTier')];
  return [JSON.stringify(regions), ...objects];
}

/** The content as one snapshot of this number. */
export function numbered(
  { routes, tenants }: ServingContent,
  order: { readonly term: number; readonly seq: number },
): Buffer {
  return Buffer.concat([routes, tenants, encodeSnapshot(order)]);
}
