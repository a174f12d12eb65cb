/** Flags of the commands in this folder: a help text, one clear line and status 2 for what is not understood. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

type Flags = NonNullable<ParseArgsConfig['options']>;
type Values<Options extends Flags> = ReturnType<typeof parseArgs<{ options: Options; allowNegative: true }>>['values'];
type Parsed<Options extends Flags> =
  | { readonly values: Values<Options> }
  | { readonly told: string; readonly status: 0 | 2 };

/** What a command line says; never throws. */
export function parseFlags<const Options extends Flags>(
  args: readonly string[],
  { help, options }: { readonly help: string; readonly options: Options },
): Parsed<Options> {
  if (args.includes('--help') || args.includes('-h')) return { told: help, status: 0 };
  try {
    const { values } = parseArgs({ args: [...args], options, allowNegative: true as const, allowPositionals: false });
    return { values: values as Values<Options> };
  } catch (error) {
    // Node explains at length; its first sentence names the flag.
    const [problem = ''] = (error as Error).message.split('. ');
    return { told: complaint(problem), status: 2 };
  }
}

/** The flags of this process; ends it when there is nothing to run. */
export function readFlags<const Options extends Flags>(spec: {
  readonly help: string;
  readonly options: Options;
}): Values<Options> {
  const parsed = parseFlags(process.argv.slice(2), spec);
  if ('values' in parsed) return parsed.values;
  if (parsed.status === 2) return end(parsed.told);
  process.stdout.write(parsed.told);
  process.exit(0);
}

/** Ends the process for a flag whose value means nothing. */
export function refuse(problem: string): never {
  return end(complaint(problem));
}

/** A count that a flag gives. */
export function countOf(text: string, flag: string, least = 1): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < least) return refuse(`--${flag} takes a whole number from ${least}`);
  return count;
}

function complaint(problem: string): string {
  return `${problem}; --help tells what there is\n`;
}

function end(told: string): never {
  process.stderr.write(told);
  process.exit(2);
}
