import type { Disk } from './env.ts';
import { ConfigError } from './config-error.ts';

/** Keys and tokens are short; a larger file is the wrong file. */
const SECRET_BYTES_MAX = 64 * 1024;

/**
 * A value that shows up nowhere by accident: it lives in a private field, so that `JSON.stringify`, spread,
 * `util.inspect`, `structuredClone` and string templates give no part of it. `reveal` is the only way out,
 * and easy to search for.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }
}

/**
 * Reads a secret from a file; one line break at the end is not part of it.
 * Throws `ConfigError` for a file that is missing, unreadable, empty or over 64 KiB; the message names the
 * key and the path, never the content.
 */
export async function readSecret(disk: Pick<Disk, 'readText'>, key: string, path: string): Promise<Secret> {
  let text: string;
  try {
    text = await disk.readText(path, SECRET_BYTES_MAX);
  } catch (cause) {
    throw new ConfigError([`${key}: cannot read the secret file ${path}`], { cause });
  }
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw new ConfigError([`${key}: the secret file ${path} is empty`]);
  return new Secret(value);
}
