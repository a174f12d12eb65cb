import type { Disk } from './env.ts';
import { ConfigError } from './config-error.ts';
import type { Parser } from './config-parsers.ts';

/** A configuration file is a page of keys; a larger one is the wrong file (PROMISES C3). */
const FILE_BYTES_MAX = 256 * 1024;

export type RawValue = { readonly text: string; readonly source: 'environment' | 'file' };

/** Raw values by key, the environment's before the file's, and what was wrong with the file. */
export type RawConfig = { readonly values: ReadonlyMap<string, RawValue>; readonly problems: readonly string[] };

/** One row of a key table; the table is also the source of the reference page. */
export type ConfigKey<T> = {
  /** Name in the environment and in the file, such as `RETICLE_GATEWAY_LISTEN`. */
  readonly name: string;
  readonly parser: Parser<T>;
  /** Value when the key is absent. Without one the key is required. */
  readonly fallback?: { readonly value: T };
  /** One line for the reference page. */
  readonly purpose: string;
};

export type ConfigTable = Readonly<Record<string, ConfigKey<unknown>>>;

/** The frozen object that a table describes. */
export type ConfigOf<Table extends ConfigTable> = {
  readonly [Field in keyof Table]: Table[Field] extends ConfigKey<infer T> ? T : never;
};

/** A required key. */
export function required<T>(name: string, parser: Parser<T>, purpose: string): ConfigKey<T> {
  return { name, parser, purpose };
}

/** A key with a default. */
export function defaulted<T>(name: string, parser: Parser<T>, value: T, purpose: string): ConfigKey<T> {
  return { name, parser, purpose, fallback: { value } };
}

/** A key that may be absent. */
export function optional<T>(name: string, parser: Parser<T>, purpose: string): ConfigKey<T | undefined> {
  return { name, parser, purpose, fallback: { value: undefined } };
}

/** A copy of the process's environment: the only place that reads it. */
export function environment(): Readonly<Record<string, string>> {
  // oxlint-disable-next-line node/no-process-env -- the one reader; everything else takes parsed values.
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.freeze(Object.fromEntries(entries));
}

export type RawConfigOptions = {
  readonly environment: Readonly<Record<string, string>>;
  /** A JSON object of keys, same names as in the environment, values string, number or boolean. */
  readonly filePath?: string | undefined;
  readonly disk: Disk;
};

/**
 * Reads environment and file. Never throws for what they hold: problems travel to `parseConfig`, which reports
 * them with its own.
 */
export async function readRawConfig(options: RawConfigOptions): Promise<RawConfig> {
  const values = new Map<string, RawValue>();
  const problems: string[] = [];
  if (options.filePath !== undefined) {
    const document = await readDocument(options.disk, options.filePath);
    if (typeof document === 'string') problems.push(document);
    else addFileValues(document, values, problems);
  }
  // An empty variable is an absent one: shells and charts cannot always unset.
  for (const [key, text] of Object.entries(options.environment)) {
    if (text !== '') values.set(key, { text, source: 'environment' });
  }
  return { values, problems };
}

/** The file's object, or the problem with it. */
async function readDocument(disk: Disk, path: string): Promise<object | string> {
  let document: unknown;
  try {
    document = JSON.parse(await disk.readText(path, FILE_BYTES_MAX));
  } catch (error) {
    // By name: errors of Node's own decoders and of another realm are no instances of this realm's classes.
    const name = (error as Error).name;
    if (name === 'RangeError') return `configuration file ${path} is larger than ${FILE_BYTES_MAX} bytes`;
    const badText = name === 'SyntaxError' || name === 'TypeError';
    return `configuration file ${path} ${badText ? 'is not JSON in UTF-8' : 'cannot be read'}`;
  }
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
  return isObject ? (document as object) : `configuration file ${path} is not a JSON object`;
}

function addFileValues(document: object, values: Map<string, RawValue>, problems: string[]): void {
  for (const [key, value] of Object.entries(document) as [string, unknown][]) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      values.set(key, { text: String(value), source: 'file' });
    } else problems.push(`${key} (file): expected a string, number or boolean`);
  }
}

export type ParseConfigOptions<Config> = {
  /** Checks between fields, run when every field is fine; each returned line is a problem. */
  readonly check?: (config: Config) => readonly string[];
};

/**
 * The frozen configuration that `table` describes. Throws one `ConfigError` that lists every missing key,
 * every value a parser refuses and every key of the file that the table does not know.
 */
export function parseConfig<Table extends ConfigTable>(
  table: Table,
  raw: RawConfig,
  options: ParseConfigOptions<ConfigOf<Table>> = {},
): ConfigOf<Table> {
  const fields: Record<string, unknown> = {};
  const problems = [...raw.problems, ...unknownKeys(table, raw)];
  for (const [field, key] of Object.entries(table)) {
    const given = raw.values.get(key.name);
    if (given !== undefined) {
      const parsed = key.parser.parse(given.text);
      if ('problem' in parsed) problems.push(`${key.name} (${given.source}): ${parsed.problem}`);
      else fields[field] = parsed.value;
    } else if (key.fallback !== undefined) fields[field] = key.fallback.value;
    else problems.push(`${key.name}: missing; expected ${key.parser.form}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  // The loop above has set every field of the table to a value of its parser or its fallback.
  const config = Object.freeze(fields) as ConfigOf<Table>;
  const crossed = options.check?.(config) ?? [];
  if (crossed.length > 0) throw new ConfigError(crossed);
  return config;
}

/** Only the file is held to the table: the environment also carries other programs' variables. */
function unknownKeys(table: ConfigTable, raw: RawConfig): string[] {
  const known = new Set(Object.values(table).map((key) => key.name));
  const unknown: string[] = [];
  for (const [key, { source }] of raw.values) {
    if (source === 'file' && !known.has(key)) unknown.push(`${key}: unknown key in the configuration file`);
  }
  return unknown;
}
