/**
 * A Python with grpcio and grpcio-tools, for a client that knows nothing but the `.proto` files. Taken from
 * `RETICLE_PYTHON`, else from a cached virtual environment, else made once with pip.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '@reticle/core/process';

const run = promisify(execFile);
const PACKAGES = ['grpcio==1.85.1', 'grpcio-tools==1.85.1', 'protobuf==7.36.2'];
const INSTALL_BOUND_MS = 240_000;

/** Path of the interpreter, or why there is none and how to get one. */
export async function pythonWithGrpc(): Promise<{ python: string } | { missing: string }> {
  const given = environment()['RETICLE_PYTHON'];
  if (given !== undefined) return { python: given };
  const cache = environment()['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'reticle', 'tools', 'python-grpc-1.85.1');
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return { python };
  process.stderr.write('e2e: making a Python environment with grpcio (once; about half a minute)\n');
  try {
    await makeEnvironment(folder);
    return { python };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    return {
      missing: `no Python with grpcio (${reason}): install Python ≥ 3.10 with venv and pip, or set RETICLE_PYTHON to one that has grpcio and grpcio-tools`,
    };
  }
}

/** Made beside its place and moved there, so that an interrupted run leaves no half environment behind. */
async function makeEnvironment(folder: string): Promise<void> {
  const building = `${folder}.building-${process.pid}`;
  rmSync(building, { recursive: true, force: true });
  mkdirSync(join(folder, '..'), { recursive: true });
  await run('python3', ['-m', 'venv', '--copies', building]);
  await run(
    join(building, 'bin', 'python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES],
    {
      timeout: INSTALL_BOUND_MS,
    },
  );
  renameSync(building, folder);
}
