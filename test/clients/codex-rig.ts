/** The Codex CLI of both pinned versions, as its users start it: settings on the command line alone (PROTOCOL §5.1). */
import { join } from 'node:path';
import { runClient } from './client-rig.ts';

const versions = [
  { version: '0.169.0', folder: '@openai/codex' },
  { version: '0.166.0', folder: 'codex-0.166' },
] as const;

/** Both versions over both transports. */
export const codexRuns = versions.flatMap((each) => [
  { ...each, transport: 'SSE', supportsWebSockets: false },
  { ...each, transport: 'WebSocket', supportsWebSockets: true },
]);
export type CodexRun = (typeof codexRuns)[number];

export type CodexProvider = {
  /** `http://host:port` of the gateway. */
  readonly base: string;
  readonly key: string;
  readonly model?: string;
  /** The key comes from a command, as a company's sign-in gives it; default: from a variable. */
  readonly keyFromCommand?: boolean;
  /** Further settings, as `-c` takes them. */
  readonly settings?: readonly string[];
};

/** The program with its settings; what it does stands behind. */
export function codexCommand(
  { folder, supportsWebSockets }: CodexRun,
  { base, key, model = 'spark', keyFromCommand = false, settings = [] }: CodexProvider,
): readonly [string, ...string[]] {
  const auth = keyFromCommand ? `auth={command="/bin/echo",args=["${key}"]}` : 'env_key="RETICLE_API_KEY"';
  const provider = `{name="Reticle",base_url="${base}/v1",wire_api="responses",${auth},supports_websockets=${supportsWebSockets}}`;
  const all = [`model="${model}"`, 'model_provider="reticle"', `model_providers.reticle=${provider}`, ...settings];
  const program = join(import.meta.dirname, 'node_modules', folder, 'bin', 'codex.js');
  return [process.execPath, program, ...all.flatMap((setting) => ['-c', setting])];
}

/** A line of `codex exec --json`. */
export type CodexEvent = {
  readonly type: string;
  readonly message?: string;
  readonly error?: { readonly message: string };
  readonly item?: {
    readonly type: string;
    readonly text?: string;
    readonly message?: string;
    readonly command?: string;
    readonly exit_code?: number;
  };
  readonly usage?: Readonly<Record<string, number>>;
};

/** One turn of `codex exec`: everything that it says. */
export async function codexExec(run: CodexRun, provider: CodexProvider, prompt: string): Promise<CodexEvent[]> {
  const flags = ['--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', '--json'];
  const command = [...codexCommand(run, provider), 'exec', ...flags, prompt] as const;
  const { stdout } = await runClient(command as unknown as [string, ...string[]], { RETICLE_API_KEY: provider.key });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as CodexEvent);
}
