import { describe, expect, test } from '@jest/globals';
import { CommandLog } from './command-log.ts';

const flow = (turnId: string) => ({ flow: { turnId } });

describe('CommandLog', () => {
  test('counts from 1 and keeps what no answer has proven', () => {
    const log = new CommandLog();
    expect(['a', 'b', 'c'].map((id) => log.add(flow(id)).seq)).toEqual([1, 2, 3]);
    log.applied(2);
    expect(log.size).toBe(1);
    expect(log.resend(2)).toEqual([{ seq: 3, command: flow('c') }]);
  });

  test.each([
    { name: 'nothing was applied', last: 0, want: [1, 2, 3] },
    { name: 'some were applied', last: 2, want: [3] },
    { name: 'all were applied', last: 3, want: [] },
  ])('sends again what is above the number told when $name', ({ last, want }) => {
    const log = new CommandLog();
    for (const id of ['a', 'b', 'c']) log.add(flow(id));
    expect(log.resend(last).map(({ seq }) => seq)).toEqual(want);
    expect(log.add(flow('d')).seq).toBe(4);
  });

  test('continues after the commands of another process of the same holder', () => {
    const log = new CommandLog();
    expect(log.resend(17)).toEqual([]);
    expect(log.add(flow('a')).seq).toBe(18);
  });

  test('leaves no gap when the service forgot numbers that an answer had proven', () => {
    const log = new CommandLog();
    for (const id of ['a', 'b', 'c']) log.add(flow(id));
    log.applied(2);
    expect(log.resend(0)).toEqual([{ seq: 1, command: flow('c') }]);
    expect(log.add(flow('d')).seq).toBe(2);
  });

  test('ignores a proof that is older than what is known', () => {
    const log = new CommandLog();
    log.add(flow('a'));
    log.applied(0);
    expect(log.size).toBe(1);
  });
});
