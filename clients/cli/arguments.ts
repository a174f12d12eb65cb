import { nearestName } from '@reticle/core/domain';
import { parseArgs } from 'node:util';
import { CliError, exitCodes, usageError } from './cli-error.ts';

export type OptionTable = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

export type ParsedArguments = {
  readonly text: (name: string) => string | undefined;
  /** Every value of a flag that may be given several times. */
  readonly texts: (name: string) => readonly string[];
  readonly flag: (name: string) => boolean;
  readonly positionals: readonly string[];
};

export type ArgumentRules = {
  /** As typed: `reticle chat`. */
  readonly command: string;
  readonly options: OptionTable;
  /** Names of the positional arguments, all required. */
  readonly positionals?: readonly string[];
  /** True: more positional arguments may follow, as many as there are. */
  readonly rest?: boolean;
};

const KEY_FLAGS = /^(api-?key|key|token|secret|password)$/i;
const KEY_VALUE = /rtk_[A-Za-z0-9]/;

/** A key on a command line is readable for every user of the machine and stays in the shell's history. */
export function refuseKeys(args: readonly string[]): void {
  const flagged = args.some((arg) => KEY_FLAGS.test(/^--?([^=]+)/.exec(arg)?.[1] ?? ''));
  if (!flagged && !args.some((arg) => KEY_VALUE.test(arg))) return;
  throw new CliError('credential_in_arguments', 'an API key does not belong on the command line', {
    exitCode: exitCodes.usage,
    hint: 'Set RETICLE_API_KEY instead, or run `eval "$(reticle env)"`. Revoke the key if others could read it.',
  });
}

/** Throws a usage error that names the nearest flag. `--help` is known everywhere. */
export function parseArguments(args: readonly string[], rules: ArgumentRules): ParsedArguments {
  const options: OptionTable = { ...rules.options, help: { type: 'boolean' } };
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options: { ...options, help: { type: 'boolean', short: 'h' } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, readonly string[]>();
  const flags = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const type = Object.hasOwn(options, token.name) ? options[token.name]?.type : undefined;
    if (type === undefined) throw unknownFlag(token.rawName, token.name, rules, Object.keys(options));
    if (type === 'boolean') flags.add(token.name);
    else values.set(token.name, [...(values.get(token.name) ?? []), valueOf(token, rules)]);
  }
  if (!flags.has('help')) checkCount(positionals, rules);
  return {
    text: (name) => values.get(name)?.at(-1),
    texts: (name) => values.get(name) ?? [],
    flag: (name) => flags.has(name),
    positionals,
  };
}

function valueOf(token: { readonly rawName: string; readonly value?: unknown }, rules: ArgumentRules): string {
  if (typeof token.value === 'string' && token.value !== '') return token.value;
  throw usageError(`${token.rawName} needs a value`, helpHint(rules));
}

function unknownFlag(raw: string, name: string, rules: ArgumentRules, known: readonly string[]): CliError {
  const near = nearestName(name, known);
  const meant = near === undefined ? '' : ` (did you mean --${near}?)`;
  return usageError(`${rules.command} has no flag ${raw}${meant}`, helpHint(rules));
}

function checkCount(positionals: readonly string[], rules: ArgumentRules): void {
  const wanted = rules.positionals ?? [];
  const missing = wanted[positionals.length];
  if (missing !== undefined) throw usageError(`${rules.command} needs ${missing}`, helpHint(rules));
  if (positionals.length > wanted.length && rules.rest !== true) {
    throw usageError(`${rules.command} takes no argument "${positionals[wanted.length]}"`, helpHint(rules));
  }
}

function helpHint({ command }: ArgumentRules): string {
  return `\`${command} --help\` shows what it takes.`;
}

/** A flag's decimal number within inclusive bounds. */
export function numberFlag(
  given: ParsedArguments,
  name: string,
  bounds: { readonly min: number; readonly max: number; readonly whole: boolean },
): number | undefined {
  const text = given.text(name);
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const fits = value >= bounds.min && value <= bounds.max && (!bounds.whole || Number.isInteger(value));
  if (fits) return value;
  const form = bounds.whole ? 'a whole number' : 'a number';
  throw usageError(`--${name} is ${form} from ${bounds.min} to ${bounds.max}`, 'Correct the flag.');
}
