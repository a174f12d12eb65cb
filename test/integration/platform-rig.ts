/** A local platform as real processes, and what a test does to them. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LocalChain, LocalPlatformSpec, LocalPlatformState } from '@reticle/core/domain';
import {
  ApiClient,
  bounded,
  CallFailed,
  OracleContext,
  start,
  turnOf,
  type ConverseClient,
  type TokenChecker,
} from '../kit/index.ts';

const SUPERVISOR = join(import.meta.dirname, '../../services/main/platform.ts');
const RETRY_MS = 50;
const UNAVAILABLE = 14;

type Processes = LocalPlatformState['processes'];
type Role = Processes[number]['role'];

type Report = {
  readonly kind: string;
  readonly text?: string;
  readonly message?: string;
  readonly state?: LocalPlatformState;
  readonly processes?: Processes;
};

/** A forked supervisor, everything it said, and its clients. */
export class RealPlatform implements AsyncDisposable {
  readonly progress: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #output: string[] = [];
  readonly #ready = Promise.withResolvers<LocalPlatformState>();
  readonly #looks = new Set<() => void>();
  readonly #clients: ApiClient[] = [];
  readonly #chain: LocalChain;
  #processes: Processes = [];
  #state: LocalPlatformState | undefined;

  constructor(
    spec: Omit<LocalPlatformSpec, 'region' | 'host' | 'grpcPort' | 'httpPort'>,
    environment: Record<string, string> = {},
  ) {
    this.#chain = spec.chains[0] as LocalChain;
    this.#child = fork(SUPERVISOR, [], {
      // oxlint-disable-next-line node/no-process-env -- a child of a test sees what the test sees
      env: { ...process.env, ...environment },
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#exited = once(this.#child, 'exit');
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.on('data', (text: Buffer) => this.#output.push(text.toString()));
    }
    this.#child.on('message', (message) => this.#hear(message as Report));
    this.#ready.promise.catch(() => {});
    this.#child.send({
      kind: 'platform-spec',
      spec: { region: 'test-1', host: '127.0.0.1', grpcPort: 0, httpPort: 0, ...spec },
    });
  }

  ready(): Promise<LocalPlatformState> {
    return bounded(this.#ready.promise, () => `a ready platform; it said ${this.#said()}`);
  }

  get state(): LocalPlatformState {
    if (this.#state === undefined) throw new Error('the platform is not ready');
    return this.#state;
  }

  /** Tells the supervisor. */
  order(message: object): void {
    this.#child.send(message);
  }

  pids(role: Role): number[] {
    return this.#processes.filter((each) => each.role === role).map(({ pid }) => pid);
  }

  /** Resolves when as many progress lines that start so were told. */
  async told(text: string, times: number): Promise<void> {
    const count = (): number => this.progress.filter((line) => line.startsWith(text)).length;
    await this.#until(() => count() >= times, `"${text}" ${times} times`);
  }

  /** Resolves when so many processes of a role run, none of them one of `except`. */
  async runs(role: Role, count: number, except: readonly number[] = []): Promise<void> {
    const met = (): boolean => {
      const pids = this.pids(role);
      return pids.length === count && !pids.some((pid) => except.includes(pid));
    };
    await this.#until(met, `${count} of ${role}`);
  }

  /** A connection of its own, with the platform's key or another one. */
  client(key = this.state.apiKey): ApiClient {
    const { grpc: address } = this.state;
    const client = new ApiClient({ address, key, model: this.#chain.servedName });
    this.#clients.push(client);
    return client;
  }

  oracle(): OracleContext {
    return OracleContext.root(this.#chain);
  }

  /** A fresh session with one running turn of so many tokens; resolves when `offset` of them have come. */
  async live(tokens: number, offset: number, client = this.client()): Promise<Live> {
    const { stream, sessionId } = await client.open();
    const turn = turnOf('t1', tokens);
    const checker = stream.check('t1', this.oracle().turn(turn));
    stream.send(start(turn));
    const { resumeToken } = await stream.until('turnStarted');
    await stream.received('t1', offset);
    return { client, stream, sessionId, resumeToken, checker };
  }

  /** Attaches again from where the checker stands, over a new connection each time until a gateway takes it. */
  async again(left: Live): Promise<Live & { readonly attachedAtMs: number }> {
    const { checker, resumeToken } = left;
    left.stream.unfollow(checker.turnId);
    const nextOffset = checker.position;
    const cursors = [{ turnId: checker.turnId, nextOffset }];
    const { client, stream, token } = await bounded(this.#attach(resumeToken, cursors), 'a gateway that attaches');
    const attachedAtMs = performance.now();
    checker.resumeAt(nextOffset);
    for (const entry of stream.log.entries) checker.feed(entry);
    stream.follow(checker);
    return { ...left, client, stream, resumeToken: token, attachedAtMs };
  }

  async #attach(resumeToken: string, cursors: readonly { turnId: string; nextOffset: number }[]) {
    for (;;) {
      const client = this.client();
      try {
        const { stream, attached } = await client.attach({ resumeToken, cursors: [...cursors] });
        return { client, stream, token: attached.resumeToken };
      } catch (error) {
        client.close();
        // Nobody listens, or a connection died with its worker. Any other answer is final for a client.
        if (!(error instanceof CallFailed) || error.outcome.grpc !== UNAVAILABLE) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #until(met: () => boolean, what: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (met()) resolve();
    };
    this.#looks.add(look);
    look();
    await bounded(promise, () => `${what}; it said ${this.#said()}`).finally(() => this.#looks.delete(look));
  }

  #hear({ text, message, state, processes }: Report): void {
    if (text !== undefined) this.progress.push(text);
    if (message !== undefined) this.#ready.reject(new Error(message));
    if (state !== undefined) {
      this.#state = state;
      this.#ready.resolve(state);
    }
    this.#processes = processes ?? state?.processes ?? this.#processes;
    for (const look of this.#looks) look();
  }

  #said(): string {
    return JSON.stringify([...this.progress, ...this.#output]);
  }

  /** Ends it as `reticle up` does; what a failed test has frozen goes on first. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const pid of this.pids('nats')) process.kill(pid, 'SIGCONT');
    this.#child.kill('SIGTERM');
    await bounded(this.#exited, () => `the end of the supervisor; it said ${this.#said()}`).catch((error: unknown) => {
      this.#child.kill('SIGKILL');
      throw error;
    });
  }
}

/** A session whose turn is being followed. */
export type Live = {
  readonly client: ApiClient;
  readonly stream: ConverseClient;
  readonly sessionId: string;
  readonly resumeToken: string;
  readonly checker: TokenChecker;
};

/** Whether the worker at the other end of a client's connection holds a session. */
export async function isHeldAt(client: ApiClient, sessionId: string): Promise<boolean> {
  return (await client.call('GetSession', { sessionId })).response !== undefined;
}

/** How often something was timed, median and longest, for the log of a run. */
export function timesLine(what: string, timesMs: readonly number[]): string {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (share: number): string => `${Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0)} ms`;
  return `${what}, ${sorted.length} times: median ${at(0.5)}, longest ${at(1)}\n`;
}
