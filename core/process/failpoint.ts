import { environment } from './config.ts';
import type { Failpoint } from './env.ts';
import { isFailpointName, type FailpointName } from './failpoints.ts';

/**
 * What happens when a failpoint is hit: the process dies at once (`kill`), is frozen until SIGCONT (`stop`), stands
 * still for a while with everything in it (`pause`), or ends with a status and without any clean-up (`exit`).
 */
export type FailpointAction =
  | { readonly kind: 'kill' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'pause'; readonly delayMs: number }
  | { readonly kind: 'exit'; readonly code: number };

export type FailpointPlan = {
  readonly name: FailpointName;
  readonly action: FailpointAction;
  /** Acts on this hit, counted from 1; `every`: on each. */
  readonly hit: number | 'every';
};

/** What carries an action out; a test gives its own. */
export type FailpointActions = (action: FailpointAction) => void;

const ENTRY = /^([a-z.-]+)=(kill|stop|pause|exit)(?::(\d{1,6}))?(?:@(\d{1,9}|\*))?$/;

/**
 * Reads `name=action[:number][@hit]` entries separated by `;`: `gateway.admitted=kill@3;gateway.mid-frame=pause:200@*`.
 * `pause` needs its milliseconds, `exit` takes a status (default 1), `@hit` is the first without it.
 *
 * @throws RangeError for an entry that is no such text or names no failpoint: a fault that silently never comes
 * would let a test pass.
 */
export function parseFailpoints(text: string): readonly FailpointPlan[] {
  return text
    .split(';')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(parseEntry);
}

function parseEntry(entry: string): FailpointPlan {
  const [, name = '', kind = '', number, hit = '1'] = ENTRY.exec(entry) ?? [];
  if (!isFailpointName(name)) throw new RangeError(`not a failpoint: ${entry}`);
  if (hit !== '*' && Number(hit) === 0) throw new RangeError(`hits are counted from 1: ${entry}`);
  return { name, action: actionOf(kind, number, entry), hit: hit === '*' ? 'every' : Number(hit) };
}

function actionOf(kind: string, number: string | undefined, entry: string): FailpointAction {
  if (kind === 'pause') {
    if (number === undefined) throw new RangeError(`a pause needs its milliseconds: ${entry}`);
    return { kind, delayMs: Number(number) };
  }
  if (kind === 'exit') return { kind, code: Number(number ?? 1) };
  if (number !== undefined) throw new RangeError(`${kind} takes no number: ${entry}`);
  return { kind: kind === 'kill' ? 'kill' : 'stop' };
}

const nothing: Failpoint = () => {};

/** The failpoint of a process with these plans; the constant no-op without any. */
export function createFailpoint(plans: readonly FailpointPlan[], act: FailpointActions): Failpoint {
  if (plans.length === 0) return nothing;
  const hits = new Map<FailpointName, number>();
  return (name) => {
    const count = (hits.get(name) ?? 0) + 1;
    hits.set(name, count);
    for (const plan of plans) {
      if (plan.name === name && (plan.hit === 'every' || plan.hit === count)) act(plan.action);
    }
  };
}

/** Set to true by the release build (a constant that the bundler defines); absent when Node runs the sources. */
declare const RETICLE_RELEASE: boolean | undefined;

/**
 * The machine's failpoint: the plans of `RETICLE_FAILPOINTS`, and nothing at all in a release build or with
 * `NODE_ENV=production`, whatever that variable says.
 */
export function systemFailpoint(): Failpoint {
  if (typeof RETICLE_RELEASE !== 'undefined' && RETICLE_RELEASE) return nothing;
  const variables = environment();
  if (variables['NODE_ENV'] === 'production') return nothing;
  return createFailpoint(parseFailpoints(variables['RETICLE_FAILPOINTS'] ?? ''), actOnProcess);
}

function actOnProcess(action: FailpointAction): void {
  switch (action.kind) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      // The signal may take a moment; nothing after the failpoint may happen in it.
      return standStill();
    case 'stop':
      process.kill(process.pid, 'SIGSTOP');
      return undefined;
    case 'pause':
      return standStill(action.delayMs);
    case 'exit':
      process.exit(action.code);
  }
}

/** Blocks the whole thread: no timer, no socket, as a long garbage collection does. */
function standStill(delayMs?: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
}
