/**
 * Keeps the caches of the store current. What belongs to no namespace is read in the whole cluster; deployments and their
 * chains in the namespaces of engines alone, so that the operator needs no right to read anybody else's pods (OPERATOR
 * §18). A namespace comes and goes with its label:
 *
 *     (label) ─▶ asking ─▶ read        the operator's role is there
 *                  ▲ └───▶ refused     it is not: said once, asked again later; the others go on
 *                  └─────────┘
 *
 * Invariant: `fresh` is true only while every cache of the cluster and of every namespace that is read is current, and no
 * namespace is being asked for.
 */
import { ENGINES_LABEL } from '@reticle/operator/api/access';
import { Cache, Reflector, resources, type ReflectorOptions } from '@reticle/operator/cluster';
import type { Store } from '../execute/store.ts';

/** Where engines may run: every namespace, or those with the label `reticle.dev/engines: enabled`. */
export type EngineNamespaces = 'all' | 'labelled';

export type ReadingOptions = Omit<ReflectorOptions, 'cache' | 'namespace' | 'labelSelector' | 'onFreshness'> & {
  readonly store: Store;
  readonly engineNamespaces: EngineNamespaces;
  /** Something became current, or stopped being so. */
  readonly onChange: () => void;
};

type Reach =
  | { readonly kind: 'asking' }
  | { readonly kind: 'read'; readonly reflectors: readonly Reflector[] }
  | { readonly kind: 'refused'; readonly cancel: () => void };

/** A role may follow its namespace at some distance. */
const ASK_AGAIN_MS = 10_000;

export class Reading {
  readonly #options: ReadingOptions;
  readonly #everywhere: readonly Reflector[];
  readonly #namespaces = new Map<string, Reach>();
  #running = false;

  constructor(options: ReadingOptions) {
    this.#options = options;
    const { store, engineNamespaces } = options;
    const own = store.all().filter(({ resource }) => engineNamespaces === 'all' || !resource.namespaced);
    const reflectors = own.map((cache) => this.#reflector({ cache }));
    this.#everywhere = engineNamespaces === 'all' ? reflectors : [...reflectors, this.#labelled()];
  }

  get fresh(): boolean {
    return this.#everywhere.every(({ fresh }) => fresh) && [...this.#namespaces.values()].every(isFresh);
  }

  start(): void {
    this.#running = true;
    for (const reflector of this.#everywhere) reflector.start();
    for (const namespace of this.#namespaces.keys()) void this.#ask(namespace);
  }

  stop(): void {
    this.#running = false;
    for (const reflector of this.#everywhere) reflector.stop();
    for (const [namespace, reach] of this.#namespaces) {
      end(reach);
      this.#namespaces.set(namespace, { kind: 'asking' });
    }
  }

  #labelled(): Reflector {
    const cache = new Cache<string>({ resource: resources.namespace, read: ({ metadata }) => metadata.name });
    cache.onChange(({ kind, value }) => {
      if (kind === 'added') void this.#ask(value);
      if (kind === 'removed') this.#close(value);
    });
    return this.#reflector({ cache, labelSelector: `${ENGINES_LABEL}=enabled` });
  }

  /** A right that is missing in one namespace must not hold up all others, as a cache that never fills would. */
  async #ask(namespace: string): Promise<void> {
    const asking: Reach = { kind: 'asking' };
    this.#namespaces.set(namespace, asking);
    const { kube, clock, log, onChange } = this.#options;
    const asked = this.#namespaced().map(({ resource }) => kube.list(resource, { namespace, limit: 1 }));
    const answers = await Promise.all(asked);
    if (!this.#running || this.#namespaces.get(namespace) !== asking) return;
    if (answers.some((answer) => !answer.ok && answer.failure.kind === 'forbidden')) {
      log.warn('a namespace of engines cannot be read: the operator has no role there', { object: namespace });
      const cancel = clock.after(ASK_AGAIN_MS, () => void this.#ask(namespace));
      this.#namespaces.set(namespace, { kind: 'refused', cancel });
    } else {
      const reflectors = this.#namespaced().map((cache) => this.#reflector({ cache, namespace }));
      this.#namespaces.set(namespace, { kind: 'read', reflectors });
      for (const reflector of reflectors) reflector.start();
    }
    onChange();
  }

  #close(namespace: string): void {
    const reach = this.#namespaces.get(namespace);
    this.#namespaces.delete(namespace);
    if (reach !== undefined) end(reach);
    if (reach?.kind === 'read') for (const cache of this.#namespaced()) cache.dropScope(namespace);
    this.#options.onChange();
  }

  #namespaced(): ReturnType<Store['all']> {
    return this.#options.store.all().filter(({ resource }) => resource.namespaced);
  }

  #reflector(of: Pick<ReflectorOptions, 'cache' | 'namespace' | 'labelSelector'>): Reflector {
    const { kube, clock, random, log, onChange } = this.#options;
    return new Reflector({ kube, clock, random, log, onFreshness: onChange, ...of });
  }
}

function isFresh(reach: Reach): boolean {
  if (reach.kind === 'read') return reach.reflectors.every(({ fresh }) => fresh);
  return reach.kind === 'refused';
}

function end(reach: Reach): void {
  if (reach.kind === 'read') for (const reflector of reach.reflectors) reflector.stop();
  if (reach.kind === 'refused') reach.cancel();
}
