/**
 * How the page proves whom it speaks for, without ever having a key: the one-time code of its address becomes a pass, the
 * pass becomes a ticket for each socket (PROTOCOL §4.1a).
 */
import type { Browser } from './browser.ts';

export type Admission = { readonly ticket: string; readonly models: readonly string[] };

/** What the page was opened with is not good: nothing but another address helps. */
export class Refused extends Error {}

type Answer = { readonly ticket: string; readonly models: readonly string[]; readonly pass?: string };

const NO_CODE =
  'This page needs an address with a code that works once: `npm run -s reticle -- playground` prints one.';
const USED =
  'The code of this address was used already, or is older than ten minutes: `npm run -s reticle -- playground` prints another one.';

export class Credentials {
  readonly #browser: Browser;
  #code: string;

  constructor(browser: Browser) {
    this.#browser = browser;
    this.#code = browser.takeFragment();
  }

  /** A ticket for one socket. Throws {@link Refused}, or the browser's own error when nobody answers. */
  async ticket(): Promise<Admission> {
    const code = this.#code;
    const pass = this.#browser.kept.get();
    if (code === '' && pass === undefined) throw new Refused(NO_CODE);
    const { status, body } = await this.#browser.post('/v1/tickets', code === '' ? { pass } : { code });
    if (status === 401 || status === 403) return this.#otherwise(pass);
    if (status !== 200) throw new Error(`no ticket: status ${status}`);
    const answer = body as Answer;
    this.#code = '';
    if (answer.pass !== undefined) this.#browser.kept.set(answer.pass);
    return answer;
  }

  /** A code that is used up does not end a tab that has a pass of its own. */
  #otherwise(pass: string | undefined): Promise<Admission> {
    if (this.#code === '' || pass === undefined) throw new Refused(USED);
    this.#code = '';
    return this.ticket();
  }
}
