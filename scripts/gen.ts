/**
 * Regenerates every committed generated file; with `--check` it changes nothing and fails when one
 * differs (run `npm run gen` then).
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ACCESS_FOLDER, generateAccess } from './gen-access.ts';
import { generateCrds } from './gen-crds.ts';
import {
  generateErrorReference,
  generateLayersPage,
  generateMetricReference,
  generateReasonReference,
} from './gen-docs.ts';
import { generateTsconfigs } from './gen-tsconfig.ts';
import { repositoryRoot, runTool } from './run-tool.ts';

process.chdir(repositoryRoot);
const check = process.argv.includes('--check');
const wanted = new Map<string, string>([
  ...generateTsconfigs(),
  ...(await generateProtoTypes()),
  ...generateCrds(),
  ...generateAccess(),
  ['docs/contributor/layers.md', generateLayersPage()],
  ['docs/reference/errors.md', generateErrorReference()],
  ['docs/reference/metrics.md', generateMetricReference()],
  ['docs/reference/reasons.md', generateReasonReference()],
]);
const stale = ['proto/gen', 'charts/reticle/templates/crds', ACCESS_FOLDER]
  .flatMap((folder) => (existsSync(folder) ? filesUnder(folder) : []))
  .filter((path) => isGenerated(path) && !wanted.has(path));
const changed = [...wanted].filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text);
if (check) report();
else write();

function isGenerated(path: string): boolean {
  return !path.endsWith('tsconfig.json');
}

function report(): void {
  for (const path of [...stale, ...changed.map(([changedPath]) => changedPath)])
    process.stderr.write(`gen: ${path} is out of date\n`);
  if (stale.length + changed.length > 0) {
    process.stderr.write('gen: run `npm run gen` and commit the result\n');
    process.exitCode = 1;
  }
}

function write(): void {
  for (const path of stale) rmSync(path);
  for (const [path, text] of changed) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  process.stdout.write(`gen: ${changed.length} written, ${stale.length} removed, ${wanted.size} in all\n`);
}

/** Message types of every .proto file, by the library's own generator. */
async function generateProtoTypes(): Promise<Map<string, string>> {
  const out = mkdtempSync(join(tmpdir(), 'reticle-gen-'));
  const files = filesUnder('proto/reticle')
    .filter((path) => path.endsWith('.proto'))
    .map((path) => path.slice('proto/'.length));
  const status = await runTool('proto-loader-gen-types', [
    '--longs=Number',
    '--defaults',
    '--oneofs',
    '--grpcLib=@grpc/grpc-js',
    '--importFileExtension=.ts',
    '--inputTemplate=%s__Input',
    '--outputTemplate=%s',
    '--includeDirs=proto',
    `--outDir=${out}`,
    ...files,
  ]);
  if (status !== 0) throw new Error('proto-loader-gen-types failed');
  const generated = new Map(
    filesUnder(out).map((path) => [join('proto/gen', path.slice(out.length + 1)), readFileSync(path, 'utf8')]),
  );
  rmSync(out, { recursive: true });
  return generated;
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
