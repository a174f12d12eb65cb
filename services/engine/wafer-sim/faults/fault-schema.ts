/** Checks of fault scripts that come as data: engine arguments and the console's test API. */
import { ReticleError } from '@reticle/core/domain';
import type { ErrorCode } from '@reticle/proto/contract';
import type { Fault, FaultKind, FaultScript, FaultTrigger, ScriptedFault } from './fault.ts';

/** Tiles of one wafer (WAFER §6.5, assumption). */
export const TILES_PER_WAFER = 900;
/** Most faults of one script. */
const FAULTS_MAX = 256;
const DURATION_MS_MAX = 86_400_000;

type NumberRule = { readonly min: number; readonly max: number; readonly whole?: boolean; readonly optional?: boolean };
type WordRule = { readonly words: readonly string[] };
type Rule = NumberRule | WordRule;
type Rules = Readonly<Record<string, Rule>>;

const forMs: NumberRule = { min: 1, max: DURATION_MS_MAX, optional: true };
const factor: NumberRule = { min: 1, max: 1e6 };

function rulesOf(stages: number): Readonly<Record<FaultKind, Rules>> {
  const stage: NumberRule = { min: 0, max: stages - 1, whole: true };
  return {
    stageCrash: { stage },
    stageSlow: { stage, factor, forMs },
    hopSlow: { edge: { min: 0, max: stages - 1, whole: true }, addMicros: { min: 0, max: 1e7 }, forMs },
    ioSlow: { factor, forMs },
    hang: { forMs },
    garble: { what: { words: ['offset', 'token-id'] } },
    kvPressure: { factor: { min: 0, max: 1 }, forMs },
    alphaDrop: { forMs },
    defect: { stage, tiles: { min: 1, max: TILES_PER_WAFER, whole: true } },
  };
}

const triggerRules: Rules = {
  afterMs: { min: 0, max: DURATION_MS_MAX },
  afterSteps: { min: 1, max: Number.MAX_SAFE_INTEGER, whole: true },
  atTokenOffset: { min: 0, max: 2 ** 32 - 1, whole: true },
};

/**
 * A script from outside, for a chain of so many stages.
 *
 * @throws ReticleError with `param` in the script's notation (`faults[2].factor`)
 */
export function faultScript(value: unknown, stages: number): FaultScript {
  const script = record(value, 'faults');
  refuseUnknown(script, ['seed', 'faults'], '');
  if (script['seed'] !== undefined) {
    checkNumber(script['seed'], { min: 0, max: Number.MAX_SAFE_INTEGER, whole: true }, 'seed');
  }
  const { faults } = script;
  if (!Array.isArray(faults)) throw refusal('invalid_request', 'a fault script has a list of faults', 'faults');
  if (faults.length > FAULTS_MAX) throw refusal('value_out_of_range', `at most ${FAULTS_MAX} faults`, 'faults');
  for (const [index, entry] of faults.entries()) checkScripted(entry, stages, `faults[${index}]`);
  return value as FaultScript;
}

/**
 * One fault from outside that begins at once.
 *
 * @throws ReticleError with `param` as in {@link faultScript}
 */
export function faultOf(value: unknown, stages: number): Fault {
  checkFault(record(value, 'fault'), stages, 'fault');
  return value as Fault;
}

function checkScripted(entry: unknown, stages: number, path: string): asserts entry is ScriptedFault {
  const { at, ...fault } = record(entry, path);
  checkFault(fault, stages, path);
  checkTrigger(at, `${path}.at`);
}

function checkTrigger(value: unknown, path: string): asserts value is FaultTrigger {
  const at = record(value, path);
  const [name, ...more] = Object.keys(at);
  const rule = name === undefined ? undefined : triggerRules[name];
  if (name === undefined || rule === undefined || more.length > 0) {
    throw refusal('invalid_request', `one of ${Object.keys(triggerRules).join(', ')}`, path);
  }
  check(at[name], rule, `${path}.${name}`);
}

function checkFault(fault: Readonly<Record<string, unknown>>, stages: number, path: string): void {
  const rules = rulesOf(stages);
  const { kind, ...fields } = fault;
  if (typeof kind !== 'string' || !Object.hasOwn(rules, kind)) {
    throw refusal('value_out_of_range', `one of ${Object.keys(rules).join(', ')}`, `${path}.kind`);
  }
  const wanted = rules[kind as FaultKind];
  refuseUnknown(fields, Object.keys(wanted), `${path}.`);
  for (const [name, rule] of Object.entries(wanted)) check(fields[name], rule, `${path}.${name}`);
}

function check(value: unknown, rule: Rule, path: string): void {
  if ('words' in rule) {
    if (typeof value === 'string' && rule.words.includes(value)) return;
    throw refusal('value_out_of_range', `one of ${rule.words.join(', ')}`, path);
  }
  if (value === undefined && rule.optional === true) return;
  checkNumber(value, rule, path);
}

function checkNumber(value: unknown, { min, max, whole = false }: NumberRule, path: string): void {
  if (value === undefined) throw refusal('missing_required_parameter', 'this field is needed', path);
  const fits = typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value));
  if (!fits)
    throw refusal('value_out_of_range', `${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`, path);
}

function refuseUnknown(value: Readonly<Record<string, unknown>>, known: readonly string[], prefix: string): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw refusal('unknown_parameter', `known are ${known.join(', ')}`, `${prefix}${unknown}`);
}

function record(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw refusal('invalid_request', 'an object', path);
}

function refusal(code: ErrorCode, message: string, param: string): ReticleError {
  return new ReticleError(code, message, { param });
}
