import { parseArgs } from 'node:util';
import { benches, type BenchName } from './result.ts';

export type BenchOptions = {
  readonly short: boolean;
  readonly rounds: number;
  /** Measured seconds of one round of one cell. */
  readonly seconds: number;
  /** Cells to run, by the start of their id; all when undefined. */
  readonly only: string | undefined;
  /** How the run was asked for, for its result. */
  readonly cmd: string;
};

export type Command =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'usage'; readonly text: string }
  | { readonly kind: 'run'; readonly bench: BenchName; readonly options: BenchOptions };

/** Rounds and seconds of a claim and of a short run (PERFORMANCE §6.2). */
const DEFAULTS: Readonly<
  Record<BenchName, { readonly full: readonly [number, number]; readonly short: readonly [number, number] }>
> = {
  link: { full: [7, 10], short: [3, 3] },
  plane: { full: [7, 10], short: [3, 3] },
  init: { full: [5, 120], short: [1, 30] },
  interrupt: { full: [3, 180], short: [1, 25] },
  window: { full: [7, 60], short: [2, 20] },
  // Four minutes in all: the frontier of a claim is --rounds 7.
  door: { full: [3, 4], short: [1, 2] },
  added: { full: [5, 5], short: [1, 2] },
  context: { full: [3, 10], short: [1, 4] },
  prepared: { full: [3, 40], short: [1, 10] },
  // Rounds alone: a plan takes as long as it takes.
  placement: { full: [7, 1], short: [3, 1] },
};

const HELP = `npm run bench -- BENCH [options]

Benches (each writes bench/results/BENCH/….json and bench/RESULTS.md):
  link        engine to receiver: 1,000 streams × 1,947 tok/s, every token checked; CPU by part;
              the multiplexed link beside a gRPC stream per session
  plane       sessions × 1,000 tok/s through one gateway process; CPU beside a bare gRPC emitter
              and beside a gRPC relay with a stream per session
  init        first token of a cold session and of a prepared one
  interrupt   cuts at 1,000 tok/s, counted on the step clock: idle, 10,000 at once, paused reader,
              beside 5,000 sessions, from another gateway over NATS, with NATS frozen or dead
  window      a 461 KB first turn over a wire of 20 ms, beside a grpc-js server as it comes
  door        responses at 1 ms a token over SSE and WebSocket lanes, telemetry on and off, beside nginx
              (RETICLE_NGINX, or on PATH) and a relay on node:http
  added       what the gateway adds to first and newest tokens, over reading the engine's link directly
  context     a turn behind 1,000 to 128,000 tokens: session, kept HTTP, new connection; 20 ms and TLS
  prepared    first event of a turn behind generate: false and of a cold one, over WebSocket
  placement   the planner on 100 to 10,000 wafers: every chain placed anew, one wafer changed at rest

Options:
  --short         fewer and shorter rounds, for a quick look; its figures are no claim
  --rounds N      interleaved rounds (3 to 7; short 1 to 3)
  --seconds N     measured seconds per round and cell (interrupt: bound on all its cuts)
  --only PREFIX   cells whose id starts so
  --help

Examples:
  npm run bench -- link
  npm run bench -- link --short --only ratio
  npm run bench -- plane --rounds 3 --seconds 5
  npm run bench -- interrupt
`;

/** What a command line asks for; never throws. */
export function parseCommand(args: readonly string[]): Command {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        short: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        only: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help || (positionals.length === 0 && args.length === 0)) return { kind: 'help', text: HELP };
    const bench = benches.find((each) => each === positionals[0]);
    if (bench === undefined || positionals.length > 1) return usage(`bench is one of ${benches.join(', ')}`);
    const [rounds, seconds] = DEFAULTS[bench][values.short ? 'short' : 'full'];
    return {
      kind: 'run',
      bench,
      options: {
        short: values.short,
        rounds: count(values.rounds, rounds, 'rounds', 100),
        seconds: count(values.seconds, seconds, 'seconds', 600),
        only: values.only,
        cmd: ['npm run bench --', ...args].join(' '),
      },
    };
  } catch (error) {
    return usage(String((error as { message?: unknown }).message));
  }
}

function usage(problem: string): Command {
  return { kind: 'usage', text: `bench: ${problem}\n\n${HELP}` };
}

function count(text: string | undefined, otherwise: number, name: string, most: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new RangeError(`--${name} is 1 to ${most}`);
  return value;
}
