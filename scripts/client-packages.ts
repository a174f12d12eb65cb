/**
 * The real clients that tests run unmodified (`test/clients/package-lock.json`, about 900 MB): installed once per
 * lockfile into the machine's cache, and linked into the clone.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryRoot, runProgram, toolEnvironment } from './run-tool.ts';

const FOLDER = join(repositoryRoot, 'test', 'clients');
const MANIFESTS = ['package.json', 'package-lock.json', '.npmrc'];
const HASH_CHARACTERS = 16;
/** Scripts of these packages only fetch what the lockfile has already brought. */
const INSTALL = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

/** Undefined when they are there; otherwise what is missing, why, and how to get it. */
export async function installClientPackages(say: (text: string) => void): Promise<string | undefined> {
  const kept = cacheFolder();
  if (!existsSync(kept) && !(await fillCache(kept, say))) {
    return `clients: their packages are missing and npm could not install them; run: npm ci --prefix ${FOLDER}`;
  }
  link(join(kept, 'node_modules'));
  return undefined;
}

function cacheFolder(): string {
  const environment = toolEnvironment();
  const base = environment['XDG_CACHE_HOME'] || join(environment['HOME'] || homedir(), '.cache');
  const hash = createHash('sha256')
    .update(readFileSync(join(FOLDER, 'package-lock.json')))
    .digest('hex');
  return join(base, 'reticle', 'clients', hash.slice(0, HASH_CHARACTERS));
}

/** Beside the cache first, then into place in one step; of two that race, one wins and both use what lies there. */
async function fillCache(kept: string, say: (text: string) => void): Promise<boolean> {
  say('clients: installing the real clients (once per lockfile; about a minute)…');
  mkdirSync(dirname(kept), { recursive: true });
  const draft = mkdtempSync(`${kept}.draft-`);
  try {
    for (const name of MANIFESTS) copyFileSync(join(FOLDER, name), join(draft, name));
    if ((await runProgram('npm', INSTALL, draft)) !== 0) return false;
    try {
      renameSync(draft, kept);
    } catch (error) {
      if (!existsSync(kept)) throw error;
    }
    return true;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** A folder that somebody installed by hand stays. */
function link(target: string): void {
  const path = join(FOLDER, 'node_modules');
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() === false) return;
  if (found !== undefined && readlinkSync(path) === target) return;
  rmSync(path, { force: true });
  symlinkSync(target, path);
}
