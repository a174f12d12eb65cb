/**
 * Makes `dist/playground` of `clients/playground`, unless what lies there was made of the same files. Two that run at once
 * do not disturb each other: each builds beside the place and moves its work there in one step.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './run-tool.ts';

const SOURCE = join(repositoryRoot, 'clients', 'playground');
const DIST = join(repositoryRoot, 'dist');
const TARGET = join(DIST, 'playground');
/** What the build was made of; no page, so it is never served. */
const STAMP = 'sources.sha256';

const wanted = digest();
if (built() !== wanted) await build();

async function build(): Promise<void> {
  process.stdout.write('building the playground (once; about two seconds)…\n');
  mkdirSync(DIST, { recursive: true });
  const draft = mkdtempSync(join(DIST, 'playground-'));
  try {
    const vite = await import('vite');
    await vite.build({
      root: SOURCE,
      base: './',
      configFile: false,
      envDir: false,
      logLevel: 'warn',
      // An image inside of a style would be against the page's content security policy.
      build: {
        outDir: join(draft, 'out'),
        emptyOutDir: true,
        target: 'es2024',
        assetsInlineLimit: 0,
        modulePreload: false,
      },
    });
    writeFileSync(join(draft, 'out', STAMP), wanted);
    replace(join(draft, 'out'), join(draft, 'old'));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Moves what lies at the target away and the new build there; of two that race, either may stay. */
function replace(next: string, away: string): void {
  try {
    if (existsSync(TARGET)) renameSync(TARGET, away);
    renameSync(next, TARGET);
  } catch (error) {
    if (built() !== wanted) throw error;
  }
}

function built(): string {
  const stamp = join(TARGET, STAMP);
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
}

/** Everything that decides the build: its sources, this file, and the version of what builds. */
function digest(): string {
  const hash = createHash('sha256');
  const files = readdirSync(SOURCE).filter((name) => /(?<!\.test)\.(ts|html|css|svg)$/.test(name));
  const paths = [...files.toSorted().map((name) => join(SOURCE, name)), import.meta.filename];
  for (const path of [...paths, join(repositoryRoot, 'node_modules', 'vite', 'package.json')]) {
    hash
      .update(`${path.slice(repositoryRoot.length)}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex');
}
