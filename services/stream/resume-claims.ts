import type { Tier } from '@reticle/core/domain';

/** What a resume token says (PROTOCOL §7); encrypted, because it holds the engine's address. */
export type ResumeClaims = {
  readonly tenant: string;
  readonly sessionId: string;
  /** 8 random bytes made when a session is opened afresh, kept over attaches. */
  readonly holder: Uint8Array;
  readonly epoch: number;
  readonly engineId: string;
  readonly address: string;
  readonly replicaEpoch: number;
  readonly modelDigest: string;
  readonly tier: Tier;
  readonly expiresMs: number;
  readonly gateway: string;
};

/** Mints and opens resume tokens; a refusal is a `ReticleError` in the check order of PROTOCOL §7. */
export interface ResumeTokens {
  mint(claims: ResumeClaims): string;
  /** Size, region, key id, decryption, tenant (as unknown session), expiry. */
  open(token: string, tenant: string): ResumeClaims;
}
