import { describe, expect, test } from '@jest/globals';
import { isReticleError } from '@reticle/core/domain';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import type { ResumeClaims, ResumeTokens } from './resume-claims.ts';
import { createResumeTokens, unknownSession, type ResumeKey } from './resume-token.ts';

const key = (kid: string): ResumeKey => ({ kid, key: new Uint8Array(32).fill(kid.charCodeAt(0)) });
const WALL_MS = 1_800_000_000_000;
const claims: ResumeClaims = {
  tenant: 'acme',
  sessionId: 'abcdefghijklmnopqrstuvwxya',
  holder: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  epoch: 3,
  engineId: 'zyxwvutsrqponmlkjihgfedcbe',
  address: '10.20.30.40:51234',
  replicaEpoch: 12,
  modelDigest: `sha256:${'0123456789abcdef'.repeat(4)}`,
  tier: 'ultrafast',
  expiresMs: WALL_MS + 60_000,
  gateway: 'gateway-0/worker-3',
};

function tokensOf(
  options: { region?: string; keys?: [ResumeKey, ...ResumeKey[]]; seed?: number } = {},
): ResumeTokens & {
  clock: VirtualClock;
} {
  const clock = new VirtualClock({ wallMs: WALL_MS });
  const { region = 'eu-1', keys = [key('a')], seed = 1 } = options;
  return { ...createResumeTokens({ region, keys, clock, random: seededRandom(seed) }), clock };
}

function codeOf(open: () => unknown): string {
  try {
    open();
  } catch (error) {
    if (isReticleError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('resume token', () => {
  test.each([
    { name: 'the usual claims', change: {} },
    { name: 'a digest in another form', change: { modelDigest: 'spark-ref@1' } },
    { name: 'a digest text of 31 bytes', change: { modelDigest: 'd'.repeat(31) } },
    { name: 'a digest text of 32 bytes', change: { modelDigest: 'd'.repeat(32) } },
    { name: 'no digest', change: { modelDigest: '' } },
    { name: 'large numbers', change: { epoch: Number.MAX_SAFE_INTEGER, replicaEpoch: Number.MAX_SAFE_INTEGER } },
  ])('$name come back as they went', ({ change }) => {
    const tokens = tokensOf();
    const token = tokens.mint({ ...claims, ...change });
    expect(tokens.open(token, 'acme')).toEqual({ ...claims, ...change });
    expect(token).toMatch(/^rtr1\.eu-1\.a\.[A-Za-z0-9_-]+$/);
    expect(token.length).toBeLessThanOrEqual(400);
  });

  test('says nothing in the clear and never the same twice', () => {
    const tokens = tokensOf();
    const [one, two] = [tokens.mint(claims), tokens.mint(claims)];
    expect(one).not.toBe(two);
    const bytes = Buffer.from(one.split('.')[3] ?? '', 'base64url').toString('latin1');
    for (const secret of ['acme', claims.engineId, claims.address, claims.gateway]) expect(bytes).not.toContain(secret);
  });

  test('a flipped bit at any place is refused, for each bit', () => {
    const tokens = tokensOf();
    const token = Buffer.from(tokens.mint(claims));
    const codes = new Set<string>();
    for (let at = 0; at < token.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(token);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        codes.add(codeOf(() => tokens.open(flipped.toString('latin1'), 'acme')));
      }
    }
    expect([...codes].sort()).toEqual(['invalid_resume_token', 'residency_violation']);
  });

  test('a flipped bit under the base64 is refused', () => {
    const tokens = tokensOf();
    const [version, region, kid, sealed = ''] = tokens.mint(claims).split('.');
    const bytes = Buffer.from(sealed, 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      const token = [version, region, kid, flipped.toString('base64url')].join('.');
      expect(codeOf(() => tokens.open(token, 'acme'))).toBe('invalid_resume_token');
    }
  });

  test.each([
    {
      name: 'another tenant',
      open: (token: string, tokens: ResumeTokens) => tokens.open(token, 'acmf'),
      want: 'session_not_found',
    },
    {
      name: 'another region',
      open: (token: string) => tokensOf({ region: 'us-1' }).open(token, 'acme'),
      want: 'residency_violation',
    },
    {
      name: 'an unknown key id',
      open: (token: string) => tokensOf({ keys: [key('b')] }).open(token, 'acme'),
      want: 'invalid_resume_token',
    },
    {
      name: 'a known key id with another key',
      open: (token: string) => tokensOf({ keys: [{ kid: 'a', key: new Uint8Array(32) }] }).open(token, 'acme'),
      want: 'invalid_resume_token',
    },
    {
      name: 'a cut token',
      open: (token: string, tokens: ResumeTokens) => tokens.open(token.slice(0, -1), 'acme'),
      want: 'invalid_resume_token',
    },
    {
      name: 'spare bits in the last character',
      open: (token: string, tokens: ResumeTokens) => tokens.open(`${token}A`, 'acme'),
      want: 'invalid_resume_token',
    },
    {
      name: 'the other key id in the prefix',
      open: (token: string) => tokensOf({ keys: [key('a'), key('b')] }).open(token.replace('.a.', '.b.'), 'acme'),
      want: 'invalid_resume_token',
    },
    {
      name: 'a region that is none',
      open: (token: string, tokens: ResumeTokens) => tokens.open(token.replace('eu-1', 'EU 1'), 'acme'),
      want: 'invalid_resume_token',
    },
    {
      name: 'a token that is too long',
      open: (_: string, tokens: ResumeTokens) => tokens.open(`rtr1.us-1.a.${'A'.repeat(501)}`, 'acme'),
      want: 'invalid_resume_token',
    },
    {
      name: 'a token that is too short',
      open: (_: string, tokens: ResumeTokens) => tokens.open('rtr1.eu-1.a.AAAA', 'acme'),
      want: 'invalid_resume_token',
    },
    {
      name: 'nothing',
      open: (_: string, tokens: ResumeTokens) => tokens.open('', 'acme'),
      want: 'invalid_resume_token',
    },
  ])('$name is $want', ({ open, want }) => {
    const tokens = tokensOf();
    const token = tokens.mint(claims);
    expect(codeOf(() => open(token, tokens))).toBe(want);
  });

  test('expires at its second, and the tenant is checked before', () => {
    const tokens = tokensOf();
    const token = tokens.mint(claims);
    tokens.clock.advance(59_999);
    expect(codeOf(() => tokens.open(token, 'acme'))).toBe('accepted');
    tokens.clock.advance(1);
    expect(codeOf(() => tokens.open(token, 'acme'))).toBe('resume_expired');
    expect(codeOf(() => tokens.open(token, 'other'))).toBe('session_not_found');
  });

  test('a foreign tenant reads what an unknown session reads', () => {
    const tokens = tokensOf();
    expect(() => tokens.open(tokens.mint(claims), 'other')).toThrow(unknownSession().message);
  });

  test('another region is told where to go', () => {
    const token = tokensOf().mint(claims);
    expect(() => tokensOf({ region: 'us-1' }).open(token, 'acme')).toThrow(
      expect.objectContaining({ details: { allowed_regions: 'eu-1' } }),
    );
  });

  test('while keys rotate the old one opens and the new one mints', () => {
    const old = tokensOf({ keys: [key('a')] }).mint(claims);
    const both = tokensOf({ keys: [key('b'), key('a')], seed: 2 });
    expect(both.open(old, 'acme')).toEqual(claims);
    expect(both.mint(claims)).toMatch(/^rtr1\.eu-1\.b\./);
  });
});
