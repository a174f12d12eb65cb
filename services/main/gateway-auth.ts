import type { GatewayAccess } from '@reticle/core/domain';
import type { Env, Logger } from '@reticle/core/process';
import {
  apiKeyAuthenticator,
  createAuthenticator,
  IssuerKeys,
  jwtAuthenticator,
  KeyStore,
  TenantStore,
  type Authenticator,
} from '@reticle/services/edge/auth';
import type { HttpEdgeOptions } from '@reticle/services/edge/http';
import type { GatewayConfig } from './messages.ts';

/** Who may come in at one gateway. */
export type GatewayAuth = {
  readonly auth: Authenticator;
  /** What of the configuration concerns sockets. */
  readonly sockets: Pick<HttpEdgeOptions, 'allowedOrigins' | 'socketsPerKeyMax' | 'partialOnInterrupt'>;
  /** Puts other keys and tenants in force at once, for running streams too. */
  replace(access: GatewayAccess): void;
  /** As {@link replace}, and leaves what tenants choose as it is. */
  replaceRecords(access: Pick<GatewayAccess, 'keys' | 'tenants'>): void;
  close(): void;
};

type Given = Pick<GatewayConfig, 'keys' | 'access' | 'door' | 'pepper'>;

/** Reads the keys of every issuer once, in bounded time: one that is out of reach keeps nobody else out. */
export async function startAuth(
  { keys: records, access, door, pepper }: Given,
  { env: { clock, net }, logger: log }: { readonly env: Env; readonly logger: Logger },
): Promise<GatewayAuth> {
  const keys = new KeyStore(records);
  const tenants = new TenantStore(access?.tenants);
  let keepsPartial = new Set(access?.keepsPartial);
  const { issuers: specs = [], allowedOrigins = [], socketsPerKeyMax } = door ?? {};
  const issuers = specs.map((spec) => ({ spec, keys: new IssuerKeys({ spec, net, clock, log }) }));
  const kinds = [apiKeyAuthenticator({ keys, pepper, clock }), jwtAuthenticator({ issuers, tenants, clock })];
  await Promise.all(issuers.map((issuer) => issuer.keys.start()));
  const replaceRecords: GatewayAuth['replaceRecords'] = (next) => {
    tenants.replace(next.tenants);
    keys.replace(next.keys);
  };
  return {
    auth: createAuthenticator(kinds),
    sockets: {
      allowedOrigins,
      ...(socketsPerKeyMax === undefined ? {} : { socketsPerKeyMax }),
      partialOnInterrupt: ({ tenant }) => (keepsPartial.has(tenant) ? 'keep' : 'discard'),
    },
    replace(next) {
      keepsPartial = new Set(next.keepsPartial);
      replaceRecords(next);
    },
    replaceRecords,
    close: () => issuers.forEach((issuer) => issuer.keys.stop()),
  };
}
