/**
 * Finds a program that tests and `reticle up` start, in the order of REAL-PARTS §1: the environment or PATH, the
 * cache, a build from the pinned Go module, or a text that names the part and the ways to get it.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { environment as processEnvironment } from '@reticle/core/process';
import { buildTool } from './build-tool.ts';
import { runCommand } from './run-command.ts';
import { cachedTool } from './tool-cache.ts';
import { tools, type Tool, type ToolName } from './tool-table.ts';

export type ToolWay = 'RETICLE_TOOLS' | 'KUBEBUILDER_ASSETS' | 'PATH' | 'cache' | 'build';
export type ResolvedTool = { readonly path: string; readonly way: ToolWay };
/** `missing`: what it is and how to get it, in one text for people. */
export type ToolResult = ResolvedTool | { readonly missing: string };

export type ResolveOptions = {
  /** Default: this process's. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Progress and the way that was taken; default: standard error. */
  readonly say?: (text: string) => void;
};

const VERSION_MS_MAX = 5_000;
const known = new Map<ToolName, Promise<ToolResult>>();

/** The program's path and the way it was found; asks once per process and tool. */
export function resolveTool(name: ToolName): Promise<ToolResult> {
  const earlier = known.get(name);
  if (earlier !== undefined) return earlier;
  const tool: Tool = tools[name];
  const result = findTool(tool.program ?? name, tool);
  known.set(name, result);
  return result;
}

/** As {@link resolveTool} for any tool, by its program's name, and environment, without memory. */
export async function findTool(name: string, tool: Tool, options: ResolveOptions = {}): Promise<ToolResult> {
  const environment = options.environment ?? processEnvironment();
  const say = options.say ?? ((text: string) => void process.stderr.write(`tools: ${text}\n`));
  const found = (path: string, way: ToolWay): ResolvedTool => {
    say(`${name} ${tool.version} from ${way}: ${path}`);
    return { path, way };
  };
  for (const { way, folders } of places(tool, environment)) {
    const path = await matching(executables(folders, name), { name, tool, environment, say });
    if (path !== undefined) return found(path, way);
  }
  const cached = cachedTool(name, tool, environment);
  if (cached !== undefined) return found(cached, 'cache');
  const built = await buildTool({ name, tool, environment, say });
  return 'path' in built ? found(built.path, 'build') : { missing: missingText(name, tool, built.reason) };
}

function places(tool: Tool, environment: NodeJS.ProcessEnv): { way: ToolWay; folders: readonly string[] }[] {
  const split = (value: string | undefined): string[] =>
    (value ?? '').split(delimiter).filter((folder) => folder !== '');
  return [
    { way: 'RETICLE_TOOLS', folders: split(environment['RETICLE_TOOLS']) },
    ...(tool.environmentFolders ?? []).map((way) => ({ way, folders: split(environment[way]) })),
    { way: 'PATH', folders: split(environment['PATH']) },
  ];
}

function executables(folders: readonly string[], name: string): string[] {
  return folders.map((folder) => join(folder, name)).filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

type Matching = {
  readonly name: string;
  readonly tool: Tool;
  readonly environment: NodeJS.ProcessEnv;
  readonly say: (text: string) => void;
};

/** The first path whose version has the pin's major and minor number; the others are named and passed over. */
async function matching(
  paths: readonly string[],
  { name, tool, environment, say }: Matching,
): Promise<string | undefined> {
  for (const path of paths) {
    const { output } = await runCommand(path, tool.versionArguments, { environment, timeoutMs: VERSION_MS_MAX });
    const version = /\d+\.\d+\.\d+/.exec(output)?.[0];
    if (version !== undefined && minorOf(version) === minorOf(tool.version)) return path;
    say(`${path} is ${name} ${version ?? 'of no known version'}, ${minorOf(tool.version)} is wanted`);
  }
  return undefined;
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function missingText(name: string, tool: Tool, reason: string): string {
  const named = ['RETICLE_TOOLS', ...(tool.environmentFolders ?? [])];
  return [
    `${name} ${tool.version} is not here (${reason}). Ways to get it:`,
    `put ${name} ${minorOf(tool.version)} in a folder that ${[...named, 'PATH'].join(' or ')} names;`,
    `or put Go 1.26 or later on PATH, and it is built from ${tool.package} once;`,
    'or copy a cache of another machine (XDG_CACHE_HOME, reticle/tools).',
  ].join(' ');
}
