import type { EngineEntry } from '../engine-directory.ts';
import type { EngineLink, EngineLinks } from './engine-link.ts';
import { LinkClient, type LinkClientOptions } from './link-client.ts';

/** One link per engine (E1), kept while the process runs; an engine that moved or restarted gets a new one. */
export class LinkPool implements EngineLinks {
  readonly #options: LinkClientOptions;
  readonly #clients = new Map<string, { readonly client: LinkClient; readonly address: string }>();

  constructor(options: LinkClientOptions) {
    this.#options = options;
  }

  linkTo(engine: EngineEntry, boundMs?: number): Promise<EngineLink> {
    const held = this.#clients.get(engine.engineId);
    if (held !== undefined && held.address === engine.address) return held.client.ready(engine, boundMs);
    held?.client.close();
    const client = new LinkClient(engine, this.#options);
    this.#clients.set(engine.engineId, { client, address: engine.address });
    return client.ready(engine, boundMs);
  }

  /** Closes links to engines that are gone and to addresses that their engines have left; `addressOf` knows them. */
  prune(addressOf: (engineId: string) => string | undefined): void {
    for (const [engineId, { client, address }] of this.#clients) {
      if (addressOf(engineId) === address) continue;
      this.#clients.delete(engineId);
      client.close();
    }
  }

  close(): void {
    this.prune(() => undefined);
  }
}
