import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findTool, type ToolResult } from './resolve-tool.ts';
import { tools, type Tool } from './tool-table.ts';

let root = '';
let said: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'reticle-tools-test-'));
  said = [];
});
afterEach(() => rmSync(root, { recursive: true }));

function program(folder: string, name: string, script: string): string {
  mkdirSync(join(root, folder), { recursive: true });
  const path = join(root, folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const versioned = (folder: string, version: string): string => program(folder, 'part', `echo "part: v${version}"`);

/** A Go that builds a program of the pinned version, or does what `build` says; each build leaves a line in `builds`. */
function fakeGo(
  version = 'go1.26.8',
  build = 'printf "#!/bin/sh\\necho part v2.15.2\\n" > "$out"; chmod +x "$out"',
): void {
  const take = 'while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done';
  program(
    'go-bin',
    'go',
    `PATH=/usr/bin:/bin\nif [ "$1" = env ]; then echo ${version}; exit; fi\necho x >> ${root}/builds\n${take}\n${build}`,
  );
}

function builds(): number {
  return existsSync(join(root, 'builds')) ? readFileSync(join(root, 'builds'), 'utf8').length / 2 : 0;
}

function find(path: readonly string[] = [], more: Record<string, string> = {}, over: Partial<Tool> = {}) {
  mkdirSync(join(root, 'module'), { recursive: true });
  writeFileSync(join(root, 'module', 'go.mod'), 'module x\n');
  const tool: Tool = { ...tools['nats-server'], moduleFolder: join(root, 'module'), ...over };
  // Nothing of the machine's own is on this PATH: there may be a Go.
  const environment = {
    PATH: path.map((folder) => join(root, folder)).join(':'),
    XDG_CACHE_HOME: join(root, 'cache'),
    ...more,
  };
  return findTool('part', tool, { environment, say: (text) => said.push(text) });
}

const cached = (): string => join(root, 'cache', 'reticle', 'tools', 'part-2.15.2', 'part');
const missing = (result: ToolResult): string => ('missing' in result ? result.missing : 'found');

describe('findTool', () => {
  test('takes the environment’s folder before PATH, and says so', async () => {
    versioned('on-path', '2.15.9');
    const path = versioned('own', '2.15.0');
    expect(await find(['on-path'], { RETICLE_TOOLS: join(root, 'own') })).toEqual({ path, way: 'RETICLE_TOOLS' });
    expect(said).toEqual([`part 2.15.2 from RETICLE_TOOLS: ${path}`]);
  });

  test('takes KUBEBUILDER_ASSETS for the tools that are kept there, after RETICLE_TOOLS and before PATH', async () => {
    versioned('on-path', '2.15.9');
    const assets = versioned('assets', '2.15.1');
    const there = { KUBEBUILDER_ASSETS: join(root, 'assets') };
    const kept: Partial<Tool> = { environmentFolders: ['KUBEBUILDER_ASSETS'] };
    expect(await find(['on-path'], there, kept)).toEqual({ path: assets, way: 'KUBEBUILDER_ASSETS' });
    expect(await find(['on-path'], there)).toMatchObject({ way: 'PATH' });
    const own = versioned('own', '2.15.0');
    expect(await find(['on-path'], { ...there, RETICLE_TOOLS: join(root, 'own') }, kept)).toMatchObject({ path: own });
  });

  test('passes over what is not of the pinned minor, is no program or has no version', async () => {
    const [old, mute] = [versioned('old', '2.14.9'), program('mute', 'part', 'exit 3')];
    mkdirSync(join(root, 'plain'));
    writeFileSync(join(root, 'plain', 'part'), 'not a program');
    const path = versioned('right', '2.15.7');
    expect(await find(['old', 'mute', 'plain', 'right'])).toEqual({ path, way: 'PATH' });
    expect(said.slice(0, 2)).toEqual([
      `${old} is part 2.14.9, 2.15 is wanted`,
      `${mute} is part of no known version, 2.15 is wanted`,
    ]);
  });

  test('builds once with Go and takes the cache from then on', async () => {
    fakeGo();
    expect(await find(['go-bin'])).toEqual({ path: cached(), way: 'build' });
    expect(await find(['go-bin'])).toEqual({ path: cached(), way: 'cache' });
    expect(await find([])).toEqual({ path: cached(), way: 'cache' });
    expect(builds()).toBe(1);
  });

  test('builds anew when the cached program is not what was put there', async () => {
    fakeGo();
    await find(['go-bin']);
    writeFileSync(cached(), 'damaged');
    expect(await find(['go-bin'])).toEqual({ path: cached(), way: 'build' });
    expect(await find([])).toEqual({ path: cached(), way: 'cache' });
  });

  test('two that build at once both get the program, and leave nothing else behind', async () => {
    fakeGo();
    const both = await Promise.all([find(['go-bin']), find(['go-bin'])]);
    expect(both).toEqual([1, 2].map(() => ({ path: cached(), way: 'build' })));
    expect(builds()).toBe(2);
    expect(readdirSync(join(root, 'cache', 'reticle', 'tools'))).toEqual(['part-2.15.2']);
  });

  test('another version has its own place in the cache', async () => {
    fakeGo();
    await find(['go-bin']);
    expect(await find(['go-bin'], {}, { version: '2.15.3' })).toMatchObject({ way: 'build' });
    expect(readdirSync(join(root, 'cache', 'reticle', 'tools'))).toEqual(['part-2.15.2', 'part-2.15.3']);
  });

  test.each([
    { name: 'no Go', go: undefined, build: undefined, want: 'there is no Go on PATH' },
    { name: 'an old Go', go: 'go1.25.9', build: undefined, want: 'Go 1.25 is older than 1.26' },
    { name: 'a build that fails', go: 'go1.26.0', build: 'echo proxy says 403 >&2; exit 1', want: 'proxy says 403' },
  ])('with $name names the part and the ways to get it, and leaves nothing half made', async ({ go, build, want }) => {
    if (go !== undefined) fakeGo(go, build);
    const text = missing(await find(['go-bin'].filter(() => go !== undefined)));
    expect(text).toContain(want);
    for (const word of ['part 2.15.2', 'RETICLE_TOOLS', 'PATH', 'Go 1.26', 'cache']) expect(text).toContain(word);
    expect(existsSync(join(root, 'cache')) ? readdirSync(join(root, 'cache', 'reticle', 'tools')) : []).toEqual([]);
  });

  test('without the pinned module says so', async () => {
    fakeGo();
    const text = missing(await find(['go-bin'], {}, { moduleFolder: join(root, 'nowhere') }));
    expect(text).toContain('its pinned module is not in this copy');
  });
});

describe('the table', () => {
  test.each(Object.entries(tools))('the version of %s is the one that its module requires', (_, tool) => {
    const required = `${tool.module} v${tool.version}`;
    expect(readFileSync(join(tool.moduleFolder, 'go.mod'), 'utf8')).toContain(`require ${required}\n`);
    expect(readFileSync(join(tool.moduleFolder, 'go.sum'), 'utf8')).toContain(`${required} h1:`);
    expect(tool.package.startsWith(tool.module)).toBe(true);
    expect(readFileSync(join(tool.moduleFolder, 'tools.go'), 'utf8')).toContain(`"${tool.package}"`);
  });
});
