/** Pages that everybody may read: the playground (PROTOCOL §4.1a). */
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { ReticleError } from '@reticle/core/domain';
import { StatusError } from './error-answer.ts';

const ROOT = '/playground/';
const INDEX = 'index.html';
/** The build names what lies here after its content. */
const HASHED = 'assets/';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Scripts, styles and sockets of this server alone; nobody frames the page, nothing is sent elsewhere. */
const SECURITY = {
  'content-security-policy':
    "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

type Page = { readonly bytes: Buffer; readonly type: string; readonly caching: string };

/**
 * The files of one folder, read when the first of them is asked for and kept. A path is looked up among them as it came
 * and never becomes a file's name, so nothing else of the machine can be read.
 */
export class StaticPages {
  readonly #folder: string;
  #pages: Promise<ReadonlyMap<string, Page>> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * False for a path that is none of these pages'.
   *
   * @throws ReticleError `unimplemented` for one that would be but is not there; 405 for another method
   */
  async answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
    if (path !== ROOT.slice(0, -1) && !path.startsWith(ROOT)) return false;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      throw new StatusError(405, new ReticleError('unimplemented', 'this path has other methods'));
    }
    if (!path.startsWith(ROOT)) {
      response.writeHead(308, { location: ROOT }).end();
      return true;
    }
    const page = (await this.#read()).get(path.slice(ROOT.length) || INDEX);
    if (page === undefined) throw new ReticleError('unimplemented', 'there is nothing at this path');
    const { bytes, type, caching } = page;
    const headers = { 'content-type': type, 'content-length': bytes.length, 'cache-control': caching };
    // Node leaves the body of an answer to HEAD out.
    response.writeHead(200, { ...SECURITY, ...headers }).end(bytes);
    return true;
  }

  async #read(): Promise<ReadonlyMap<string, Page>> {
    this.#pages ??= readPages(this.#folder);
    const pages = await this.#pages;
    // A build that comes later is found.
    if (pages.size === 0) this.#pages = undefined;
    return pages;
  }
}

async function readPages(folder: string): Promise<ReadonlyMap<string, Page>> {
  const pages = new Map<string, Page>();
  for (const path of await filesIn(folder)) {
    const type = CONTENT_TYPES[extname(path)];
    if (type === undefined) continue;
    const name = relative(folder, path).replaceAll(sep, '/');
    const caching = name.startsWith(HASHED) ? 'public, max-age=31536000, immutable' : 'no-store';
    pages.set(name, { bytes: await readFile(path), type, caching });
  }
  return pages;
}

/** A folder that is not there has no files. */
async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
