/**
 * A Python with certain packages: from a cached virtual environment, else made once with pip. Foreign clients are
 * written in it, and the OpenAI package for Python runs in it.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '@reticle/core/process';

const run = promisify(execFile);
const INSTALL_BOUND_MS = 240_000;

export type PythonPackages = {
  /** Names the environment in the cache; another one when the packages change. */
  readonly name: string;
  /** `package==version` */
  readonly packages: readonly string[];
  /** Environment variable with the path of an interpreter that has them. */
  readonly variable: string;
};

/** Path of the interpreter, or why there is none and how to get one. */
export async function pythonWith(wanted: PythonPackages): Promise<{ python: string } | { missing: string }> {
  const { name, packages, variable } = wanted;
  const given = environment()[variable];
  if (given !== undefined) return { python: given };
  const cache = environment()['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'reticle', 'tools', `python-${name}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return { python };
  process.stderr.write(`tests: making a Python environment with ${packages.join(', ')} (once; about half a minute)\n`);
  try {
    await makeEnvironment(folder, packages);
    return { python };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    const how = `install Python ≥ 3.10 with venv and pip, or set ${variable} to an interpreter that has them`;
    return { missing: `no Python with ${packages.join(', ')} (${reason}): ${how}` };
  }
}

/** Made beside its place and moved there, so that an interrupted run leaves no half environment behind. */
async function makeEnvironment(folder: string, packages: readonly string[]): Promise<void> {
  const building = `${folder}.building-${process.pid}`;
  rmSync(building, { recursive: true, force: true });
  mkdirSync(join(folder, '..'), { recursive: true });
  await run('python3', ['-m', 'venv', '--copies', building]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
  await run(join(building, 'bin', 'python'), pip, { timeout: INSTALL_BOUND_MS });
  renameSync(building, folder);
}
