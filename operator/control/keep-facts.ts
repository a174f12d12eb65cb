import { factsData, FACTS_MAP } from '@reticle/operator/api/access';
import { apiVersionOf, resources, type Kube, type KubeObject, type KubeResult } from '@reticle/operator/cluster';
import type { KnownObject, Store } from './execute/store.ts';

type Data = Readonly<Record<string, string>>;

/**
 * Keeps the ConfigMap that admission policies look regions and contracts up in (OPERATOR §18). It is read once and written
 * when it would say something else; a write that fails is tried again with the next pass.
 */
export class FactsMap {
  readonly #kube: Kube;
  readonly #namespace: string;
  /** What the map is known to say. */
  #known: Data | undefined;

  /** `namespace`: the operator's own. */
  constructor(kube: Kube, namespace: string) {
    this.#kube = kube;
    this.#namespace = namespace;
  }

  async keep(store: Store): Promise<void> {
    const wanted = dataOf(store);
    this.#known ??= await this.#read();
    if (this.#known === undefined || JSON.stringify(wanted) === JSON.stringify(this.#known)) return;
    // What is no fact any more is taken out by name.
    const gone = Object.fromEntries(Object.keys(this.#known).map((key) => [key, null]));
    const written = await this.#write({ data: { ...gone, ...wanted } }, wanted);
    this.#known = written.ok ? wanted : undefined;
  }

  /** Undefined when nothing is known; a map that is not there says nothing. */
  async #read(): Promise<Data | undefined> {
    const answer = await this.#kube.get(resources.configMap, this.#ref());
    if (!answer.ok) return answer.failure.kind === 'notFound' ? {} : undefined;
    const data = (answer.value['data'] ?? {}) as Data;
    return Object.fromEntries(Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  async #write(body: object, data: Data): Promise<KubeResult<KubeObject>> {
    const patched = await this.#kube.patch(resources.configMap, this.#ref(), { kind: 'merge', body });
    if (patched.ok || patched.failure.kind !== 'notFound') return patched;
    const { kind } = resources.configMap;
    const apiVersion = apiVersionOf(resources.configMap);
    return this.#kube.create(resources.configMap, { apiVersion, kind, metadata: this.#ref(), data });
  }

  #ref(): { readonly namespace: string; readonly name: string } {
    return { namespace: this.#namespace, name: FACTS_MAP };
  }
}

function dataOf(store: Store): Data {
  const pools = storedOf(store, 'waferPool').flatMap((stored) => (stored.kind === 'WaferPool' ? [stored.spec] : []));
  const phases = storedOf(store, 'capacityPhase').flatMap((stored) =>
    // What is retired gives its megawatts back.
    stored.kind === 'CapacityPhase' && stored.status?.state !== 'Retired' ? [stored.spec] : [],
  );
  return factsData(pools, phases);
}

function storedOf(store: Store, name: 'waferPool' | 'capacityPhase'): readonly KnownObject[] {
  return store
    .of(name)
    .values()
    .flatMap(({ stored }) => stored ?? []);
}
