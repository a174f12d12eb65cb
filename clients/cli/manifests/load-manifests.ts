import type { Disk } from '@reticle/core/process';
import {
  declaredKinds,
  decodeObject,
  validateScene,
  type AccessTier,
  type DeclaredObject,
  type Model,
  type ModelDeployment,
  type SceneProblem,
  type Tenant,
  type WaferClass,
  type WaferPool,
} from '@reticle/operator/api';
import { ManifestError, type ManifestProblem } from './manifest-error.ts';
import { readYaml, type YamlDocument } from './yaml-documents.ts';

/** What the loader needs of a disk; both reject with an `Error` for a path that cannot be read. */
export interface ManifestFiles {
  readonly disk: Pick<Disk, 'readText'>;
  /** Names of the entries of a directory; undefined for a path that is not a directory. */
  readonly list: (path: string) => Promise<readonly string[] | undefined>;
}

/** Every object of the loaded manifests, defaults applied, references checked, in the order of the files. */
export type Scene = {
  readonly waferClasses: readonly WaferClass[];
  readonly waferPools: readonly WaferPool[];
  readonly models: readonly Model[];
  readonly deployments: readonly ModelDeployment[];
  readonly accessTiers: readonly AccessTier[];
  readonly tenants: readonly Tenant[];
};

/** A decoded object and the document it came from. */
type Loaded = { readonly file: string; readonly document: YamlDocument; readonly object: DeclaredObject };
type Reading = {
  /** Files in the order of reading. */
  readonly order: string[];
  readonly loaded: Loaded[];
  readonly problems: ManifestProblem[];
  /** Kinds of documents that could not be decoded; `undefined` stands for a document of unknown kind. */
  readonly failedKinds: Set<unknown>;
};

/**
 * Reads manifests from files and directories (their `.yaml`, `.yml` and `.json` entries by name, not below),
 * decodes and validates them. Rejects with one `ManifestError` that names every problem of every file.
 */
export async function loadManifests(paths: readonly string[], files: ManifestFiles): Promise<Scene> {
  return toScene(await loadObjects(paths, files));
}

/**
 * As {@link loadManifests}, every object in the order of the files. `beside`: objects that are there already; what is read
 * may name them, and takes the place of its namesake.
 */
export async function loadObjects(
  paths: readonly string[],
  files: ManifestFiles,
  beside: readonly DeclaredObject[] = [],
): Promise<readonly DeclaredObject[]> {
  const reading: Reading = { order: [], loaded: [], problems: [], failedKinds: new Set() };
  for (const path of paths) await readPath(path, files, reading);
  const problems = [...reading.problems, ...sceneProblems(reading, beside)];
  if (problems.length === 0 && reading.loaded.length === 0) {
    problems.push({ file: paths.join(', '), reason: 'holds no manifest (add YAML files with Reticle objects)' });
  }
  if (problems.length > 0) throw new ManifestError(inOrder(problems, reading.order));
  return reading.loaded.map(({ object }) => object);
}

const MANIFEST = /\.(ya?ml|json)$/;

/** Largest manifest file. */
const FILE_BYTES_MAX = 1_048_576;

async function readPath(path: string, files: ManifestFiles, reading: Reading): Promise<void> {
  try {
    const entries = await files.list(path);
    if (entries === undefined) return await readFile(path, files, reading);
    const folder = path.endsWith('/') ? path : `${path}/`;
    for (const name of entries.toSorted()) {
      if (MANIFEST.test(name)) await readFile(`${folder}${name}`, files, reading);
    }
  } catch (error) {
    reading.problems.push(unreadable(path, error));
  }
}

async function readFile(file: string, files: ManifestFiles, reading: Reading): Promise<void> {
  reading.order.push(file);
  let text: string;
  try {
    text = await files.disk.readText(file, FILE_BYTES_MAX);
  } catch (error) {
    reading.problems.push(unreadable(file, error));
    reading.failedKinds.add(undefined);
    return;
  }
  for (const document of readYaml(text)) readDocument(file, document, reading);
}

function unreadable(file: string, error: unknown): ManifestProblem {
  const why = error instanceof Error ? error.message : String(error);
  return { file, reason: `cannot be read: ${why} (check the file)` };
}

function readDocument(file: string, document: YamlDocument, reading: Reading): void {
  if (document.faults.length > 0) {
    reading.failedKinds.add(undefined);
    reading.problems.push(...document.faults.map((fault) => ({ file, ...fault })));
    return;
  }
  const decoded = decodeObject(declaredKinds, document.value);
  if (decoded.problems === undefined) {
    reading.loaded.push({ file, document, object: decoded.ok });
    return;
  }
  const { kind, subject } = identify(document.value);
  reading.failedKinds.add(kind);
  for (const { segments, path, message } of decoded.problems) {
    const field = path === '' ? {} : { field: path };
    reading.problems.push({ file, line: document.lineOf(segments), ...subject, ...field, reason: message });
  }
}

/** Kind and `Kind/name` of a document that does not decode, as far as it says them. */
function identify(value: unknown): { readonly kind: unknown; readonly subject: { readonly subject?: string } } {
  const kind = textAt(value, 'kind');
  const name = textAt(fieldOf(value, 'metadata'), 'name');
  const known = kind !== undefined && Object.hasOwn(declaredKinds, kind) ? kind : undefined;
  if (kind === undefined && name === undefined) return { kind: known, subject: {} };
  return { kind: known, subject: { subject: `${kind ?? '?'}/${name ?? '?'}` } };
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, field)?.value : undefined;
}

function textAt(value: unknown, field: string): string | undefined {
  const text = fieldOf(value, field);
  return typeof text === 'string' ? text : undefined;
}

/** Faults between objects. One that may be the consequence of an object that did not decode is left out. */
function sceneProblems(
  { loaded, failedKinds }: Reading,
  beside: readonly DeclaredObject[],
): readonly ManifestProblem[] {
  const certain = ({ missing }: SceneProblem) =>
    missing === undefined || !(failedKinds.has(missing) || failedKinds.has(undefined));
  const read = loaded.map(({ object }) => object);
  const others = beside.filter((object) => !read.some((each) => identityOf(each) === identityOf(object)));
  return validateScene([...others, ...read])
    .filter(certain)
    .flatMap(({ index, segments, subject, path, message }) => {
      // Faults of what is there already are not the reader's.
      const source = loaded[index - others.length];
      if (source === undefined) return [];
      const line = source.document.lineOf(segments);
      return [{ file: source.file, line, subject, field: path, reason: message }];
    });
}

function identityOf(object: DeclaredObject): string {
  return `${object.kind}/${'namespace' in object.metadata ? object.metadata.namespace : ''}/${object.metadata.name}`;
}

/** By file in the order of reading, paths that could not be listed first; then by line. */
function inOrder(problems: readonly ManifestProblem[], order: readonly string[]): readonly ManifestProblem[] {
  const rank = new Map(order.map((file, index) => [file, index]));
  const rankOf = (problem: ManifestProblem) => rank.get(problem.file) ?? -1;
  return problems.toSorted((a, b) => rankOf(a) - rankOf(b) || (a.line ?? 0) - (b.line ?? 0));
}

function toScene(objects: readonly DeclaredObject[]): Scene {
  const of = <K extends DeclaredObject['kind']>(kind: K) =>
    objects.filter((object): object is Extract<DeclaredObject, { readonly kind: K }> => object.kind === kind);
  return {
    waferClasses: of('WaferClass'),
    waferPools: of('WaferPool'),
    models: of('Model'),
    deployments: of('ModelDeployment'),
    accessTiers: of('AccessTier'),
    tenants: of('Tenant'),
  };
}
