import type { Clock } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { resources, type Kube } from '@reticle/operator/cluster';
import type { ServingSnapshot } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import { encodeSnapshot, packSnapshot } from '@reticle/proto/serving';
import { cellField, TERM_FIELD, type ServingRef } from './serving-term.ts';

export type ServingKeeperOptions = {
  readonly kube: Pick<Kube, 'patch'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ref: ServingRef;
  readonly cell: string;
  readonly term: number;
  /** How many cells share the ConfigMap; default 1. */
  readonly cells?: number;
  /** Of the ConfigMap. Default 900 KiB: an object of the API server is at most 1 MiB, with its metadata. */
  readonly charactersMax?: number;
};

const WRITE_MS = 10_000;
const CHARACTERS_MAX = 900 * 1024;

type Waiting = { readonly bytes: Uint8Array; readonly snapshot: ServingSnapshot };

/**
 * Keeps a cell's snapshot in the ConfigMap `reticle-serving`, the boot copy that gateways mount (OPERATOR §16): the newest
 * one, at most one write in ten seconds. Above the size of an object it holds routes without tenants. A write is void
 * once another leadership has raised the term; then nothing more is written.
 */
export class ServingKeeper {
  readonly #options: ServingKeeperOptions;
  #waiting: Waiting | undefined;
  #busy = false;
  #over = false;
  #writtenMs = -Infinity;
  #cancel = (): void => {};

  constructor(options: ServingKeeperOptions) {
    this.#options = options;
  }

  offer(bytes: Uint8Array, snapshot: ServingSnapshot): void {
    this.#waiting = { bytes, snapshot };
    this.#arm();
  }

  stop(): void {
    this.#over = true;
    this.#cancel();
  }

  #arm(): void {
    if (this.#busy || this.#over) return;
    this.#cancel();
    const { clock } = this.#options;
    const inMs = Math.max(0, this.#writtenMs + WRITE_MS - clock.nowMs());
    this.#cancel = clock.after(inMs, () => void this.#write());
  }

  async #write(): Promise<void> {
    const waiting = this.#waiting;
    const text = waiting === undefined ? undefined : this.#packed(waiting);
    this.#waiting = undefined;
    if (text === undefined) return;
    this.#busy = true;
    const { kube, clock, log, ref, cell, term } = this.#options;
    this.#writtenMs = clock.nowMs();
    const answer = await kube.patch(resources.configMap, ref, {
      kind: 'json',
      steps: [
        { op: 'test', path: `/data/${TERM_FIELD}`, value: String(term) },
        { op: 'add', path: `/data/${cellField(cell)}`, value: text },
      ],
    });
    this.#busy = false;
    if (!answer.ok) {
      const { kind, status } = answer.failure;
      log.warn('the boot copy of the serving snapshot was not written', { reason: kind, status });
      // Another leadership's number is there: this one is over, and its lease will say so.
      if (kind === 'invalid' || kind === 'notLeader') this.#over = true;
      else this.#waiting ??= waiting;
    }
    if (this.#waiting !== undefined) this.#arm();
  }

  #packed({ bytes, snapshot }: Waiting): string | undefined {
    const { log, cells = 1, charactersMax: shared = CHARACTERS_MAX } = this.#options;
    const charactersMax = Math.floor(shared / cells);
    const whole = packSnapshot(bytes);
    if (whole.length <= charactersMax) return whole;
    const routes = packSnapshot(encodeSnapshot({ ...snapshot, tenants: [], withoutTenants: true }));
    if (routes.length <= charactersMax) return routes;
    log.error('the serving snapshot is too large for its boot copy', { bytes: bytes.length });
    return undefined;
  }
}
