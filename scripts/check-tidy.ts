/** House rules that no linter knows: folders in the layer table, READMEs, page sizes, banned words, no addresses. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { layerOf } from './layers.ts';
import { repositoryRoot } from './run-tool.ts';

process.chdir(repositoryRoot);

const FILE_LINES_MAX = 600;
const README_LINES_MAX = 60;
const CONTRIBUTING_LINES_MAX = 80;
/** Workspaces and audiences that must explain themselves. */
const README_FOLDERS = [
  'proto',
  'core',
  'operator',
  'services',
  'services/engine',
  'services/session',
  'services/stream',
  'services/edge',
  'services/main',
  'clients/sdk',
  'clients/cli',
  'clients/playground',
  'test',
  'bench',
  'examples',
  'scripts',
];
/** A rejected word and the one to use (ARCHITECTURE §2). Each word is split here so that this file passes its own check. */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`\\b${'T'}ODO\\b|\\b${'F'}IXME\\b`), 'finish it, or write it down as missing'],
  [/(^|\/)\w*(utils|helpers|-manager)\.ts$/, 'name the file after what it holds'],
];
/** Nothing of the machine that wrote a file may stand in it. */
const FOREIGN = new RegExp(`/(work|root|home)/${'[a-z]'}|registry\\.${'npmjs'}`);

type Problem = { readonly path: string; readonly text: string };

/** One house rule: what is wrong with a file, or undefined. */
type FileRule = (file: { readonly path: string; readonly text: string; readonly lines: number }) => string | undefined;

const fileRules: readonly FileRule[] = [
  ({ path, lines }) =>
    path.endsWith('.ts') && lines > FILE_LINES_MAX ? `${lines} lines; ${FILE_LINES_MAX} is the most` : undefined,
  ({ path, lines }) =>
    path === 'CONTRIBUTING.md' && lines > CONTRIBUTING_LINES_MAX
      ? `${lines} lines; ${CONTRIBUTING_LINES_MAX} is the most`
      : undefined,
  ({ path }) =>
    path.endsWith('.ts') && path.includes('/') && layerOf(path) === undefined
      ? 'its folder is missing from scripts/layers.ts'
      : undefined,
  ({ path, text }) => {
    const banned = BANNED.find(([pattern]) => pattern.test(path) || pattern.test(text));
    return banned === undefined ? undefined : `${banned[0].source}: ${banned[1]}`;
  },
  ({ text }) => (FOREIGN.test(text) ? 'holds a path or host of some machine' : undefined),
];

function checkFile(path: string): Problem[] {
  if (path.startsWith('proto/gen/') || path === 'package-lock.json') return [];
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n').length;
  return fileRules.flatMap((rule) => {
    const found = rule({ path, text, lines });
    return found === undefined ? [] : [{ path, text: found }];
  });
}

function checkReadme(folder: string): Problem[] {
  if (!existsSync(folder)) return [];
  const path = `${folder}/README.md`;
  if (!existsSync(path)) return [{ path, text: 'is missing: purpose, entry, rank, how to test' }];
  const lines = readFileSync(path, 'utf8').split('\n').length;
  return lines > README_LINES_MAX ? [{ path, text: `${lines} lines; one page is ${README_LINES_MAX}` }] : [];
}

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && existsSync(path));
const problems: Problem[] = [...files.flatMap(checkFile), ...README_FOLDERS.flatMap(checkReadme)];
for (const { path, text } of problems) process.stderr.write(`tidy: ${path}: ${text}\n`);
if (problems.length > 0) process.exitCode = 1;
else process.stdout.write(`tidy: ${files.length} files in order\n`);
