import { status } from '@grpc/grpc-js';
import { assert, isReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type { ConverseStream } from './attachment.ts';
import { Channel } from './channel.ts';
import type { Settings } from './settings.ts';

/** The gateways of one client: a channel to each, opened when it is first used. */
export class Channels {
  readonly #channels: readonly Channel[];
  readonly #addresses: readonly string[];
  #preferred = 0;

  constructor({ targets, apiKey }: Settings, clock: Clock) {
    this.#channels = targets.map((target) => new Channel(target, apiKey, clock));
    this.#addresses = targets.map(({ address }) => address);
  }

  get size(): number {
    return this.#channels.length;
  }

  /** Where the next session and the next call go: the last target that answered. */
  get preferred(): number {
    return this.#preferred;
  }

  address(target: number): string {
    return this.#addresses[target] ?? '';
  }

  converse(target: number): ConverseStream {
    return this.#at(target).converse();
  }

  /** A stream was attached there. */
  answered(target: number): void {
    this.#preferred = target;
  }

  /**
   * A unary call, by the next target when one is unavailable: at most once at each. Calls carry ids that make a
   * repeat harmless. Rejects with the last refusal.
   */
  async unary<Response>(call: (channel: Channel) => Promise<Response>): Promise<Response> {
    const first = this.#preferred;
    for (let step = 0; ; step++) {
      const target = (first + step) % this.size;
      try {
        const response = await call(this.#at(target));
        this.#preferred = target;
        return response;
      } catch (error) {
        if (step + 1 >= this.size || !isElsewhereBetter(error)) throw error;
      }
    }
  }

  close(): void {
    for (const channel of this.#channels) channel.close();
  }

  #at(target: number): Channel {
    const channel = this.#channels[target];
    assert(channel !== undefined, 'a target is one of the list');
    return channel;
  }
}

/** A refusal that is about the gateway and not about the call. A deadline is not: its time is spent. */
function isElsewhereBetter(error: unknown): boolean {
  if (!isReticleError(error)) return false;
  const { cause } = error;
  const isUnavailable =
    typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === status.UNAVAILABLE;
  return (
    isUnavailable && (error.code === 'region_lost' || (error.row.phase === 'rejected' && error.row.retry !== 'never'))
  );
}
