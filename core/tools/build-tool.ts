import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';
import { draftFolder, publishDraft } from './tool-cache.ts';
import type { Tool } from './tool-table.ts';

export type BuildOptions = {
  readonly name: string;
  readonly tool: Tool;
  readonly environment: NodeJS.ProcessEnv;
  readonly say: (text: string) => void;
};

export type BuildResult = { readonly path: string } | { readonly reason: string };

/** Oldest Go that builds every pinned module: 1.26. */
const GO_MINOR_MIN = 26;
const GO_VERSION_MS_MAX = 10_000;
/** The first line of progress comes then, the next ones less often. */
const QUIET_SECONDS = 2;
const PROGRESS_SECONDS = 10;
const ERROR_CHARACTERS_MAX = 600;

/** Builds a tool from its pinned module into the cache. Modules come through Go's own proxy and checksum settings. */
export async function buildTool(options: BuildOptions): Promise<BuildResult> {
  const { name, tool, environment } = options;
  if (!existsSync(join(tool.moduleFolder, 'go.mod'))) return { reason: 'its pinned module is not in this copy' };
  const go = await goMinor(environment);
  if (go === undefined) return { reason: 'there is no Go on PATH' };
  if (go < GO_MINOR_MIN) return { reason: `Go 1.${go} is older than 1.${GO_MINOR_MIN}` };
  const draft = draftFolder(name, tool, environment);
  try {
    const { ok, output } = await withProgress(options, () => build(join(draft, name), options));
    if (!ok) return { reason: `the build failed: ${output.slice(-ERROR_CHARACTERS_MAX)}` };
    return { path: publishDraft(draft, name, { tool, environment }) };
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function build(out: string, { tool, environment }: BuildOptions): ReturnType<typeof runCommand> {
  const args = ['build', '-trimpath', '-buildvcs=false', '-mod=readonly', `-ldflags=${tool.ldflags}`, '-o', out];
  return runCommand('go', [...args, tool.package], {
    cwd: tool.moduleFolder,
    environment: { ...environment, CGO_ENABLED: '0', GOWORK: 'off', GOTOOLCHAIN: 'local' },
  });
}

/** The minor number of the Go on PATH. */
async function goMinor(environment: NodeJS.ProcessEnv): Promise<number | undefined> {
  const { ok, output } = await runCommand('go', ['env', 'GOVERSION'], {
    environment: { ...environment, GOTOOLCHAIN: 'local' },
    timeoutMs: GO_VERSION_MS_MAX,
  });
  const minor = /^go1\.(\d+)/.exec(output)?.[1];
  return ok && minor !== undefined ? Number(minor) : undefined;
}

async function withProgress<T>({ name, tool, say }: BuildOptions, work: () => Promise<T>): Promise<T> {
  let seconds = 0;
  const timer = setInterval(() => {
    seconds++;
    if (seconds !== QUIET_SECONDS && seconds % PROGRESS_SECONDS !== 0) return;
    say(`building ${name} ${tool.version} with Go, ${seconds} s so far (about ${tool.buildSeconds} s the first time)`);
  }, 1000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
