/**
 * Checks the folder graph of `scripts/layers.ts` with dependency-cruiser, type-only edges and cycles
 * included, and first proves that the check can fail: a canary with a forbidden type-only import.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseOptions, type IForbiddenRuleType } from 'dependency-cruiser';
import { layers, type Layer } from './layers.ts';
import { repositoryRoot } from './run-tool.ts';

process.chdir(repositoryRoot);

const escape = (text: string): string => text.replaceAll('.', String.raw`\.`);
const inside = (folders: readonly string[]): string => `^(${folders.map(escape).join('|')})/`;

/** Folders below this layer's folder that are layers of their own. */
function nested(layer: Layer): string[] {
  return layers.filter((other) => other.folder.startsWith(`${layer.folder}/`)).map((other) => other.folder);
}

function layerRule(layer: Layer): IForbiddenRuleType {
  const own = nested(layer);
  const allowed = [layer.folder, ...layer.imports];
  const forbidden = layers.map((other) => other.folder).filter((folder) => !allowed.includes(folder));
  return {
    name: `layer-${layer.folder}`,
    comment: `${layer.folder} (rank ${layer.rank}) may import only: ${layer.imports.join(', ') || 'nothing'}`,
    severity: 'error',
    from: {
      path: inside([layer.folder]),
      pathNot: [String.raw`\.test\.ts$`, ...(own.length > 0 ? [inside(own)] : [])],
    },
    to: { path: inside(forbidden.filter((folder) => !layer.folder.startsWith(`${folder}/`))) },
  };
}

const rules: IForbiddenRuleType[] = [
  ...layers.map(layerRule),
  {
    name: 'planes-apart',
    comment: 'operator and services never import each other: a ServingSnapshot message is all that crosses',
    severity: 'error',
    from: { path: '^(operator|services)/' },
    to: { path: '^(operator|services)/', pathNot: '^$1/' },
  },
  {
    name: 'roots-are-leaves',
    comment: 'nothing imports a composition root but tests and benches',
    severity: 'error',
    from: { pathNot: '^(services/main|test|bench|clients/cli)/' },
    to: { path: '^services/main/' },
  },
  {
    name: 'no-cycles',
    comment: 'a cycle has no order to read it in; two records of one folder may name each other in types alone',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
];

const options: ICruiseOptions = {
  ruleSet: { forbidden: rules },
  validate: true,
  parser: 'swc',
  tsPreCompilationDeps: true,
  doNotFollow: { path: 'node_modules' },
  exclude: { path: ['node_modules', String.raw`(^|/)dist/`, String.raw`\.cache/`] },
  enhancedResolveOptions: {
    exportsFields: ['exports'],
    conditionNames: ['import', 'node', 'default'],
    extensions: ['.ts', '.mjs', '.js'],
  },
};

async function violations(paths: string[]): Promise<string[]> {
  const { output } = await cruise(paths, options);
  if (typeof output === 'string') throw new Error('dependency-cruiser answered text');
  return output.summary.violations.map((each) => `${each.rule.name}: ${each.from} → ${each.to}`);
}

async function canaryIsCaught(): Promise<boolean> {
  const folder = mkdtempSync(join('core/domain', 'canary-'));
  try {
    writeFileSync(
      join(folder, 'canary.ts'),
      "import type { Env } from '@reticle/core/process';\nexport type Forbidden = Env;\n",
    );
    const found = await violations([folder]);
    return found.some((line) => line.startsWith('layer-core/domain'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const present = [...new Set(layers.map((layer) => layer.folder.split('/')[0] as string))].filter((folder) =>
  readdirSync('.').includes(folder),
);
if (!(await canaryIsCaught())) {
  process.stderr.write('layers: the canary import was not reported, so this check proves nothing\n');
  process.exitCode = 1;
} else {
  const found = await violations(present);
  for (const line of found) process.stderr.write(`layers: ${line}\n`);
  if (found.length > 0) process.exitCode = 1;
  else process.stdout.write(`layers: ${present.length} folders, no forbidden edge, canary caught\n`);
}
