import { isReticleError, parseSimScript } from '@reticle/core/domain';
import { suggest } from './suggest.ts';
import { quote } from './problem.ts';
import type { Finding } from './schema.ts';

/** Engines that a deployment can name. */
export const drivers = ['WaferSim', 'Llama', 'Upstream'] as const;
export type Driver = (typeof drivers)[number];

/** Content of simulated tokens: provable words, or readable TypeScript (WAFER §6.2). */
const tokenModes = ['hash', 'code'] as const;
/** `natural` ends a turn where its key says, `max` at exactly `max_output_tokens` (WAFER §6.2). */
const lengthModes = ['natural', 'max'] as const;
/** `timer` wakes about every millisecond, `busy` burns a core for inter-token benches (WAFER §6.1). */
const paceModes = ['timer', 'busy'] as const;

/** `engine.args` of a WaferSim deployment, typed; an absent one is the engine's own default. */
export type WaferSimArgs = {
  readonly tokens?: (typeof tokenModes)[number];
  readonly length?: (typeof lengthModes)[number];
  readonly pace?: (typeof paceModes)[number];
  /** Non-negative, in ASCII decimal as the oracle's key takes it; at most 19 digits, so it fits `uint64`. */
  readonly seed?: string;
  /** JSON of what turns say besides prose: reasoning and calls, by rules (PROTOCOL §4.1a "Simulator script"). */
  readonly script?: string;
};

type Args = Readonly<Record<string, string>>;
type ArgRule =
  | { readonly values: readonly string[] }
  | { readonly pattern: RegExp; readonly hint: string }
  /** Says what is wrong. */
  | { readonly refuse: (value: string) => string | undefined };

const waferSim: Readonly<Record<keyof WaferSimArgs, ArgRule>> = {
  tokens: { values: tokenModes },
  length: { values: lengthModes },
  pace: { values: paceModes },
  seed: { pattern: /^(0|[1-9][0-9]{0,18})$/, hint: 'a whole number of at most 19 digits' },
  script: { refuse: refuseScript },
};

/** The allow-list: which arguments a driver takes. */
const allowed: Readonly<Record<Driver, Readonly<Record<string, ArgRule>>>> = {
  WaferSim: waferSim,
  Llama: {},
  Upstream: {},
};

/** Every argument that the driver does not take or whose value it does not know; `at` is the argument's key. */
export function refuseArgs(driver: Driver, args: Args): readonly Finding[] {
  const table = allowed[driver];
  const findings: Finding[] = [];
  for (const [name, value] of Object.entries(args)) {
    const message = Object.hasOwn(table, name)
      ? refuseValue(table[name], value)
      : `is not an argument of ${driver} (${suggest(name, Object.keys(table), 'it takes')})`;
    if (message !== undefined) findings.push({ at: [name], message });
  }
  return findings;
}

function refuseValue(arg: ArgRule | undefined, value: string): string | undefined {
  if (arg === undefined) return undefined;
  if ('values' in arg) {
    return arg.values.includes(value)
      ? undefined
      : `${quote(value)} is not a value here (${suggest(value, arg.values, 'use one of')})`;
  }
  if ('refuse' in arg) return arg.refuse(value);
  return arg.pattern.test(value) ? undefined : `${quote(value)} is malformed (use ${arg.hint})`;
}

function refuseScript(value: string): string | undefined {
  try {
    parseSimScript(value, 'script');
    return undefined;
  } catch (error) {
    if (!isReticleError(error)) throw error;
    return `is no script: ${error.message} (at ${error.param ?? 'script'})`;
  }
}

/** The arguments of a decoded WaferSim engine as a typed record. */
export function waferSimArgs(args: Args): WaferSimArgs {
  const tokens = tokenModes.find((mode) => mode === args['tokens']);
  const length = lengthModes.find((mode) => mode === args['length']);
  const pace = paceModes.find((mode) => mode === args['pace']);
  const { seed, script } = args;
  return {
    ...(tokens === undefined ? {} : { tokens }),
    ...(length === undefined ? {} : { length }),
    ...(pace === undefined ? {} : { pace }),
    ...(seed === undefined ? {} : { seed }),
    ...(script === undefined ? {} : { script }),
  };
}
