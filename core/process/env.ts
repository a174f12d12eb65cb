import type { Clock, Random } from '@reticle/core/flow';
import type { FailpointName } from './failpoints.ts';

export interface Net {
  /**
   * A TCP port that was free on `host` a moment ago: `preferred` when it is, else one that the system chose.
   * Another process may take it before the caller listens; who can, listens on port 0 instead.
   */
  freePort(host: string, preferred: number): Promise<number>;
  /**
   * The body of a GET as UTF-8. Follows no redirect and sends no credential. Rejects for a status other than 200, a body
   * above `bytesMax`, and when the whole has not come within `timeoutMs`.
   */
  getText(url: string, bounds: TextBounds): Promise<string>;
}

export type TextBounds = { readonly bytesMax: number; readonly timeoutMs: number };

export interface Disk {
  /**
   * The whole file as UTF-8. Rejects with the system's error when it cannot be read, with `RangeError` when it
   * is larger than `bytesMax` (default 16 MiB), with `TypeError` when it is not UTF-8.
   */
  readText(path: string, bytesMax?: number): Promise<string>;
  /** Replaces the file in one step, so that a reader sees the old text or the new one; makes missing folders. */
  writeText(path: string, text: string, mode: number): Promise<void>;
  /** Removes a file or a folder with its content; a missing one is fine. */
  remove(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
}

/** A message between a process and its supervisor: plain data and typed arrays (structured clone). */
export type IpcMessage = unknown;

export type ChildExit = { readonly code: number | null; readonly signal: string | null };

export type ForkOptions = {
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Arguments of the Node binary itself, such as heap sizes. Not inherited. */
  readonly nodeArguments?: readonly string[];
  /** What becomes of standard output and error: this process's own (default), nowhere, or line by line. */
  readonly output?: 'inherit' | 'ignore' | ((stream: 'stdout' | 'stderr', line: string) => void);
};

export interface ChildHandle {
  /** Undefined when the process could not be started; `exited` then tells. */
  readonly pid: number | undefined;
  /** False when the channel is closed, or so far behind that the message was not queued. At most once. */
  send(message: IpcMessage): boolean;
  /** The returned function stops it. */
  onMessage(listener: (message: IpcMessage) => void): () => void;
  /** Settles once, after the process has ended; never rejects. A failed start has neither code nor signal. */
  readonly exited: Promise<ChildExit>;
  /** False when the process has ended. */
  kill(signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGINT'): boolean;
}

/** The channel of a forked process to the one that forked it. */
export interface ParentChannel {
  /** As {@link ChildHandle.send}. */
  send(message: IpcMessage): boolean;
  /** A listener keeps the process alive until the channel closes or it is stopped. */
  onMessage(listener: (message: IpcMessage) => void): () => void;
}

export interface Spawn {
  /** Starts a Node process on a file, with a channel for messages. */
  fork(file: string, args: readonly string[], options?: ForkOptions): ChildHandle;
  /** The channel to the process that forked this one; undefined when none did. */
  parent(): ParentChannel | undefined;
}

/** Marks a place where a test may stop, delay or kill the process; does nothing in a release. */
export type Failpoint = (name: FailpointName) => void;

/** Every effect of a process (PROMISES §3.1). Composition roots widen it; only they and simulations make one. */
export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly net: Net;
  readonly disk: Disk;
  readonly spawn: Spawn;
  readonly failpoint: Failpoint;
}
