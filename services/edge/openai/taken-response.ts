/** Responses that another gateway of the cell served, or serves now (PROTOCOL §4.1a, §7). */
import { ReticleError } from '@reticle/core/domain';
import type { CreateResponse } from './create-response.ts';
import type { ResponseRecord } from './response-record.ts';

/** What a client that comes back has of a response. */
export type Have = {
  /** Exclusive end of the tokens. */
  readonly offset: number;
  /** A token of the session: it names the engine, which is looked for without it. */
  readonly resumeToken?: string | undefined;
};

export function unknownResponse(param?: string): ReticleError {
  return new ReticleError('turn_not_found', 'no response has this id', param === undefined ? {} : { param });
}

/** What is told of a request that another gateway took: nothing of it but its model is known here (§4.1a). */
export const UNKNOWN_REQUEST: CreateResponse = {
  model: '',
  items: [],
  previousResponseId: undefined,
  cacheKey: '',
  params: { stop: [] },
  maxOutputTokens: undefined,
  tier: undefined,
  stream: true,
  background: false,
  generate: true,
  echo: {
    maxOutputTokens: undefined,
    temperature: undefined,
    topP: undefined,
    parallelToolCalls: true,
    metadata: {},
    text: undefined,
    reasoning: undefined,
    toolChoice: undefined,
    tools: [],
    instructions: undefined,
    ignored: [],
  },
};

/** Another gateway has taken the session over: what is held here ended before its turn did. */
export function hasMoved({ record }: { readonly record: ResponseRecord }): boolean {
  return record.ended?.error?.code === 'epoch_stale';
}

/** A session that is gone is an unknown response to its client. */
export function refusedTakeover({ ended }: ResponseRecord): ReticleError {
  const { code = 'turn_not_found', message = '' } = ended?.error ?? {};
  return code === 'turn_not_found' ? unknownResponse() : new ReticleError(code, message);
}
