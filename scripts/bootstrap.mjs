#!/usr/bin/env node
// Runs `FILE [ARGS…]` of this repository under Node 24, on a machine that has only npm and any Node ≥ 20.
// Plain JavaScript without dependencies: nothing is installed yet when it first runs.
//   1. installs from the lockfile when node_modules is missing or older than the lockfile
//   2. picks Node 24: this process if it is one, else the binary that npm brought
//   3. runs FILE in this process, or under that binary with signals passed on
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.reticle-lock');
const NODE_WANTED = '24.17 or a later 24.x';

function say(text) {
  process.stderr.write(`reticle: ${text}\n`);
}

function isWanted(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major === 24 && minor >= 17;
}

function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function installedDigest() {
  return existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';
}

function install() {
  const wanted = lockDigest();
  if (installedDigest() === wanted) return;
  say('installing dependencies from package-lock.json (once; about a minute)…');
  const started = Date.now();
  const dots = process.stderr.isTTY ? '--progress=true' : '--progress=false';
  const result = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error', dots],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
      env: { ...process.env, NODE_ENV: 'development' },
    },
  );
  if (result.status !== 0) {
    say('npm ci failed: its message is above. Check the network or the registry setting, then run the command again.');
    process.exit(result.status ?? 1);
  }
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, wanted);
  say(`installed in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

function node24() {
  if (isWanted(process.version)) return process.execPath;
  const brought = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  if (process.platform === 'linux' && existsSync(brought)) return brought;
  say(
    `this is Node ${process.version}; Reticle runs on Node ${NODE_WANTED}, and npm brings no Node 24 for ${process.platform}-${process.arch}.`,
  );
  say(
    'Install Node 24 (https://nodejs.org, or: nvm install 24), make it the `node` on your PATH, then run the command again.',
  );
  process.exit(3);
}

async function run(binary, file, args) {
  if (binary === process.execPath) {
    process.argv = [process.argv[0], file, ...args];
    await import(pathToFileURL(file).href);
    return;
  }
  const env = { ...compileCache(), ...process.env };
  const child = spawn(binary, [file, ...args], { stdio: 'inherit', cwd: process.cwd(), env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)));
}

const [target, ...args] = process.argv.slice(2);
if (target === undefined) {
  say('usage: node scripts/bootstrap.mjs FILE [ARGS…]');
  process.exit(2);
}
install();
await run(node24(), resolve(root, target), args);

/**
 * Node keeps what it compiles in the user's own cache, so that the next command, and every process that it starts,
 * begins in half of the time. As services/main/compile-cache.ts; nothing where the user has decided otherwise.
 */
function compileCache() {
  const { NODE_COMPILE_CACHE, NODE_DISABLE_COMPILE_CACHE, XDG_CACHE_HOME, HOME } = process.env;
  if (NODE_COMPILE_CACHE || NODE_DISABLE_COMPILE_CACHE) return {};
  return { NODE_COMPILE_CACHE: join(XDG_CACHE_HOME || join(HOME || homedir(), '.cache'), 'reticle', 'compile') };
}
