/**
 * A real Chromium: the one that RETICLE_CHROMIUM names, a distribution's own, or the one that npm brought, unpacked once
 * beside the packages. Plain JavaScript: its packages are installed by `npm test` only, so no type of them may be needed.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// oxlint-disable-next-line node/no-process-env -- what the tests' own environment names, and a package that reads it
const { env } = process;
const UNPACKED = join(import.meta.dirname, 'node_modules', '.chromium');
const INSTALLED = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function launchChromium() {
  const { chromium } = await import('playwright-core');
  // A test runs as root in a container, where the sandbox has no user to become.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: await executable(), headless: true, args });
}

async function executable() {
  const given = env.RETICLE_CHROMIUM;
  if (given) return given;
  return INSTALLED.find((path) => existsSync(path)) ?? (await unpacked());
}

/** Beside the place first, then into it in one step: what was broken off is never taken for a browser. */
async function unpacked() {
  const { default: packed } = await import('@sparticuz/chromium');
  if (!existsSync(UNPACKED)) {
    mkdirSync(join(UNPACKED, '..'), { recursive: true });
    const draft = mkdtempSync(`${UNPACKED}-`);
    const { TMPDIR = tmpdir() } = env;
    // The package unpacks into the folder for temporary files, and takes what lies there for its own.
    env.TMPDIR = draft;
    try {
      await packed.executablePath();
      renameSync(draft, UNPACKED);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      if (!existsSync(UNPACKED)) throw error;
    } finally {
      env.TMPDIR = TMPDIR;
    }
  }
  return join(UNPACKED, 'chromium');
}
