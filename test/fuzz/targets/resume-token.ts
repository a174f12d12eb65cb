/** What a client hands in to come back: text → claims, or a refusal; nothing that was not minted opens. */
import { isDeepStrictEqual } from 'node:util';
import { isReticleError } from '@reticle/core/domain';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { createResumeTokens, type ResumeClaims } from '@reticle/services/stream';
import { OracleBroken, type FuzzTarget } from '../target.ts';

const TENANT = 'acme';
const random = seededRandom(4);
const clock = new VirtualClock();
const keys = [
  { kid: 'k2', key: new Uint8Array(32).fill(2) },
  { kid: 'k1', key: new Uint8Array(32).fill(1) },
] as const;
const tokens = createResumeTokens({ region: 'eu-1', keys: [...keys], clock, random });
const older = createResumeTokens({ region: 'eu-1', keys: [keys[1]], clock, random });
const foreign = createResumeTokens({ region: 'us-1', keys: [keys[0]], clock, random });

const claims: ResumeClaims = {
  tenant: TENANT,
  sessionId: 'a'.repeat(26),
  holder: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  epoch: 3,
  engineId: 'b'.repeat(26),
  address: '10.0.0.1:4000',
  replicaEpoch: 2,
  modelDigest: `sha256:${'5a'.repeat(32)}`,
  tier: 'fast',
  expiresMs: clock.wallMs() + 60_000,
  gateway: 'c'.repeat(26),
};
const minted = [tokens.mint(claims), older.mint(claims)];
/** What a good token says; mint and open keep less than they are given. */
const opened = minted.map((token) => tokens.open(token, TENANT));

function run(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1');
  const got = tokens.open(text, TENANT);
  if (!opened.some((each) => isDeepStrictEqual(each, got))) throw new OracleBroken('claims that nobody minted');
  let other: ResumeClaims | undefined;
  try {
    other = tokens.open(text, 'globex');
  } catch (error) {
    if (!isReticleError(error) || error.code !== 'session_not_found')
      throw new OracleBroken('another tenant is told more');
  }
  if (other !== undefined) throw new OracleBroken('another tenant opens it');
}

export const target: FuzzTarget = {
  name: 'resume-token',
  sources: ['/services/stream/resume-token'],
  dictionary: ['rtr1.', 'eu-1.', 'us-1.', 'k1.', 'k2.', '.', '-', '_', '='].map((text) => Buffer.from(text)),
  bytesMax: 600,
  seeds: [...minted, foreign.mint(claims), 'rtr1.eu-1.k1.AAAA', 'rtr1.eu-1.k1.'].map((text) => Buffer.from(text)),
  run,
  allows: isReticleError,
};
