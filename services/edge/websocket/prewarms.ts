import { isReticleError } from '@reticle/core/domain';
import type { Caller } from '@reticle/services/stream';
import { counted } from '../openai/counted.ts';
import type { CreateResponse } from '../openai/create-response.ts';
import { responseObject } from '../openai/response-object.ts';
import type { ResponseProfile } from '../openai/response-profile.ts';
import { ResponseRecord } from '../openai/response-record.ts';
import type { Responses, ServedResponse } from '../openai/responses.ts';
import { sequenceNumber, slot } from '../openai/sequence-number.ts';

/** Inputs kept for requests that go on from a prewarm; the oldest goes first. */
const KEPT_MAX = 4;

type Prewarm = {
  readonly create: CreateResponse;
  /** Undefined: there was no room for it. */
  readonly served: ServedResponse | undefined;
};

/**
 * Prewarms of one socket: answered at once, evaluated behind the answer, never refused for capacity (§4.3). A request that
 * goes on from one whose work failed, or was never begun, carries its input itself.
 */
export class Prewarms {
  readonly #responses: Responses;
  readonly #caller: Caller;
  readonly #kept = new Map<string, Prewarm>();

  constructor(responses: Responses, caller: Caller) {
    this.#responses = responses;
    this.#caller = caller;
  }

  has(responseId: string): boolean {
    return this.#kept.has(responseId);
  }

  /**
   * The two events that answer a prewarm.
   *
   * @throws ReticleError what refuses it for another reason than capacity
   */
  async answer(create: CreateResponse): Promise<readonly string[]> {
    const served = await this.#begin(create);
    const profile = served?.profile ?? this.#responses.unstarted(this.#caller, create);
    this.#kept.set(profile.id, { create, served });
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > KEPT_MAX) this.#kept.delete(oldest);
    return [
      event(profile, { type: 'response.created', status: 'in_progress', place: slot.created }),
      event(profile, { type: 'response.completed', status: 'completed', place: slot.terminal }),
    ];
  }

  /** The request as it can be served: a parent that is a prewarm has ended by then, or is part of the request. */
  async resolved(create: CreateResponse): Promise<CreateResponse> {
    const prewarm = this.#kept.get(create.previousResponseId ?? '');
    if (prewarm === undefined) return create;
    const { served } = prewarm;
    await served?.record.whenEnded();
    if (served !== undefined && served.record.ended?.status !== 'failed') return create;
    const { previousResponseId, items } = prewarm.create;
    return this.resolved({ ...create, previousResponseId, items: [...items, ...create.items] });
  }

  async #begin(create: CreateResponse): Promise<ServedResponse | undefined> {
    try {
      return await this.#responses.create(this.#caller, await counted(await this.resolved(create)));
    } catch (error) {
      if (isReticleError(error) && error.row.retry === 'after' && error.row.http >= 429) return undefined;
      throw error;
    }
  }
}

type Told = { readonly type: string; readonly status: 'in_progress' | 'completed'; readonly place: number };

function event(profile: ResponseProfile, { type, status, place }: Told): string {
  const response = responseObject(profile, new ResponseRecord(''), status);
  return JSON.stringify({ type, sequence_number: sequenceNumber(0, place), response });
}
