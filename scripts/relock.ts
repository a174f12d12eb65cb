/**
 * `npm run relock`: writes package-lock.json anew from the manifests alone, in an empty folder (an install over an
 * existing one forgets the entries of other platforms), and completes it: a registry mirror that lacks a tool's
 * build for another platform makes npm leave its entry out, and `npm ci` then refuses the whole lockfile. Such an
 * entry is added with its version, system and processor; without integrity, since nobody here has seen its content.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryRoot, runProgram } from './run-tool.ts';

type LockEntry = {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
  os?: string[];
  cpu?: string[];
  libc?: string[];
};
type Lock = { packages: Record<string, LockEntry> };

const SYSTEMS = ['darwin', 'win32', 'linux', 'freebsd', 'android', 'openharmony'];
const PROCESSORS: Readonly<Record<string, string>> = {
  arm64: 'arm64',
  aarch64: 'arm64',
  x64: 'x64',
  ia32: 'ia32',
  arm: 'arm',
  armv7: 'arm',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  loong64: 'loong64',
  wasm32: 'wasm32',
};

process.chdir(repositoryRoot);
const folder = mkdtempSync(join(tmpdir(), 'reticle-lock-'));
try {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] };
  for (const file of [
    '.npmrc',
    'package.json',
    ...manifest.workspaces.map((workspace) => `${workspace}/package.json`),
  ]) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    cpSync(file, join(folder, file));
  }
  process.stdout.write('relock: asking the registry for every package (about half a minute)…\n');
  const status = await runProgram(
    'npm',
    ['install', '--package-lock-only', '--ignore-scripts', '--loglevel=error'],
    folder,
  );
  if (status !== 0) throw new Error('npm install --package-lock-only failed');
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as Lock;
  const added = complete(lock);
  writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(
    `relock: ${Object.keys(lock.packages).length} packages, ${added} of other platforms completed\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}

function complete(lock: Lock): number {
  let added = 0;
  for (const entry of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const path = `node_modules/${name}`;
      if (lock.packages[path] !== undefined) continue;
      lock.packages[path] = {
        version,
        ...platformOf(name),
        ...(entry.dev === true ? { dev: true } : {}),
        optional: true,
      };
      added += 1;
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return added;
}

/** System, processor and C library that a platform package names in its own name. */
function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[^a-z0-9]+/);
  const os = words.filter((word) => SYSTEMS.includes(word));
  const cpu = words.flatMap((word) => PROCESSORS[word] ?? []);
  if (os.length + cpu.length === 0) throw new Error(`${name} is missing from the registry and names no platform`);
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : [];
  const glibc = words.some((word) => word.startsWith('gnu') || word === 'glibc') ? ['glibc'] : [];
  const cLibrary = [...libc, ...glibc];
  return {
    ...(os.length > 0 ? { os } : {}),
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(cLibrary.length > 0 && os.includes('linux') ? { libc: cLibrary } : {}),
  };
}
