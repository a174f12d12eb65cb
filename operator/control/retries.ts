import { Backoff, type Random } from '@reticle/core/flow';
import type { Kube, KubeFailure, KubeResult } from '@reticle/operator/cluster';

const BASE_MS = 200;
const CAP_MS = 30_000;
/** Failures that no event follows and that another try may not meet. */
const PASSING: ReadonlySet<KubeFailure['kind']> = new Set([
  'throttled',
  'serverError',
  'timeout',
  'unreachable',
  'malformed',
]);

/**
 * When a pass has to be tried again by itself. A write that lost against another is followed by that one's event; a
 * request that found no server is followed by nothing, so the next pass comes after a backoff.
 */
export class Retries {
  readonly #backoff: Backoff;
  #failed = false;
  #leastMs = 0;

  constructor(random: Random) {
    this.#backoff = new Backoff({ random, baseMs: BASE_MS, capMs: CAP_MS });
  }

  /** The port as passes use it: its failures are noted. */
  noting(kube: Kube): Kube {
    const note = async <T>(asked: Promise<KubeResult<T>>): Promise<KubeResult<T>> => {
      const answer = await asked;
      if (!answer.ok && PASSING.has(answer.failure.kind)) this.note(answer.failure.retryAfterMs);
      return answer;
    };
    return {
      list: (...args) => note(kube.list(...args)),
      get: (...args) => note(kube.get(...args)),
      create: (...args) => note(kube.create(...args)),
      patch: (...args) => note(kube.patch(...args)),
      delete: (...args) => note(kube.delete(...args)),
      watch: (...args) => kube.watch(...args),
    };
  }

  /** Something failed; the server may have said how long to stay away. */
  note(leastMs = 0): void {
    this.#failed = true;
    this.#leastMs = Math.max(this.#leastMs, leastMs);
  }

  /** The end of a pass: how long to wait for the next one, milliseconds; undefined when nothing failed in it. */
  nextMs(): number | undefined {
    const [failed, leastMs] = [this.#failed, this.#leastMs];
    this.#failed = false;
    this.#leastMs = 0;
    if (failed) return Math.max(leastMs, this.#backoff.nextMs());
    this.#backoff.reset();
    return undefined;
  }
}
