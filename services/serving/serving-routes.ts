import type { ServingSnapshot } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import type { EngineEntry, Routing, SessionWish } from '@reticle/services/stream';
import { assert } from '@reticle/core/domain';
import { ServingView } from './serving-view.ts';

/** Routing by the snapshot in force; before the first one it knows nothing. */
export class ServingRoutes implements Routing {
  #view: ServingView | undefined;

  replace(snapshot: ServingSnapshot): void {
    this.#view = new ServingView(snapshot);
  }

  get known(): boolean {
    return this.#view !== undefined;
  }

  place(wish: SessionWish): readonly string[] {
    return this.#known.place(wish);
  }

  takesNew(engine: EngineEntry): boolean {
    return this.#known.takesNew(engine);
  }

  regionsOf(model: string): readonly string[] {
    return this.#known.regionsOf(model);
  }

  get #known(): ServingView {
    assert(this.#view !== undefined, 'nothing is asked before something is known');
    return this.#view;
  }
}
