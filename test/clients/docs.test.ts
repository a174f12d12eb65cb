/** Every snippet of docs/clients, run as it stands by the client that it is for. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { environment } from '@reticle/core/process';
import type { TestPlatform } from '../kit/index.ts';
import { openaiForPython, runClient, startClientPlatform } from './client-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const PAGES = join(import.meta.dirname, '../../docs/clients');
const found = await openaiForPython();

type Snippet = { readonly name: string; readonly language: string; readonly code: string };

function snippets(page: string): Snippet[] {
  const text = readFileSync(join(PAGES, page), 'utf8');
  return [...text.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language = '', code = ''], index) => {
    return { name: `${page} ${index + 1}`, language, code };
  });
}

const all = readdirSync(PAGES).flatMap(snippets);
const runnable = all.filter(({ language }) => language !== 'python' || 'python' in found);

let platform: TestPlatform;
let folder: string;
beforeAll(async () => {
  platform = await startClientPlatform('spark-ref');
  folder = mkdtempSync(join(tmpdir(), 'reticle-snippets-'));
  symlinkSync(join(import.meta.dirname, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** How a snippet of each language is run. */
function commandOf({ language }: Snippet, file: string): readonly [string, ...string[]] {
  if (language === 'js') return [process.execPath, file];
  if (language === 'python' && 'python' in found) return [found.python, file];
  if (language === 'sh') return ['bash', '-euo', 'pipefail', file];
  throw new Error(`nothing runs a snippet of ${language}`);
}

describe('snippets of docs/clients', () => {
  test('there are some for each client', () => {
    expect(new Set(all.map(({ language }) => language))).toEqual(new Set(['sh', 'js', 'python']));
  });

  test.each(runnable)('$name', async (snippet) => {
    const file = join(folder, `${snippet.name.replaceAll(/\W/g, '-')}.${snippet.language === 'js' ? 'mjs' : 'txt'}`);
    writeFileSync(file, snippet.code);
    const { stdout, stderr, code } = await runClient(commandOf(snippet, file), {
      PATH: [join(folder, 'node_modules/.bin'), dirname(process.execPath), environment()['PATH']].join(':'),
      OPENAI_BASE_URL: `${platform.httpOf()}/v1`,
      OPENAI_API_KEY: platform.keyOf('acme'),
    });
    expect({ code, said: stdout.length > 0, stderr: code === 0 ? '' : stderr }).toEqual({
      code: 0,
      said: true,
      stderr: '',
    });
    expect(stdout).not.toContain('"error":{');
  });
});
