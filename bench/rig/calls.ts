/** Calls from the bench to its child processes over IPC, by structured clone. */
import { loopTurns, waitedMicros, writeCalls } from './loop-counts.ts';
import { profileSelf, type ProfileSummary } from './profile.ts';

export type CallRequest = {
  readonly kind: 'call';
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
};

export type CallReply = {
  readonly kind: 'reply';
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
};

/** What every rig process tells of itself. */
export type ProcessSample = {
  /** User and system time of all threads so far (PERFORMANCE §1.2). */
  readonly cpuMicros: number;
  /** On the machine's monotonic clock, which all processes share. */
  readonly monotonicMicros: number;
  readonly rssBytes: number;
  /** Turns of the main thread's event loop so far. */
  readonly loopTurns: number;
  /** Write system calls so far; NaN where the kernel does not tell. */
  readonly writeCalls: number;
  /** Time so far in which the main thread could have run and another process had its core; NaN as above. */
  readonly waitedMicros: number;
};

export type StandardCalls = {
  sample(): ProcessSample;
  /** Profiles the process for so many seconds. */
  profile(seconds: number): Promise<ProfileSummary>;
};

type Handler = (argument: never) => unknown;

/** A process that was forgotten ends by itself. */
const LIFETIME_MS = 20 * 60_000;
const OFFSET_READINGS = 20;

/** Answers calls until the channel closes; then, or after 20 minutes, this process ends. */
export function serveCalls(handlers: Readonly<Record<string, Handler>>): void {
  const all: Readonly<Record<string, Handler>> = { sample, profile: profileSelf, ...handlers };
  setTimeout(() => process.exit(1), LIFETIME_MS).unref();
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message) => {
    if (isCall(message)) void answer(all, message);
  });
}

async function answer(handlers: Readonly<Record<string, Handler>>, { id, name, argument }: CallRequest): Promise<void> {
  let reply: CallReply;
  try {
    const handler = handlers[name];
    if (handler === undefined) throw new Error(`no call ${name}`);
    reply = { kind: 'reply', id, value: await handler(argument as never) };
  } catch (error) {
    reply = { kind: 'reply', id, error: error instanceof Error ? (error.stack ?? error.message) : 'unknown failure' };
  }
  process.send?.(reply, undefined, undefined, () => {});
}

function isCall(message: unknown): message is CallRequest {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'call';
}

function sample(): ProcessSample {
  const { user, system } = process.cpuUsage();
  return {
    cpuMicros: user + system,
    monotonicMicros: monotonicMicros(),
    rssBytes: process.memoryUsage.rss(),
    loopTurns: loopTurns(),
    writeCalls: writeCalls(),
    waitedMicros: waitedMicros(),
  };
}

/** Monotonic µs that all processes of this machine share; `performance.now` has another origin in each. */
export function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** What to add to a µs reading of `performance.now` in this process to get {@link monotonicMicros}. */
export function clockOffsetMicros(): number {
  return Math.max(...Array.from({ length: OFFSET_READINGS }, offsetReading));
}

/** One reading; what passes between its two clocks makes it too low, by a millisecond or more in a cold process. */
function offsetReading(): number {
  return monotonicMicros() - performance.now() * 1000;
}
