/**
 * OPERATOR §21, crash points: the operator dies after every write of the reference run, and loses the answer or the
 * request of every write. Each time the next process, or the same one, ends where the undisturbed run ended, and then
 * writes nothing.
 */
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { WriteFate } from '../kit/kube/tapped-kube.ts';
import type { OperatorRun } from './operator-run.ts';
import { Reference } from './reference.ts';

jest.setTimeout(300_000);

/** How long a process that ended is missed. */
const RESTART_MS = 2_000;

describe('from every crash point of creation, rollout, swap, drain and deletion', () => {
  const reference = new Reference();
  beforeAll(() => reference.run());

  test('the undisturbed run has writes to disturb', () => {
    expect(reference.writes).toBeGreaterThan(150);
  });

  test.each<{ fate: WriteFate; name: string }>([
    { fate: 'die', name: 'a crash after' },
    { fate: 'lostAnswer', name: 'a lost answer to' },
    { fate: 'lost', name: 'a lost request of' },
  ])('$name each write ends where the undisturbed run ended', async ({ fate }) => {
    const wrong: string[] = [];
    for (let write = 1; write <= reference.writes; write++) {
      const start = (run: OperatorRun): void => {
        const died = (): void => void run.cluster.clock.after(RESTART_MS, () => void run.start());
        run.start({ fate: (at) => (at === write ? fate : undefined), died });
      };
      const faults = await reference.compare(write, start, 'exact');
      wrong.push(...faults.map((fault) => `write ${write}: ${fault}`));
    }
    expect(wrong).toEqual([]);
  });
});
