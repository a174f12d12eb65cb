import { join } from 'node:path';
import { environment } from '@reticle/core/process';
import { runClient } from './client-rig.ts';

/** A browser that npm brought is unpacked before it starts for the first time, some 200 MB beside other tests. */
const FIRST_START_MS = 120_000;
const SCRIPT = join(import.meta.dirname, 'playground-calls.mjs');

/** What a person did on the page, and what came of it. Rejects with what the browser's process said. */
export async function runPlayground(
  name: string,
  address: string,
  pids: readonly number[] = [],
  boundMs?: number,
): Promise<unknown> {
  const { RETICLE_CHROMIUM } = environment();
  const variables = RETICLE_CHROMIUM === undefined ? {} : { RETICLE_CHROMIUM };
  const { stdout, stderr } = await runClient(
    [process.execPath, SCRIPT, name, address, ...pids.map(String)],
    variables,
    boundMs,
  );
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as unknown;
}

/** True where no Chromium starts: an error in CI, a printed line elsewhere. */
export async function missingChromium(): Promise<boolean> {
  try {
    await runPlayground('version', '', [], FIRST_START_MS);
    return false;
  } catch (error) {
    const text = String((error as Error).message);
    const why = `no Chromium starts here: ${/.*Error: .*/.exec(text)?.[0] ?? text}; install one, and name it in RETICLE_CHROMIUM`;
    if (environment()['CI'] === 'true') throw new Error(why, { cause: error });
    process.stderr.write(`clients: skipped: ${why}\n`);
    return true;
  }
}
