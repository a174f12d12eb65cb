/** A local issuer of JSON Web Tokens: real keys, and a real server that publishes them and counts who asks. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { IssuerSpec } from '@reticle/core/domain';

type Algorithm = 'RS256' | 'ES256' | 'EdDSA';
type Key = { readonly kid: string; readonly privateKey: KeyObject; readonly publicKey: KeyObject };

/** What of a token differs from a good one; undefined takes a field away. */
export type TokenChange = {
  readonly header?: object;
  readonly payload?: object;
  /** Signs with a key that the issuer never published. */
  readonly forged?: boolean;
};

const HOUR_S = 3_600;

export class TokenIssuer implements AsyncDisposable {
  readonly algorithm: Algorithm;
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #forger: Key;
  #keys: Key[] = [];
  #count = 0;
  #signer = 0;
  readonly #looks = new Set<() => void>();
  #isDown = false;

  private constructor(algorithm: Algorithm) {
    this.algorithm = algorithm;
    this.#forger = this.#newKey();
    this.rotate();
    this.#server = createServer((request, response) => {
      this.asked.push(request.url ?? '');
      for (const look of this.#looks) look();
      if (this.#isDown) response.destroy();
      else if (request.url === '/keys') response.end(JSON.stringify({ keys: this.#keys.map(jwkOf) }));
      else response.writeHead(404).end();
    });
  }

  static async start(algorithm: Algorithm): Promise<TokenIssuer> {
    const issuer = new TokenIssuer(algorithm);
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get spec(): IssuerSpec {
    const { url, algorithm } = this;
    return { issuer: url, jwksUrl: `${url}/keys`, algorithm, audience: 'reticle', claims: { tenant: 'org' } };
  }

  /** The key that signs, as it is published. */
  get jwk(): object {
    return jwkOf(this.#signs);
  }

  /** The key that `forged` tokens are signed with. */
  get forgedJwk(): object {
    return jwkOf(this.#forger);
  }

  /** Signs with another key from here on, and publishes that one alone. */
  rotate(): void {
    this.#keys = [this.#newKey()];
    this.#signer = 0;
  }

  /** Publishes another key beside the one that signs. */
  publishNext(): void {
    this.#keys.push(this.#newKey());
  }

  /** Signs with the key that was published last. */
  useNext(): void {
    this.#signer = this.#keys.length - 1;
  }

  /** Resolves when so many requests have come. */
  untilAsked(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.asked.length < count) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
      look();
    });
  }

  /** Every connection is cut, until it is told otherwise. */
  down(isDown: boolean): void {
    this.#isDown = isDown;
  }

  /** Header and claims of a token that is accepted, for the tenant `acme`. */
  parts({ header, payload }: TokenChange = {}): { readonly header: object; readonly payload: object } {
    const nowS = Math.floor(Date.now() / 1_000);
    const claims = { iss: this.url, aud: 'reticle', sub: 'someone', nbf: nowS - 1, exp: nowS + HOUR_S, org: 'acme' };
    return {
      header: { alg: this.algorithm, typ: 'JWT', kid: this.#signs.kid, ...header },
      payload: { ...claims, ...payload },
    };
  }

  token(change: TokenChange = {}): string {
    const { header, payload } = this.parts(change);
    const { privateKey } = change.forged === true ? this.#forger : this.#signs;
    const body = `${encodedPart(header)}.${encodedPart(payload)}`;
    const hash = this.algorithm === 'EdDSA' ? null : 'sha256';
    const signature = sign(hash, Buffer.from(body), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${body}.${signature.toString('base64url')}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  get #signs(): Key {
    return this.#keys[this.#signer] as Key;
  }

  #newKey(): Key {
    this.#count += 1;
    return { kid: `key-${this.#count}`, ...pairOf(this.algorithm) };
  }
}

function pairOf(algorithm: Algorithm): Omit<Key, 'kid'> {
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2_048 });
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('ed25519');
}

function jwkOf({ kid, publicKey }: Key): object {
  return { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' };
}

/** Header or claims as they stand in a token. */
export function encodedPart(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
