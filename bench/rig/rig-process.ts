import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Channel } from '@reticle/services/bus';
import type { CallReply, CallRequest, ProcessSample, StandardCalls } from './calls.ts';

/** Core of the rig (generator, receiver, stubs) and of the system under test (PERFORMANCE §6.1). */
export const Core = { rig: 0, system: 1 } as const;
export type CoreNumber = (typeof Core)[keyof typeof Core];

const TASKSET_PATHS = ['/usr/bin/taskset', '/bin/taskset'];
const CALL_BOUND_MS = 180_000;
const STOP_BOUND_MS = 5_000;

/** Where `taskset` is; without it nothing is pinned and the result says so. */
export const tasksetPath: string | undefined = TASKSET_PATHS.find((path) => existsSync(path));

type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

export type RigProcessOptions = {
  /** Absolute path of a `.ts` file that calls `serveCalls`. */
  readonly file: string;
  readonly core: CoreNumber;
  readonly nodeArguments?: readonly string[];
};

/**
 * A fresh process of a cell, pinned to its core. Its calls are typed by the functions that it serves. It ends with
 * `stop`, or when this process goes.
 */
export class RigProcess<Calls extends object> implements AsyncDisposable {
  readonly core: CoreNumber;
  readonly #child: ChildProcess;
  readonly #file: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #gone: Promise<void>;
  #stopping = false;
  #lastId = 0;

  constructor({ file, core, nodeArguments = [] }: RigProcessOptions) {
    this.core = core;
    this.#file = file.slice(file.lastIndexOf('/') + 1);
    const node = [...nodeArguments];
    const pinned = tasksetPath === undefined ? {} : { execPath: tasksetPath };
    const execArgv = tasksetPath === undefined ? node : ['-c', String(core), process.execPath, ...node];
    this.#child = fork(file, [], { ...pinned, execArgv, serialization: 'advanced', stdio: ['ignore', 2, 2, 'ipc'] });
    this.#child.on('message', (message) => this.#settle(message as CallReply));
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        const ending = `${this.#file} ended (${signal ?? code})`;
        if (!this.#stopping && code !== 0) process.stderr.write(`bench: ${ending}\n`);
        for (const each of this.#waiting.values()) each.reject(new Error(ending));
        this.#waiting.clear();
        resolve();
      });
    });
  }

  /** The process as a channel of the bus, beside the calls. */
  get channel(): Channel {
    return {
      send: (message) => void (this.#child.connected && this.#child.send(message as object, () => {})),
      onMessage: (handler) => {
        this.#child.on('message', handler);
        return () => this.#child.off('message', handler);
      },
    };
  }

  /** Rejects when the process throws, ends, or does not answer within three minutes. */
  call<Name extends keyof (Calls & StandardCalls) & string>(
    name: Name,
    ...given: CallArguments<(Calls & StandardCalls)[Name]>
  ): Promise<CallResult<(Calls & StandardCalls)[Name]>> {
    const id = ++this.#lastId;
    const request: CallRequest = { kind: 'call', id, name, argument: given[0] };
    const answer = new Promise<unknown>((resolve, reject) => {
      const bound = setTimeout(() => reject(new Error(`${this.#file} did not answer ${name}`)), CALL_BOUND_MS);
      const settled =
        <Value>(then: (value: Value) => void) =>
        (value: Value): void => {
          clearTimeout(bound);
          this.#waiting.delete(id);
          then(value);
        };
      this.#waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
    });
    this.#child.send(request as object, (error) => {
      if (error !== null) this.#waiting.get(id)?.reject(error);
    });
    return answer as Promise<CallResult<(Calls & StandardCalls)[Name]>>;
  }

  sample(): Promise<ProcessSample> {
    return (this as RigProcess<object>).call('sample');
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child.connected) this.#child.disconnect();
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), STOP_BOUND_MS);
    await this.#gone;
    clearTimeout(kill);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #settle(message: CallReply): void {
    if (message.kind !== 'reply') return;
    const waiting = this.#waiting.get(message.id);
    if (message.error === undefined) waiting?.resolve(message.value);
    else waiting?.reject(new Error(`${this.#file}: ${message.error}`));
  }
}

type CallArguments<Call> = Call extends (...given: infer Given) => unknown ? Given : never;
type CallResult<Call> = Call extends (...given: never) => infer Result ? Awaited<Result> : never;

/** What a process had of its core between two samples. */
export type CoreUse = {
  /** CPU, and as a fraction of one core. */
  readonly micros: number;
  readonly core: number;
  /** Fraction of the time in which it could have run and did not: its core was another process's. NaN: not known. */
  readonly waited: number;
};

export function cpuBetween(before: ProcessSample, after: ProcessSample): CoreUse {
  const micros = after.cpuMicros - before.cpuMicros;
  const elapsed = after.monotonicMicros - before.monotonicMicros;
  return { micros, core: micros / elapsed, waited: (after.waitedMicros - before.waitedMicros) / elapsed };
}
