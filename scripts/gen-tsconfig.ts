/** Generates one TypeScript project per layer, so that an illegal edge is a compile error (TS6307). */
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { layers, type Layer } from './layers.ts';

const TEST_PROJECT = 'tsconfig.tests.json';
const CACHE = '.cache/types';

/** Path → content of every generated project file. */
export function generateTsconfigs(): Map<string, string> {
  const present = layers.filter((layer) => existsSync(layer.folder) && layer.folder !== 'test');
  const files = new Map<string, string>();
  for (const layer of present) files.set(`${layer.folder}/tsconfig.json`, render(folderProject(layer, present)));
  files.set(TEST_PROJECT, render(testProject(present)));
  files.set(
    'tsconfig.json',
    render({
      files: [],
      references: [...present.map((layer) => ({ path: `./${layer.folder}` })), { path: `./${TEST_PROJECT}` }],
    }),
  );
  return files;
}

function folderProject(layer: Layer, present: readonly Layer[]): object {
  const up = posix.relative(layer.folder, '.');
  const nested = present.filter((other) => other.folder.startsWith(`${layer.folder}/`));
  return {
    extends: `${up}/tsconfig.base.json`,
    compilerOptions: {
      types: layer.pure || layer.browser === true ? [] : ['node'],
      ...(layer.browser === true ? { lib: ['es2024', 'dom', 'dom.iterable'] } : {}),
      rootDir: '.',
      outDir: `${up}/${CACHE}/${layer.folder}`,
      tsBuildInfoFile: `${up}/${CACHE}/${layer.folder}.tsbuildinfo`,
    },
    include: ['**/*.ts'],
    exclude: [
      '**/*.test.ts',
      'node_modules',
      'dist',
      ...nested.map((other) => posix.relative(layer.folder, other.folder)),
    ],
    references: present
      .filter((other) => other !== layer && layer.imports.includes(other.folder))
      .map((other) => ({ path: posix.relative(layer.folder, other.folder) })),
  };
}

function testProject(present: readonly Layer[]): object {
  return {
    extends: './tsconfig.base.json',
    compilerOptions: {
      types: ['node'],
      rootDir: '.',
      outDir: `${CACHE}/tests`,
      tsBuildInfoFile: `${CACHE}/tests.tsbuildinfo`,
    },
    include: ['test/**/*.ts', ...present.map((layer) => `${layer.folder}/**/*.test.ts`)],
    exclude: ['**/node_modules', '**/dist'],
    references: present.map((layer) => ({ path: `./${layer.folder}` })),
  };
}

function render(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
