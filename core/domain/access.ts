/** Who may come in, as configuration says it: plain values, validated before they get here. */
import type { Tier } from './tier.ts';

/** Signature algorithms that an issuer may be pinned to: asymmetric ones alone (PROMISES §5.1, RFC 8725 §3.1). */
export const jwtAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type JwtAlgorithm = (typeof jwtAlgorithms)[number];

/** Where signing keys may be read: HTTPS, or HTTP on this machine; no user, no fragment. */
export const JWKS_URL =
  /^(https:\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])|http:\/\/(127\.0\.0\.1|localhost|\[::1\]))(:\d{1,5})?(\/[!"$-~]*)?$/;

/** One JWT issuer (PROTOCOL §4.1a "JWT issuers are gateway configuration"). */
export type IssuerSpec = {
  /** Equal to the `iss` of its tokens, character by character. */
  readonly issuer: string;
  /** Matches {@link JWKS_URL}. */
  readonly jwksUrl: string;
  readonly algorithm: JwtAlgorithm;
  /** One of the `aud` of its tokens. */
  readonly audience: string;
  /** Names of top-level claims. */
  readonly claims: {
    readonly tenant: string;
    /** Absent: every tier of the tenant. */
    readonly tiers?: string;
    /** Absent: every model. */
    readonly models?: string;
  };
};

/** What a tenant may use at this gateway. */
export type TenantAccess = {
  readonly name: string;
  readonly suspended: boolean;
  /** What it may use here; empty with a reason in `elsewhere`. */
  readonly tiers: readonly Tier[];
  readonly tierModels?: TierModels;
  /** Why no tier is left in this region. */
  readonly elsewhere?: Elsewhere;
  /** Regions that serve it; absent: not known here. */
  readonly regions?: readonly string[];
};

/** One API key as plain values, as they come from a file or over IPC. */
export type KeyRecord = {
  /** The eight characters of the key. */
  readonly id: string;
  /** HMACs of its active secrets, lower-case hex; two while a secret is rotated. */
  readonly hmacs: readonly string[];
  readonly tenant: string;
  /** Empty means all. */
  readonly models: readonly string[];
  /** Empty with a reason in `elsewhere`. */
  readonly tiers: readonly Tier[];
  readonly tierModels?: TierModels;
  /** One of `tiers`. */
  readonly defaultTier: Tier;
  /** Why no tier is left in this region. */
  readonly elsewhere?: Elsewhere;
  /** Regions that serve its tenant; absent: not known here. */
  readonly regions?: readonly string[];
  /** Unix milliseconds; absent: no end. */
  readonly notAfterMs?: number;
  readonly revoked?: boolean;
};

/** Why another cell serves a tenant or a key. */
export type Elsewhere = 'region_unavailable' | 'residency_violation';

/** Who may come in at a gateway, and what is theirs to choose; replaced as a whole while it runs. */
export type GatewayAccess = {
  readonly keys: readonly KeyRecord[];
  readonly tenants: readonly TenantAccess[];
  /** Tenants whose interrupted messages are kept (PROTOCOL §5.3). */
  readonly keepsPartial: readonly string[];
};

/** What a gateway is told once, at its start. */
export type GatewayDoor = {
  readonly issuers: readonly IssuerSpec[];
  /** Origins of pages that may connect beside the server's own, `scheme://host[:port]`. */
  readonly allowedOrigins: readonly string[];
  /** WebSockets of one key at a time at one gateway worker; absent: the gateway's own limit. */
  readonly socketsPerKeyMax?: number;
};

/** Who may come in at a local platform, beside the key that it makes for itself. */
export type LocalAccess = GatewayAccess & {
  readonly door: GatewayDoor;
  /** What the HMACs of `keys` were made with. */
  readonly pepper?: string;
};

/** Certificate and private key of the HTTP server, each as PEM (PROTOCOL §4.1a). */
export type TlsPair = {
  /** The server's own, then those of its issuers. */
  readonly certificate: string;
  readonly key: string;
};

/** Models of a tier; a tier that is absent serves every model. */
export type TierModels = Readonly<Partial<Record<Tier, readonly string[]>>>;
