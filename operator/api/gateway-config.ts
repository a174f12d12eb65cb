import { JWKS_URL, jwtAlgorithms } from '@reticle/core/domain';
import { labelName } from './names.ts';
import { enumOf, int, listMap, obj, opt, set, str, withDefault, type Infer } from './schema.ts';

const visible = () => str({ maxLength: 512, pattern: '^[!-~]+$', hint: 'visible characters without spaces' });

const issuer = obj({
  issuer: visible(),
  jwksUrl: str({ maxLength: 1_024, pattern: JWKS_URL.source, hint: 'https://HOST/PATH, or http:// on this machine' }),
  algorithm: enumOf(jwtAlgorithms),
  audience: visible(),
  claims: obj({ tenant: str(), tiers: opt(str()), models: opt(str()) }),
});

/** What a tenant chooses; a tenant without an entry has the defaults of PROTOCOL. */
const tenantPolicy = obj({ tenant: labelName(), partialOnInterrupt: enumOf(['keep', 'discard']) });

/**
 * Configuration of a gateway's door: a file of its own and no kind, since it names secrets and addresses of one
 * installation (PROTOCOL §4.1a).
 */
export const gatewayConfigSchema = obj({
  /** Path of the secret that the keys' HMACs were made with, from the folder of this file. */
  pepperFile: opt(str({ maxLength: 4_096 })),
  /** Certificate and private key of the OpenAI surfaces, PEM, as paths from that folder; absent: plain HTTP. */
  tls: opt(obj({ certFile: str({ maxLength: 4_096 }), keyFile: str({ maxLength: 4_096 }) })),
  issuers: withDefault(listMap(issuer, 'issuer', { maxItems: 32 }), []),
  allowedOrigins: withDefault(
    set(str({ pattern: '^https?://[a-z0-9.:\\[\\]-]+$', hint: 'scheme://host[:port], lower case, no path' }), {
      maxItems: 64,
    }),
    [],
  ),
  socketsPerKeyMax: opt(int(1, 100_000)),
  tenantPolicies: withDefault(listMap(tenantPolicy, 'tenant', { maxItems: 1_024 }), []),
});
export type GatewayConfigFile = Infer<typeof gatewayConfigSchema>;
