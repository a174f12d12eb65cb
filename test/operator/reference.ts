import { OperatorRun } from './operator-run.ts';
import { exactState, servedState } from './run-state.ts';
import { stages } from './stages.ts';

/** Whatever a cache has missed, it knows after a whole list: every 10 min ± 20 % (OPERATOR §7). */
const RELIST_MS = 730_000;

type State = { readonly exact: readonly string[]; readonly served: readonly string[] };

/** Where a stage of the undisturbed run ends, and how many writes and events it took until then. */
type End = { readonly state: State; readonly writes: number; readonly events: number };

/** The undisturbed run through all stages, to which disturbed ones are compared. */
export class Reference {
  readonly #ends: End[] = [];

  /** Writes of the whole run. */
  get writes(): number {
    return this.#ends.at(-1)?.writes ?? 0;
  }

  /** Events of the whole run. */
  get events(): number {
    return this.#ends.at(-1)?.events ?? 0;
  }

  /** Runs it; throws when it does not end well by itself. */
  async run(): Promise<void> {
    const run = await OperatorRun.begin();
    const { kube } = run.start();
    for (const { name, begin, isDone } of stages) {
      await begin(run);
      const rest = await run.settle(name, () => isDone(run));
      if (rest > 0) throw new Error(`${rest} writes at rest after ${name}`);
      this.#ends.push({ state: stateOf(run), writes: kube.writes, events: kube.events });
    }
    if (run.watch.faults.length > 0) throw new Error(run.watch.faults.join('\n'));
  }

  /** A write of the stage that an event comes in. */
  writeOf(event: number): number {
    return this.#ends.find(({ events }) => event <= events)?.writes ?? this.writes;
  }

  /**
   * Runs the stages up to the one that a write of the undisturbed run belongs to, with the operators that `start` makes;
   * says what was wrong on the way and what is different in the end, exactly or as far as it is served.
   */
  async compare(write: number, start: (run: OperatorRun) => void, how: keyof State): Promise<readonly string[]> {
    const run = await OperatorRun.begin();
    start(run);
    const last = this.#ends.findIndex(({ writes }) => write <= writes);
    let rest = 0;
    try {
      for (const [at, { name, begin, isDone }] of stages.slice(0, last + 1).entries()) {
        await begin(run);
        if (at === last) rest = await run.settle(name, () => isDone(run), how === 'served' ? RELIST_MS : undefined);
        else await run.cluster.until(name, () => isDone(run));
      }
    } catch (error) {
      return [...run.watch.faults, String(error)];
    }
    const wanted = this.#ends[last]?.state[how] ?? [];
    const ended = stateOf(run)[how];
    return [
      ...run.watch.faults,
      ...ended.filter((object) => !wanted.includes(object)).map((object) => `is there: ${object}`),
      ...wanted.filter((object) => !ended.includes(object)).map((object) => `is missing: ${object}`),
      ...(rest === 0 ? [] : [`${rest} writes at rest`]),
      ...run.log.records.filter(({ level }) => level === 'error').map((record) => JSON.stringify(record)),
    ];
  }
}

function stateOf({ cluster }: OperatorRun): State {
  return { exact: exactState(cluster), served: servedState(cluster) };
}
