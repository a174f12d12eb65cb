import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { environment } from '@reticle/core/process';
import { bounded } from '../kit/index.ts';
import { codexCommand, type CodexProvider, type CodexRun } from './codex-rig.ts';

/** What the server tells by itself. */
export type Notice = { readonly method: string; readonly params: Readonly<Record<string, unknown>> };

type Reply = { readonly id: number; readonly result?: unknown; readonly error?: { readonly message: string } };
type Waiter = { readonly look: () => void; readonly fail: (error: Error) => void };

type TokenUsage = { readonly inputTokens: number; readonly cachedInputTokens: number };

/** `codex app-server`: Codex as editors run it, by JSON-RPC over its standard streams. One thread, in a home of its own. */
export class AppServer implements AsyncDisposable {
  readonly notices: Notice[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #home: string;
  readonly #replies = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #waiters = new Set<Waiter>();
  #requests = 0;
  #taken = 0;
  #stderr = '';
  #threadId = '';

  private constructor(run: CodexRun, provider: CodexProvider, catalog: string | undefined) {
    this.#home = mkdtempSync(join(tmpdir(), 'reticle-app-server-'));
    const path = join(this.#home, 'catalog.json');
    if (catalog !== undefined) writeFileSync(path, catalog);
    const known = catalog === undefined ? [] : [`model_catalog_json="${path}"`];
    const settings = [...known, ...(provider.settings ?? [])];
    const [file, ...args] = codexCommand(run, { ...provider, settings });
    const env = { PATH: environment()['PATH'], HOME: this.#home, RETICLE_API_KEY: provider.key };
    this.#child = spawn(file, [...args, 'app-server'], { cwd: this.#home, env });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => void (this.#stderr += text));
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(JSON.parse(line) as Reply | Notice));
    this.#child.once('close', () => {
      for (const { fail } of this.#waiters) fail(new Error(`the server has ended: ${this.#stderr}`));
      for (const { reject } of this.#replies.values()) reject(new Error(`the server has ended: ${this.#stderr}`));
    });
  }

  /** Starts the program and a thread in it. `isLite`: with the gateway's catalog, as `npm start` prints it. */
  static async start(run: CodexRun, provider: CodexProvider, isLite = true): Promise<AppServer> {
    const server = new AppServer(run, provider, isLite ? await catalogOf(provider) : undefined);
    try {
      await server.request('initialize', { clientInfo: { name: 'reticle-tests', title: 'Tests', version: '1.0.0' } });
      server.#say({ method: 'initialized' });
      const asked = { cwd: server.#home, approvalPolicy: 'never', sandbox: 'danger-full-access' };
      const { thread } = (await server.request('thread/start', asked)) as { thread: { id: string } };
      server.#threadId = thread.id;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  async request(method: string, params: object): Promise<unknown> {
    const id = (this.#requests += 1);
    const reply = Promise.withResolvers<unknown>();
    this.#replies.set(id, reply);
    this.#say({ id, method, params });
    return bounded(reply.promise, () => `the answer of ${method}; it said: ${this.#stderr}`);
  }

  /** Begins a turn; its id. */
  async begin(text: string): Promise<string> {
    const { turn } = (await this.request('turn/start', { threadId: this.#threadId, input: [inputOf(text)] })) as {
      turn: { id: string };
    };
    return turn.id;
  }

  steer(expectedTurnId: string, text: string): Promise<unknown> {
    return this.request('turn/steer', { threadId: this.#threadId, expectedTurnId, input: [inputOf(text)] });
  }

  interrupt(turnId: string): Promise<unknown> {
    return this.request('turn/interrupt', { threadId: this.#threadId, turnId });
  }

  /** The next notice that fits, of those that no wait has passed. */
  until(fits: string | ((notice: Notice) => boolean)): Promise<Notice> {
    const test = typeof fits === 'string' ? ({ method }: Notice): boolean => method === fits : fits;
    const { promise, resolve, reject } = Promise.withResolvers<Notice>();
    const look = (): void => {
      const at = this.notices.findIndex((notice, index) => index >= this.#taken && test(notice));
      const found = this.notices[at];
      if (found === undefined) return;
      this.#taken = at + 1;
      this.#waiters.delete(waiter);
      resolve(found);
    };
    const waiter: Waiter = { look, fail: reject };
    this.#waiters.add(waiter);
    look();
    const what = typeof fits === 'string' ? fits : 'a notice';
    return bounded(promise, () => `${what}, after ${this.notices.map(({ method }) => method).join(' ')}`);
  }

  /** The end of the turn that runs: how it ended, and the texts that its messages have. */
  async ended(): Promise<{ readonly status: string; readonly error: string; readonly texts: readonly string[] }> {
    const from = this.#taken;
    const { params } = await this.until('turn/completed');
    const { turn } = params as { turn: { status: string; error?: { message: string } | null } };
    const items = this.notices.slice(from).filter(({ method }) => method === 'item/completed');
    const messages = items.map(({ params: { item } }) => item as { type: string; text?: string });
    const texts = messages.flatMap(({ type, text }) => (type === 'agentMessage' ? [text ?? ''] : []));
    return { status: turn.status, error: turn.error?.message ?? '', texts };
  }

  /** What ran, as the model asked for it. */
  get commands(): readonly string[] {
    const done = this.notices.filter(({ method }) => method === 'item/completed').map(({ params: { item } }) => item);
    const ran = (done as { type: string; command?: string; exitCode?: number }[]).filter(
      ({ exitCode }) => exitCode === 0,
    );
    return ran
      .map(({ command = '' }) => command.replace(/^.* -lc '?([^']*)'?$/, '$1'))
      .toSorted((a, b) => a.localeCompare(b));
  }

  /** Part of the newest answer's prompt that was not evaluated again. */
  get warmth(): number {
    const told = this.notices.findLast(({ method }) => method === 'thread/tokenUsage/updated')?.params['tokenUsage'];
    const { cachedInputTokens, inputTokens } = (told as { last: TokenUsage }).last;
    return cachedInputTokens / inputTokens;
  }

  #say(message: object): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #hear(message: Reply | Notice): void {
    if ('method' in message) {
      this.notices.push(message);
      for (const { look } of this.#waiters) look();
      return;
    }
    const { id, result, error } = message;
    if (error === undefined) this.#replies.get(id)?.resolve(result);
    else this.#replies.get(id)?.reject(new Error(error.message));
    this.#replies.delete(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve();
    else this.#child.once('close', () => resolve());
    this.#child.kill('SIGKILL');
    await bounded(promise, 'the end of the server');
    rmSync(this.#home, { recursive: true, force: true });
  }
}

async function catalogOf({ base, key }: CodexProvider): Promise<string> {
  const response = await fetch(`${base}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  const { models } = (await response.json()) as { models: unknown };
  return JSON.stringify({ models });
}

function inputOf(text: string): object {
  return { type: 'text', text };
}
