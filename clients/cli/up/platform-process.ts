import type { LocalAccess, LocalPlatformSpec, LocalPlatformState, TlsPair } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type { ChildHandle, IpcMessage } from '@reticle/core/process';
import { CliError, exitCodes } from '../cli-error.ts';

/** How long a stopping platform may drain. */
const STOP_MS = 10_000;

type Report =
  | { readonly kind: 'platform-progress'; readonly text: string }
  | { readonly kind: 'platform-ready'; readonly state: LocalPlatformState }
  | { readonly kind: 'platform-failed'; readonly message: string }
  /** One of them died or was started again. */
  | { readonly kind: 'platform-processes'; readonly processes: LocalPlatformState['processes'] };

/** The supervisor of a local platform, forked by `reticle up`: told once what to run, then watched and stopped. */
export class PlatformProcess {
  readonly #child: ChildHandle;
  readonly #clock: Clock;
  #hasExited = false;

  constructor(child: ChildHandle, clock: Clock) {
    this.#child = child;
    this.#clock = clock;
    void child.exited.then(() => {
      this.#hasExited = true;
    });
  }

  /** Settles when the supervisor is gone. */
  get exited(): Promise<unknown> {
    return this.#child.exited;
  }

  /** Sends the spec and waits for readiness; throws what the platform says when it cannot. */
  async start(spec: LocalPlatformSpec, progress: (text: string) => void): Promise<LocalPlatformState> {
    const ready = Promise.withResolvers<LocalPlatformState>();
    const stopListening = this.#child.onMessage((message) => {
      const report = reportOf(message);
      if (report?.kind === 'platform-progress') progress(report.text);
      else if (report?.kind === 'platform-ready') ready.resolve(report.state);
      else if (report?.kind === 'platform-failed') ready.reject(failed(report.message));
    });
    void this.#child.exited.then(({ code }) => {
      ready.reject(failed(`its supervisor ended with status ${code ?? 'unknown'} before it was ready`));
    });
    this.#child.send({ kind: 'platform-spec', spec });
    try {
      return await ready.promise;
    } finally {
      stopListening();
    }
  }

  /** Tells which processes serve, whenever that changes. */
  onProcesses(listener: (processes: LocalPlatformState['processes']) => void): () => void {
    return this.#child.onMessage((message) => {
      const report = reportOf(message);
      if (report?.kind === 'platform-processes') listener(report.processes);
    });
  }

  /** Puts other keys and tenants in force, while it runs. */
  replaceAccess({ keys, tenants, keepsPartial }: LocalAccess): void {
    if (!this.#hasExited) this.#child.send({ kind: 'platform-access', access: { keys, tenants, keepsPartial } });
  }

  /** Puts another certificate in force, for new connections. */
  replaceTls(tls: TlsPair): void {
    if (!this.#hasExited) this.#child.send({ kind: 'platform-tls', tls });
  }

  /** Drains it; past the bound it is killed, and its own children end when their channel closes. */
  async stop(): Promise<void> {
    if (this.#hasExited) return;
    this.#child.send({ kind: 'platform-stop' });
    const cancel = this.#clock.after(STOP_MS, () => this.#child.kill('SIGKILL'));
    await this.#child.exited;
    cancel();
  }
}

function reportOf(message: IpcMessage): Report | undefined {
  return typeof message === 'object' && message !== null && 'kind' in message ? (message as Report) : undefined;
}

function failed(message: string): CliError {
  return new CliError('platform_failed', `the local platform did not start: ${message}`, {
    exitCode: exitCodes.remote,
    hint: 'The lines above say how far it came. Run the command again; report it when it repeats.',
  });
}
