import { isRandomId } from './ids.ts';
import { isRegion } from './region.ts';
import type { LocalChain } from './local-platform.ts';
import { ReticleError } from './reticle-error.ts';
import { planChain } from './wafer/index.ts';

/** Format of the document that every pod of a chain is given (OPERATOR §10 step 3). */
export const CHAIN_FORMAT = 'reticle.dev/chain.v1';

/** One wafer of a chain: which layers it holds, and where its pod is reached. */
export type ChainStage = {
  /** Index in the chain; 0 leads. */
  readonly stage: number;
  /** Name of the Wafer. */
  readonly wafer: string;
  readonly hardwareId: string;
  /** Of the wafer with this claim: the number that its host fences by, over whichever replicas had it (OPERATOR §3). */
  readonly waferEpoch: number;
  readonly firstLayer: number;
  readonly lastLayer: number;
  /** SHA-256 of what the stage runs, in hex (WAFER §6.5). */
  readonly programId: string;
  /** Name or address of the pod. */
  readonly host: string;
};

/** What the pods of one chain at one epoch run; made by the operator, immutable, the same file for all of them. */
export type ChainDocument = {
  readonly format: typeof CHAIN_FORMAT;
  readonly replica: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly epoch: number;
    /** 26 base32 characters, the same at every epoch. */
    readonly engineId: string;
  };
  /** Digest of the plan: what is run, by whomever. */
  readonly planDigest: string;
  readonly region: string;
  readonly chain: LocalChain;
  readonly stages: readonly ChainStage[];
  /** Tokens per second of one stream at the planned load; the warm-up probe is measured against it. */
  readonly tokensPerSecond: number;
};

/**
 * The document in a mounted file. Its chain is planned again here: a stage must never run other layers than the
 * operator placed.
 *
 * @throws ReticleError `invalid_request` for another format, for a text that is no such document, and for layers that
 *   are not those of its own model and wafers
 */
export function parseChainDocument(text: string): ChainDocument {
  const document = jsonOf(text);
  const { format } = document;
  if (format !== CHAIN_FORMAT) {
    throw invalid(`its format is ${JSON.stringify(format)}, known here is ${CHAIN_FORMAT}`);
  }
  const problem = problemOf(document as Partial<ChainDocument>);
  if (problem !== undefined) throw invalid(problem);
  return document as ChainDocument;
}

function jsonOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told like any other text that is no document.
  }
  throw invalid('it is no JSON object');
}

/** What a document must be, and what it is when it is not. */
const checks: readonly (readonly [(document: Partial<ChainDocument>) => boolean, string])[] = [
  [({ replica }) => typeof replica?.uid === 'string' && isRandomId(replica.engineId), 'it names no replica'],
  [({ replica }) => Number.isSafeInteger(replica?.epoch) && (replica?.epoch ?? 0) > 0, 'its epoch is not above 0'],
  [({ region }) => region !== undefined && isRegion(region), 'it names no region'],
  [({ tokensPerSecond = 0 }) => tokensPerSecond > 0, 'it predicts no tokens per second'],
  [({ chain, stages = [] }) => chain !== undefined && stages.length > 0, 'it holds no chain'],
];

function problemOf(document: Partial<ChainDocument>): string | undefined {
  const [, problem] = checks.find(([holds]) => !holds(document)) ?? [];
  const { chain, stages } = document;
  return problem ?? (chain === undefined || stages === undefined ? undefined : layersProblem(chain, stages));
}

function layersProblem(chain: LocalChain, stages: readonly ChainStage[]): string | undefined {
  const { geometry, profile, wafers } = chain;
  if (wafers !== stages.length) return 'its stages are not as many as its wafers';
  const planned = planChain({ geometry, profile, wafers })?.stages;
  if (planned === undefined) return 'its model does not fit its wafers';
  const fits = stages.every(({ stage, firstLayer, lastLayer }, index) => {
    const own = planned[index];
    if (own === undefined || stage !== index) return false;
    return firstLayer === own.firstLayer && lastLayer === own.firstLayer + own.layers - 1;
  });
  return fits ? undefined : 'its layers are not those that its model has on its wafers';
}

function invalid(problem: string): ReticleError {
  return new ReticleError('invalid_request', `the chain document cannot be run: ${problem}`);
}
