import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FuzzTarget } from './target.ts';

export const TARGETS = ['protobuf', 'resume-token', 'signal', 'step-frame', 'token-frame'] as const;
/** Its planted bug must be found: a fuzzer that finds nothing has then at least looked. */
export const SELF_CHECK = 'self-check';

const CORPUS = join(import.meta.dirname, 'corpus');
const FINDINGS = join(import.meta.dirname, '../../.cache/fuzz');
const CORPUS_FILES_MAX = 40;

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 12);

/** Loads one target and nothing of the others: a snapshot of coverage costs what is loaded. */
export async function loadTarget(name: string): Promise<FuzzTarget> {
  if (name !== SELF_CHECK && !TARGETS.includes(name as (typeof TARGETS)[number])) {
    throw new Error(`no target is called ${name}: ${TARGETS.join(', ')}`);
  }
  const { target } = (await import(`./targets/${name}.ts`)) as { target: FuzzTarget };
  return target;
}

export async function readCorpus(name: string): Promise<Uint8Array[]> {
  const files = await readdir(join(CORPUS, name)).catch(() => []);
  return Promise.all(files.toSorted((a, b) => a.localeCompare(b)).map((file) => readFile(join(CORPUS, name, file))));
}

/** Replaces the corpus of a target. */
export async function writeCorpus(name: string, inputs: readonly Uint8Array[]): Promise<void> {
  await rm(join(CORPUS, name), { recursive: true, force: true });
  await mkdir(join(CORPUS, name), { recursive: true });
  for (const bytes of inputs.slice(0, CORPUS_FILES_MAX)) {
    await writeFile(join(CORPUS, name, `${hashOf(bytes)}.bin`), bytes);
  }
}

/** Saves an input that broke the target; its path. */
export async function saveFinding(name: string, bytes: Uint8Array): Promise<string> {
  await mkdir(FINDINGS, { recursive: true });
  const file = join(FINDINGS, `${name}-${hashOf(bytes)}.bin`);
  await writeFile(file, bytes);
  return file;
}
