import type { ParsedArguments } from '../arguments.ts';
import { usageError } from '../cli-error.ts';

/** The flag of commands that can answer machines. */
export const outputFlags = { output: { type: 'string' } } as const;

/** `-o json`, as kubectl has it, in the form that `parseArguments` reads. */
export function longOutput(args: readonly string[]): readonly string[] {
  return args.map((arg) => (arg === '-o' ? '--output' : arg.replace(/^-o=?(?=json$|text$)/, '--output=')));
}

/** True for `-o json`. */
export function wantsJson(given: ParsedArguments): boolean {
  const output = given.text('output') ?? 'text';
  if (output === 'json' || output === 'text') return output === 'json';
  throw usageError(`-o is json or text, not "${output}"`, 'Leave it out for text.');
}
