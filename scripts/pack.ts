/**
 * Writes the packages that others install (`@reticle/proto`, `@reticle/core`, `@reticle/sdk`) as plain JavaScript with
 * declarations to `dist/<name>/`, ready for `npm pack`: Node strips types of this repository's own files, but not
 * of files below node_modules.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformSync } from '@swc/core';
import { repositoryRoot, runTool } from './run-tool.ts';

type Manifest = {
  name: string;
  version: string;
  private?: boolean;
  exports: string | Record<string, string>;
  dependencies: Record<string, string>;
  [key: string]: unknown;
};

const PACKAGES = ['proto', 'core', 'clients/sdk'] as const;
/** Tests and what only tests use. */
const TEST_ONLY = /(\.test|-kit|-rig|(^|\/)fake-[^/]*)\.ts$/;
/** Import and export specifiers of this repository's own files, in code and in declarations. */
const OWN_SPECIFIER = /((?:from|import)\s*\(?\s*['"])(\.{1,2}\/[^'"]+)\.ts(['"])/g;

process.chdir(repositoryRoot);
const status = await runTool('tsc', ['-b', 'clients/sdk']);
if (status !== 0) throw new Error('tsc -b failed: nothing was packed');
rmSync('dist', { recursive: true, force: true });
for (const folder of PACKAGES) pack(folder);
process.stdout.write(`pack: ${PACKAGES.length} packages in dist/\n`);

function pack(folder: string): void {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const out = join('dist', manifest.name.split('/')[1] ?? manifest.name);
  for (const file of sources(folder)) compile(folder, file, out);
  if (existsSync(join(folder, 'reticle'))) cpSync(join(folder, 'reticle'), join(out, 'reticle'), { recursive: true });
  cpSync('LICENSE', join(out, 'LICENSE'));
  cpSync(join(folder, 'README.md'), join(out, 'README.md'));
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`);
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !TEST_ONLY.test(file) && !file.includes('node_modules'),
  );
}

function compile(folder: string, file: string, out: string): void {
  const { code } = transformSync(readFileSync(join(folder, file), 'utf8'), {
    filename: file,
    jsc: { target: 'es2024', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
  });
  write(join(out, file.replace(/\.ts$/, '.js')), code);
  const declaration = declarationOf(join(folder, file));
  if (declaration !== undefined) write(join(out, file.replace(/\.ts$/, '.d.ts')), declaration);
}

/** Declarations lie in `.cache/types` below the TypeScript project that owns the file. */
function declarationOf(file: string): string | undefined {
  const path = join('.cache', 'types', file.replace(/\.ts$/, '.d.ts'));
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text.replaceAll(OWN_SPECIFIER, '$1$2.js$3'));
}

function published(manifest: Manifest): object {
  const exportsMap = typeof manifest.exports === 'string' ? { '.': manifest.exports } : manifest.exports;
  const { private: _private, ...rest } = manifest;
  return {
    ...rest,
    engines: { node: '>=24.17' },
    exports: Object.fromEntries(
      Object.entries(exportsMap).map(([name, target]) => [
        name,
        { types: target.replace(/\.ts$/, '.d.ts'), default: target.replace(/\.ts$/, '.js') },
      ]),
    ),
    dependencies: Object.fromEntries(
      Object.entries(manifest.dependencies).map(([name, range]) => [
        name,
        name.startsWith('@reticle/') ? manifest.version : range,
      ]),
    ),
  };
}
