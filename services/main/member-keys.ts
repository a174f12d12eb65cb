import { homedir } from 'node:os';
import { join } from 'node:path';
import { base32, RANDOM_ID_BYTES } from '@reticle/core/domain';
import { hmacSha256 } from '@reticle/core/process';
import type { Env } from '@reticle/core/process';
import { componentNkey, NKEY_SEED_BYTES, type ComponentNkey } from '@reticle/services/bus';

const SECRET_BYTES = 32;
const SECRET_HEX = /^[0-9a-f]{64}\n$/;
const MODE = 0o600;

/** Ids and NATS keys of a platform's members, by name, all of one secret. */
export class MemberKeys {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** 26 base32 characters. */
  idOf(name: string): string {
    return base32(this.#derived('id', name).subarray(0, RANDOM_ID_BYTES));
  }

  nkeyOf(name: string): ComponentNkey {
    return componentNkey(this.#derived('nkey', name).subarray(0, NKEY_SEED_BYTES));
  }

  #derived(what: string, name: string): Uint8Array {
    return hmacSha256(this.#secret).update(`${what}\0${name}`).digest();
  }
}

/** `${XDG_STATE_HOME:-~/.local/state}/reticle` */
export function stateFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment['XDG_STATE_HOME'] || join(environment['HOME'] || homedir(), '.local', 'state');
  return join(base, 'reticle');
}

/** Keys of one run. */
export function freshKeys({ random }: Pick<Env, 'random'>): MemberKeys {
  return new MemberKeys(random.bytes(SECRET_BYTES));
}

/**
 * The same keys in every run, for a server whose users somebody has to configure; their secret lies in the state
 * folder, mode 0600. Rejects where that file cannot be read or written, or holds something else.
 */
export async function keptKeys({ disk, random }: Pick<Env, 'disk' | 'random'>, folder: string): Promise<MemberKeys> {
  const file = join(folder, 'nats.secret');
  if (!(await disk.exists(file))) {
    const secret = random.bytes(SECRET_BYTES);
    await disk.writeText(file, `${Buffer.from(secret).toString('hex')}\n`, MODE);
    return new MemberKeys(secret);
  }
  const text = await disk.readText(file, 1024);
  if (!SECRET_HEX.test(text)) throw new Error(`${file} does not hold the secret of this platform; remove it`);
  return new MemberKeys(Buffer.from(text.trim(), 'hex'));
}
