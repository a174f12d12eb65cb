/**
 * OPERATOR §21, crash points: the operator dies after every write of the reference run, and loses the answer of every
 * write. Each time the next process, or the same one, ends where the undisturbed run ended, and then writes nothing.
 */
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { OperatorRun } from './operator-run.ts';
import { stages } from './stages.ts';
import type { WriteFate } from '../kit/kube/tapped-kube.ts';

jest.setTimeout(300_000);

/** How long a process that ended is missed. */
const RESTART_MS = 2_000;

type Reference = { readonly state: readonly string[]; readonly writes: number };
type Fault = { readonly write: number; readonly fate: WriteFate };

/** Where each stage of the undisturbed run ends, and how many writes it took until then. */
const reference: Reference[] = [];

/** Runs the stages up to the one with the fault, and compares where that ends; says what was wrong. */
async function disturbed({ write, fate }: Fault): Promise<string[]> {
  const run = await OperatorRun.begin();
  const restart = (): void => void run.cluster.clock.after(RESTART_MS, () => void run.start());
  run.start({ fate: (at) => (at === write ? fate : undefined), died: restart });
  const last = reference.findIndex(({ writes }) => write <= writes);
  let rest = 0;
  for (const [at, { name, begin, isDone }] of stages.slice(0, last + 1).entries()) {
    await begin(run);
    if (at === last) rest = await run.settle(name, () => isDone(run));
    else await run.cluster.until(name, () => isDone(run));
  }
  const { state = [] } = reference[last] ?? {};
  const ended = run.state();
  return [
    ...run.watch.faults,
    ...ended.filter((object) => !state.includes(object)).map((object) => `is there: ${object}`),
    ...state.filter((object) => !ended.includes(object)).map((object) => `is missing: ${object}`),
    ...(rest === 0 ? [] : [`${rest} writes at rest`]),
    ...run.log.records.filter(({ level }) => level === 'error').map((record) => JSON.stringify(record)),
  ];
}

describe('from every crash point of creation, rollout, swap, drain and deletion', () => {
  beforeAll(async () => {
    const run = await OperatorRun.begin();
    const { kube } = run.start();
    for (const { name, begin, isDone } of stages) {
      await begin(run);
      expect(await run.settle(name, () => isDone(run))).toBe(0);
      reference.push({ state: run.state(), writes: kube.writes });
    }
    expect(run.watch.faults).toEqual([]);
  });

  test('the undisturbed run makes all of its writes', () => {
    expect(reference.map(({ writes }) => writes)).toEqual(
      reference.map(({ writes }) => writes).toSorted((a, b) => a - b),
    );
    expect(reference.at(-1)?.writes).toBeGreaterThan(150);
  });

  test.each<{ fate: WriteFate; name: string }>([
    { fate: 'die', name: 'a crash after' },
    { fate: 'lostAnswer', name: 'a lost answer to' },
    { fate: 'lost', name: 'a lost request of' },
  ])('$name each write ends where the undisturbed run ended', async ({ fate }) => {
    const wrong: string[] = [];
    const { writes = 0 } = reference.at(-1) ?? {};
    for (let write = 1; write <= writes; write++) {
      const faults = await disturbed({ write, fate }).catch((error: unknown) => [String(error)]);
      if (faults.length > 0) wrong.push(`write ${write}: ${faults.slice(0, 4).join('\n  ').slice(0, 3000)}`);
    }
    expect(wrong).toEqual([]);
  });
});
