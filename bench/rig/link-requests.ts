/** What a gateway says on a link, for a receiver that is none: sid and lane of stream n are n + 1. */
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import { base32, RANDOM_ID_BYTES } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import { BENCH_DIGEST, BENCH_INPUT_IDS, benchFlatChain } from './bench-flat.ts';

export const BENCH_REGION = 'local';

export function helloRequest(): LinkRequest__Input {
  return {
    hello: {
      protocol: 1,
      gatewayId: numberedId(0),
      incarnation: 'bench',
      region: BENCH_REGION,
      linkIndex: 0,
      linkCount: 1,
      minReplicaEpoch: 0,
      wantModelDigest: BENCH_DIGEST,
    },
  };
}

export function openRequest(stream: number): LinkRequest__Input {
  return {
    open: {
      sid: stream + 1,
      sessionId: numberedId(stream + 1),
      tenant: 'bench',
      minEpoch: 0,
      holder: new Uint8Array(8),
      kvScope: new Uint8Array(8),
      // Nobody signals here.
      signalKey: new Uint8Array(0),
      defaultCreditTokens: limits.ringTokens,
    },
  };
}

export function startRequest(
  stream: number,
  maxOutputTokens: number = benchFlatChain(1).maxOutputTokens,
): LinkRequest__Input {
  return {
    start: {
      lane: stream + 1,
      sid: stream + 1,
      clientSeq: 1,
      turnId: `turn-${stream}`,
      input: [{ tokens: { tokenIds: [...BENCH_INPUT_IDS] } }],
      params: { temperature: 1, seed: stream },
      maxOutputTokens,
      creditTokens: limits.ringTokens,
      maxDuration: { seconds: 3_600 },
    },
  };
}

/** Acknowledges offset `received[n]` of every stream and grants a whole ring past it. */
export function creditRequest(received: readonly number[]): LinkRequest__Input {
  return {
    credit: {
      lane: received.map((_, stream) => stream + 1),
      receivedThrough: [...received],
      creditTokens: received.map(() => limits.ringTokens),
    },
  };
}

/** A well-formed random id that is not random. */
function numberedId(number: number): string {
  const bytes = new Uint8Array(RANDOM_ID_BYTES);
  new DataView(bytes.buffer).setUint32(0, number);
  return base32(bytes);
}
