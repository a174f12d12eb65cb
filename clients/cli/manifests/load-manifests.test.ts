import { beforeAll, describe, expect, test } from '@jest/globals';
import { isReticleError, parseSimScript, ruleMatches } from '@reticle/core/domain';
import { parseItem } from '@reticle/core/domain/tokens';
import { evaluatePlan, planChain } from '@reticle/core/domain/wafer';
import { toGeometry, toProfile } from '@reticle/operator/api';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { listDirectory } from './list-directory.ts';
import { loadManifests, type ManifestFiles, type Scene } from './load-manifests.ts';
import { ManifestError } from './manifest-error.ts';

const examples = new URL('../../../examples/local', import.meta.url).pathname;
const nodeFiles: ManifestFiles = { disk: { readText: (path) => readFile(path, 'utf8') }, list: listDirectory };

/** Files in memory, by path; a directory is every path below it, one level deep. */
function memory(files: Readonly<Record<string, string>>): ManifestFiles {
  const missing = (path: string) => new Error(`ENOENT: no such file or directory, open '${path}'`);
  return {
    disk: {
      readText: async (path, bytesMax = Infinity) => {
        const content = files[path];
        if (content === undefined) throw missing(path);
        if (content.length > bytesMax) throw new RangeError(`file is larger than ${bytesMax} bytes`);
        return content;
      },
    },
    list: async (path) => {
      if (files[path] !== undefined) return undefined;
      const names = Object.keys(files).filter((file) => file.startsWith(`${path}/`));
      if (names.length === 0) throw missing(path);
      return names.map((file) => file.slice(path.length + 1));
    },
  };
}

const text = (name: string) => readFileSync(`${examples}/${name}.yaml`, 'utf8');
const good = {
  'm/class.yaml': text('wafer-class'),
  'm/deployment.yaml': text('model-deployment'),
  'm/model.yaml': text('model'),
  'm/pool.yaml': text('wafer-pool'),
};

/** One replacement in one of the good files; it must apply. */
type Edit = readonly [file: keyof typeof good, from: string, to: string];
function edited(edits: readonly Edit[]): Readonly<Record<string, string>> {
  const files: Record<string, string> = { ...good };
  for (const [file, from, to] of edits) {
    const before = files[file] ?? '';
    if (!before.includes(from)) throw new Error(`${file} has no "${from}"`);
    files[file] = before.replace(from, () => to);
  }
  return files;
}

async function refusal(
  files: Readonly<Record<string, string>>,
  paths: readonly string[] = ['m'],
): Promise<readonly string[]> {
  try {
    await loadManifests(paths, memory(files));
  } catch (error) {
    if (error instanceof ManifestError) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('the manifests of examples/local', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await loadManifests([examples], nodeFiles);
  });

  test('hold one object of each kind', () => {
    expect(scene.waferClasses.map((object) => object.metadata.name)).toEqual(['wse3']);
    expect(scene.waferPools.map((object) => object.spec.source)).toEqual([
      { simulated: { wafers: 64, nodeSelector: {} } },
    ]);
    expect(scene.models.map((object) => object.metadata.name)).toEqual(['spark-ref']);
    expect(scene.deployments.map((object) => object.spec.shape.wafers)).toEqual([12]);
  });

  test('hold a script that lists files with the command tool of Codex, and then says so', () => {
    const script = parseSimScript(scene.deployments[0]?.spec.engine.args['script'] ?? '', 'script');
    const says = (json: string): unknown =>
      script.find((rule) => ruleMatches(rule, parseItem(json, 'item')))?.items.at(-1);
    expect(says('{"role":"user","content":"Please list files here."}')).toEqual({
      kind: 'call',
      name: 'exec_command',
      tool: 'function',
      text: '{"cmd":"ls"}',
    });
    const output = says('{"type":"function_call_output","call_id":"c","output":"README.md"}');
    expect(output).toMatchObject({ kind: 'message', text: expect.any(String) });
    expect(says('{"role":"user","content":"Write a parser."}')).toBeUndefined();
  });

  test('plan to the working point of WAFER §5.6: spark-ref on 12 wafers at 32k', () => {
    const [model, waferClass, deployment] = [scene.models[0], scene.waferClasses[0], scene.deployments[0]];
    if (!model || !waferClass || !deployment) throw new Error('a kind is missing');
    const { wafers, streams, contextTokensMean } = deployment.spec.shape;
    const plan = planChain({ geometry: toGeometry(model), profile: toProfile(waferClass), wafers });
    if (!plan) throw new Error('the chain does not fit');
    expect(plan.kvTokens).toBe(5_563_838);
    expect(Math.floor(plan.kvTokens / contextTokensMean)).toBe(streams);
    const speed = evaluatePlan(plan, { streams, meanContextTokens: contextTokensMean });
    expect(Math.round(speed.tokensPerSecond)).toBe(1_949);
  });

  test('weigh what WAFER §4 says: 0.53 bytes per parameter', () => {
    const geometry = scene.models.map(toGeometry)[0];
    expect(geometry?.weightBytes).toBe(61_919_900_000);
    const parts = 36 * (geometry?.layerRuns[0]?.weightBytes ?? 0) + 2 * (geometry?.endBytes ?? 0);
    expect(Math.abs(parts - 61_919_900_000)).toBeLessThanOrEqual(36);
  });

  test('name the geometry by its digest', () => {
    const written = parse(text('model')) as { spec: { geometry: unknown } };
    const digest = createHash('sha256').update(JSON.stringify(written.spec.geometry)).digest('hex');
    expect(scene.models[0]?.spec.digest).toBe(`sha256:${digest}`);
  });
});

describe('listDirectory', () => {
  test('lists a directory, answers nothing for a file and rejects for a missing path', async () => {
    expect(await listDirectory(examples)).toContain('model.yaml');
    expect(await listDirectory(`${examples}/model.yaml`)).toBeUndefined();
    await expect(listDirectory(`${examples}/gone`)).rejects.toThrow('ENOENT');
  });
});

describe('loadManifests', () => {
  test('reads files, directories and several documents of one file alike', async () => {
    const whole = await loadManifests(['m'], memory(good));
    const joined = Object.values(good).join('\n---\n');
    expect(await loadManifests(['all.yaml'], memory({ 'all.yaml': `---\n${joined}\n---\n` }))).toEqual(whole);
    expect(await loadManifests(Object.keys(good), memory(good))).toEqual(whole);
    expect(
      await loadManifests(['m/'], {
        ...memory(good),
        list: async () => Object.keys(good).map((file) => file.slice(2)),
      }),
    ).toEqual(whole);
  });

  test('reads only manifests of a directory', async () => {
    expect(await refusal({ ...good, 'm/README.md': '{', 'm/notes.yaml.bak': '{' })).toEqual([]);
    expect(await refusal({ ...good, 'm/more.json': '{"kind": "Model"}' })).toHaveLength(2);
  });

  test('throws an operational error that carries each problem', async () => {
    const broken = edited([['m/class.yaml', 'reservePercent: 10', 'reservePercent: 51']]);
    const error: unknown = await loadManifests(['m'], memory(broken)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ManifestError);
    expect(isReticleError(error) && error.code).toBe('invalid_request');
    expect(error).toMatchObject({
      problems: [{ file: 'm/class.yaml', line: 9, subject: 'WaferClass/wse3', field: 'spec.reservePercent' }],
    });
  });

  test.each<{ name: string; edits: readonly Edit[]; want: readonly string[] }>([
    {
      name: 'a wrong type',
      edits: [['m/deployment.yaml', 'wafers: 12', 'wafers: twelve']],
      want: [
        'm/deployment.yaml:23  ModelDeployment/spark-ref  spec.shape.wafers  must be a whole number from 0 to 256, not a string',
      ],
    },
    {
      name: 'an unknown field',
      edits: [['m/deployment.yaml', 'servedName', 'servedname']],
      want: [
        'm/deployment.yaml:6  ModelDeployment/spark-ref  spec.servedName  is missing (add a string)',
        'm/deployment.yaml:9  ModelDeployment/spark-ref  spec.servedname  is not a field of spec (did you mean "servedName"?)',
      ],
    },
    {
      name: 'a missing field',
      edits: [['m/pool.yaml', '  hall: local\n', '']],
      want: ['m/pool.yaml:6  WaferPool/local  spec.hall  is missing (add a string)'],
    },
    {
      name: 'an empty spec',
      edits: [['m/pool.yaml', /spec:[^]*/.exec(good['m/pool.yaml'])?.[0] ?? '', 'spec:\n']],
      want: [
        'm/pool.yaml:6  WaferPool/local  spec  is missing (add an object with region, zone, building, hall, residency, ' +
          'classRef, source, fabric, spares, phaseRef, service, serviceReason, defrag)',
      ],
    },
    {
      name: 'a value out of range',
      edits: [['m/pool.yaml', 'wafers: 64', 'wafers: 257']],
      want: [
        'm/pool.yaml:15  WaferPool/local  spec.source.simulated.wafers  257 is out of range (use a whole number from 1 to 256)',
      ],
    },
    {
      name: 'a broken rule',
      edits: [['m/model.yaml', 'layers: 36', 'layers: 35']],
      want: [
        'm/model.yaml:30  Model/spark-ref  spec.geometry.layerRuns  counts add up to 36, but layers is 35 (make them equal)',
      ],
    },
    {
      name: 'an unknown engine argument',
      edits: [['m/deployment.yaml', 'tokens: code', 'token: code']],
      want: [
        'm/deployment.yaml:13  ModelDeployment/spark-ref  spec.engine.args.token  is not an argument of WaferSim (did you mean "tokens"?)',
      ],
    },
    {
      name: 'a kind of another group',
      edits: [['m/model.yaml', 'kind: Model', 'kind: Deployment']],
      want: [
        'm/model.yaml:8  Deployment/spark-ref  kind  "Deployment" is not a kind here (use one of: WaferClass, WaferPool, CapacityPhase, Model, ModelDeployment, AccessTier, Tenant)',
      ],
    },
    {
      name: 'a reference to nothing',
      edits: [['m/deployment.yaml', 'modelRef:\n    name: spark-ref', 'modelRef:\n    name: spark']],
      want: [
        'm/deployment.yaml:8  ModelDeployment/spark-ref  spec.modelRef.name  no Model is named "spark" in namespace default (there are: spark-ref)',
      ],
    },
  ])('names file, line, object, field and reason of $name', async ({ edits, want }) => {
    expect((await refusal(edited(edits))).slice(1)).toEqual(want);
  });

  test('names every problem of every file at once', async () => {
    const lines = await refusal(
      edited([
        ['m/deployment.yaml', 'wafers: 12', 'wafers: -1'],
        ['m/deployment.yaml', 'driver: WaferSim', 'driver: WafferSim'],
        ['m/pool.yaml', 'classRef: wse3', 'classRef: wse2'],
        ['m/class.yaml', 'reservePercent: 10', 'reservePercent: "10"'],
      ]),
    );
    expect(lines).toEqual([
      '3 problems in the manifests',
      'm/class.yaml:9  WaferClass/wse3  spec.reservePercent  must be a whole number from 0 to 50, not a string (remove the quotes)',
      'm/deployment.yaml:11  ModelDeployment/spark-ref  spec.engine.driver  "WafferSim" is not a value here (did you mean "WaferSim"?)',
      'm/deployment.yaml:23  ModelDeployment/spark-ref  spec.shape.wafers  -1 is out of range (use a whole number from 0 to 256)',
    ]);
  });

  test('does not blame a reference whose object is broken, but still blames the others', async () => {
    const lines = await refusal(
      edited([
        ['m/model.yaml', 'layers: 36', 'layers: 0'],
        ['m/deployment.yaml', 'region: local', 'region: mars'],
      ]),
    );
    expect(lines.slice(1)).toEqual([
      'm/deployment.yaml:25  ModelDeployment/spark-ref  spec.regions[0].region  no WaferPool is in region "mars" (pools are in: local)',
      'm/model.yaml:17  Model/spark-ref  spec.geometry.layers  0 is out of range (use a whole number from 1 to 1024)',
    ]);
  });

  test.each<{ name: string; yaml: string; wantPlace: string; wantReason: string }>([
    { name: 'an open bracket', yaml: 'a: [1,\nb: 2\n', wantPlace: '2:1', wantReason: 'is not valid YAML' },
    { name: 'a tab for indentation', yaml: 'a:\n\tb: 1\n', wantPlace: '2:1', wantReason: 'Tabs are not allowed' },
    { name: 'a key twice', yaml: 'a: 1\nb: 1\na: 2\n', wantPlace: '3:1', wantReason: 'Map keys must be unique' },
    { name: 'an unknown tag', yaml: 'a: !!js/function x\n', wantPlace: '1:4', wantReason: 'Unresolved tag' },
    { name: 'an alias of nothing', yaml: 'a: *b\n', wantPlace: '1:1', wantReason: 'Unresolved alias' },
    { name: 'a fault in a later document', yaml: 'a: 1\n---\n{\n', wantPlace: '4:1', wantReason: 'is not valid YAML' },
  ])('names file, line and column of $name', async ({ yaml, wantPlace, wantReason }) => {
    const faults = (await refusal({ ...good, 'm/broken.yaml': yaml })).filter((line) =>
      line.startsWith(`m/broken.yaml:${wantPlace}  `),
    );
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(wantReason);
  });

  test.each([
    {
      name: 'aliases that double each other',
      yaml: doubling(30),
      want: '1:1  is not usable YAML: Excessive alias count',
    },
    { name: 'deep lists on one line', yaml: '- '.repeat(100_000), want: '1:129  is nested more than 64 levels deep' },
    { name: 'deep open brackets', yaml: '['.repeat(100_000), want: '1:65  is nested more than 64 levels deep' },
    { name: 'one level too many', yaml: `${'['.repeat(65)}${']'.repeat(65)}`, want: '1:65  is nested more than 64' },
    { name: 'the deepest nesting', yaml: `${'['.repeat(64)}${']'.repeat(64)}`, want: '1  must be an object' },
    {
      name: 'a list that holds itself',
      yaml: 'kind: Model\napiVersion: &a [*a]\n',
      want: '2  Model/?  apiVersion  a list is not supported',
    },
  ])('survives $name', async ({ yaml, want }) => {
    const lines = await refusal({ ...good, 'm/broken.yaml': yaml });
    expect(lines[1]?.startsWith(`m/broken.yaml:${want}`) || lines[1]).toBe(true);
  });

  test.each([
    {
      name: 'a path that does not exist',
      files: {},
      want: /^x {2}cannot be read: ENOENT.*\(check the file\)$/,
    },
    { name: 'a directory without manifests', files: { 'x/README.md': '' }, want: /^x {2}holds no manifest/ },
    { name: 'empty files', files: { 'x/a.yaml': '# nothing\n---\n' }, want: /^x {2}holds no manifest/ },
    {
      name: 'a document that is no object',
      files: { 'x/a.yaml': '\n- 1\n' },
      want: /^x\/a.yaml:2 {2}must be an object with apiVersion and kind, not a list$/,
    },
  ])('refuses $name', async ({ files, want }) => {
    expect((await refusal(files, ['x']))[1]).toMatch(want);
  });

  test('refuses a file above one mebibyte unread', async () => {
    const lines = await refusal({ ...good, 'm/huge.yaml': `# ${'x'.repeat(1_048_576)}` });
    expect(lines.slice(1)).toEqual(['m/huge.yaml  cannot be read: file is larger than 1048576 bytes (check the file)']);
  });

  test('names a file that cannot be read beside the faults of the others', async () => {
    const lines = await refusal(edited([['m/class.yaml', 'reservePercent: 10', 'reservePercent: 51']]), [
      'gone.yaml',
      'm',
    ]);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^gone.yaml {2}cannot be read/);
    expect(lines[2]).toMatch(/^m\/class.yaml:9/);
  });
});

/** Each level is a list of the one before, twice: thirty levels are a billion items in a careless reader. */
function doubling(levels: number): string {
  const lines = ['a0: &a0 [x, x]'];
  for (let level = 1; level < levels; level++) lines.push(`a${level}: &a${level} [*a${level - 1}, *a${level - 1}]`);
  return lines.join('\n');
}
