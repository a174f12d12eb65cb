export { apiKeyAuthenticator } from './api-key-authenticator.ts';
export type { ApiKeyOptions } from './api-key-authenticator.ts';
export { hmacOfSecret, mintApiKey, mintSecret, parseApiKey } from './api-key.ts';
export type { ApiKeyParts } from './api-key.ts';
export { createAuthenticator, MISPLACED_KEY_HEADERS } from './authenticator.ts';
export type { Authenticator, BearerAuthenticator } from './authenticator.ts';
export { watchCredentials } from './watch-credentials.ts';
export { KeyStore } from './key-store.ts';
export type { KeyRecord } from './key-store.ts';
