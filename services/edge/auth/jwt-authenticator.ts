import { assert, ReticleError, type IssuerSpec, type TenantAccess, type Tier } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type { Caller, TokenFacts } from '@reticle/services/stream';
import type { BearerAuthenticator } from './authenticator.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { keepsRights } from './rights.ts';
import { fieldOf, hasTokenForm, isSigned, parseToken, type SignedToken } from './signed-token.ts';
import { servedElsewhere, type TenantStore } from './tenant-store.ts';
import { readClaims, type TokenClaims } from './token-claims.ts';

export type Issuer = { readonly spec: IssuerSpec; readonly keys: IssuerKeys };

export type JwtOptions = {
  readonly issuers: readonly Issuer[];
  readonly tenants: TenantStore;
  readonly clock: Clock;
};

type Judged = { readonly token: SignedToken; readonly issuer: Issuer; readonly claims: TokenClaims };

/**
 * Bearers that have the form of a JWT, of configured issuers and for known tenants (PROMISES §5.1, RFC 8725). Every
 * check that needs no key comes before the look for one, so that a token that could never be true makes nobody read keys.
 */
export function jwtAuthenticator({ issuers, tenants, clock }: JwtOptions): BearerAuthenticator {
  const byName = new Map(issuers.map((issuer) => [issuer.spec.issuer, issuer] as const));
  assert(byName.size === issuers.length, 'an issuer stands once');
  /** All of a token but its signature and its tenant; undefined when that is wrong already. */
  const judge = (bearer: string): Judged | undefined => {
    const token = parseToken(bearer);
    const name = token === undefined ? undefined : fieldOf(token.payload, 'iss');
    const issuer = typeof name === 'string' ? byName.get(name) : undefined;
    if (token === undefined || issuer === undefined) return undefined;
    const claims = readClaims(token, issuer.spec, clock.wallMs());
    return claims && { token, issuer, claims };
  };
  return {
    recognises: hasTokenForm,
    prepare(bearer) {
      const judged = judge(bearer);
      return judged?.issuer.keys.wait(judged.claims.kid);
    },
    authenticate(bearer) {
      const judged = judge(bearer);
      if (judged === undefined) return undefined;
      const { token, claims } = judged;
      const { spec, keys } = judged.issuer;
      const found = keys.find(claims.kid);
      if (found === undefined || !isSigned(token, spec.algorithm, found.key)) return undefined;
      return callerOf(claims, tenants.find(claims.tenant), {
        issuer: spec.issuer,
        kid: claims.kid,
        keyPrint: found.print,
        expiresMs: claims.expiresMs,
      });
    },
    check(caller) {
      const { token } = caller;
      assert(token !== undefined, 'a caller is checked by who authenticated it');
      const keys = byName.get(token.issuer)?.keys;
      const tenant = tenants.find(caller.tenant);
      const isTrue = clock.wallMs() < token.expiresMs && keys?.holds(token.kid, token.keyPrint) === true;
      if (!isTrue || tenant?.suspended !== false || !keepsRights(caller, tenant)) throw revoked();
    },
    owns: ({ token }) => token !== undefined && byName.has(token.issuer),
    listen(listener) {
      const stops = [tenants.listen(listener), ...issuers.map(({ keys }) => keys.listen(listener))];
      return () => stops.forEach((stop) => stop());
    },
  };
}

/** @throws ReticleError for a tenant that may not come in, or not here */
function callerOf(claims: TokenClaims, tenant: TenantAccess | undefined, token: TokenFacts): Caller | undefined {
  if (tenant === undefined) return undefined;
  if (tenant.suspended) throw revoked();
  if (tenant.elsewhere !== undefined) throw servedElsewhere(tenant.elsewhere, tenant.regions);
  const allowed = tiersOf(claims, tenant);
  const [defaultTier] = allowed;
  if (defaultTier === undefined) return undefined;
  const { tierModels } = tenant;
  return {
    tenant: claims.tenant,
    keyId: claims.keyId,
    models: claims.models,
    tiers: allowed,
    defaultTier,
    ...(tierModels === undefined ? {} : { tierModels }),
    token,
  };
}

function tiersOf(claims: TokenClaims, tenant: TenantAccess): readonly Tier[] {
  return claims.tiers === undefined ? tenant.tiers : claims.tiers.filter((tier) => tenant.tiers.includes(tier));
}

function revoked(): ReticleError {
  return new ReticleError('key_revoked', 'the credential was revoked or has expired');
}
