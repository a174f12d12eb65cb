/** Readiness of one component, in the words of the gRPC health protocol. */
export type Readiness =
  | { readonly status: 'SERVING' }
  | {
      readonly status: 'NOT_SERVING';
      /** A constant word such as `starting`, `draining`, `no_engine`. */
      readonly reason: string;
    };

/** Called with the component that changed, after the change. */
export type HealthListener = (component: string, readiness: Readiness) => void;

const SERVING: Readiness = { status: 'SERVING' };

/**
 * Readiness by component. The process is ready when every registered component is; a process without
 * components is not ready.
 */
export class Health {
  readonly #components = new Map<string, Readiness>();
  readonly #listeners = new Set<HealthListener>();

  /** Adds a component as not serving, reason `starting`, unless it is known. */
  register(component: string): void {
    if (!this.#components.has(component)) this.notServing(component, 'starting');
  }

  serving(component: string): void {
    this.#set(component, SERVING);
  }

  notServing(component: string, reason: string): void {
    this.#set(component, { status: 'NOT_SERVING', reason });
  }

  /** Every component at once, for a drain. */
  allNotServing(reason: string): void {
    for (const component of this.#components.keys()) this.notServing(component, reason);
  }

  /** Undefined for an unknown component. */
  of(component: string): Readiness | undefined {
    return this.#components.get(component);
  }

  /** The first component that does not serve decides. */
  overall(): Readiness {
    for (const readiness of this.#components.values()) if (readiness.status === 'NOT_SERVING') return readiness;
    return this.#components.size === 0 ? { status: 'NOT_SERVING', reason: 'no_components' } : SERVING;
  }

  components(): ReadonlyMap<string, Readiness> {
    return new Map(this.#components);
  }

  /** Tells changes until the returned function is called; a repeated state is not a change. */
  listen(listener: HealthListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #set(component: string, readiness: Readiness): void {
    const before = this.#components.get(component);
    if (before !== undefined && sameReadiness(before, readiness)) return;
    this.#components.set(component, readiness);
    for (const listener of this.#listeners) listener(component, readiness);
  }
}

function sameReadiness(a: Readiness, b: Readiness): boolean {
  if (a.status === 'SERVING' || b.status === 'SERVING') return a.status === b.status;
  return a.reason === b.reason;
}
