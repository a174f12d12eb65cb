import { fork, type ChildProcess, type Serializable } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { environment } from './config.ts';
import type { ChildExit, ChildHandle, ForkOptions, IpcMessage, ParentChannel, Spawn } from './env.ts';

/** The machine's processes; messages travel by structured clone, so typed arrays stay what they are. */
export const systemSpawn: Spawn = { fork: forkNode, parent };

function forkNode(file: string, args: readonly string[], options: ForkOptions = {}): ChildHandle {
  const output = options.output ?? 'inherit';
  const stdio = typeof output === 'function' ? 'pipe' : output;
  const child = fork(file, args, {
    env: { ...environment(), ...options.environment },
    execArgv: [...(options.nodeArguments ?? [])],
    serialization: 'advanced',
    stdio: ['ignore', stdio, stdio, 'ipc'],
  });
  if (typeof output === 'function') {
    onLines(child.stdout, (line) => output('stdout', line));
    onLines(child.stderr, (line) => output('stderr', line));
  }
  return {
    pid: child.pid,
    send: (message) => sendOver(child, message),
    onMessage: (listener) => {
      child.on('message', listener);
      return () => child.off('message', listener);
    },
    exited: exitOf(child),
    kill: (signal) => child.kill(signal),
  };
}

/** `close` comes after `exit` and after the last output line; a failed start gives `error` alone. */
function exitOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.on('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
  });
}

function onLines(stream: Readable | null, listener: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', listener);
}

type Channel = {
  readonly connected: boolean;
  send?(message: Serializable, callback: (error: Error | null) => void): boolean;
};

/** A channel that closes under a message loses it; the callback keeps that from being an uncaught error. */
function sendOver(channel: Channel, message: IpcMessage): boolean {
  if (!channel.connected || channel.send === undefined) return false;
  return channel.send(message as Serializable, () => {});
}

function parent(): ParentChannel | undefined {
  if (process.send === undefined) return undefined;
  return {
    send: (message) => sendOver(process as Channel, message),
    onMessage: (listener) => {
      process.on('message', listener);
      return () => process.off('message', listener);
    },
  };
}
