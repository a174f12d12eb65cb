import { describe, expect, test } from '@jest/globals';
import { CommandLog } from './command-log.ts';

const flow = (turnId: string, receivedThroughOffset = 0) => ({ flow: { turnId, receivedThroughOffset } });
const start = (turnId: string) => ({ startTurn: { turnId } });
const cut = (turnId: string) => ({ interrupt: { turnId, signalId: `s-${turnId}` } });

describe('CommandLog', () => {
  test('counts from 1 and keeps each command until its own answer', () => {
    const log = new CommandLog();
    const [first, second] = [start('a'), cut('a')].map((command) => log.add(command));
    expect([first?.seq, second?.seq, log.size]).toEqual([1, 2, 2]);
    if (first !== undefined) log.settle(first);
    expect(log.resend(2)).toEqual([{ seq: 3, command: cut('a') }]);
  });

  test.each([
    { name: 'nothing was applied', last: 0, want: [1, 2] },
    { name: 'one of them was applied, by a gateway that may be dead since', last: 1, want: [2, 3] },
    { name: 'another process sent commands of this holder', last: 17, want: [18, 19] },
    { name: 'another gateway took over and counts afresh', last: 0, want: [1, 2] },
  ])('sends everything without an answer again, dense above the number told, when $name', ({ last, want }) => {
    const log = new CommandLog();
    log.add(start('a'));
    log.add(cut('a'));
    expect(log.resend(last).map(({ seq }) => seq)).toEqual(want);
    expect(log.add(start('b')).seq).toBe((want.at(-1) ?? 0) + 1);
  });

  test('numbers stay dense over three gateways, whatever was settled between', () => {
    const log = new CommandLog();
    const entries = ['a', 'b', 'c'].map((id) => log.add(start(id)));
    log.resend(2);
    if (entries[1] !== undefined) log.settle(entries[1]);
    expect(log.resend(0).map(({ seq, command }) => [seq, command.startTurn?.turnId])).toEqual([
      [1, 'a'],
      [2, 'c'],
    ]);
    expect(log.resend(5).map(({ seq }) => seq)).toEqual([6, 7]);
    expect(entries.map(({ seq }) => seq)).toEqual([6, 4, 7]);
  });

  test('settles the one command that was answered, whatever numbers others carry', () => {
    const log = new CommandLog();
    const answered = log.add(start('a'));
    log.settle(answered);
    log.resend(0);
    const fresh = log.add(start('b'));
    expect(fresh.seq).toBe(answered.seq);
    log.settle(answered);
    expect([log.has(fresh), log.has(answered)]).toEqual([true, false]);
  });

  test('keeps the newest flow of each turn alone', () => {
    const log = new CommandLog();
    for (const at of [1, 2, 3]) {
      log.add(flow('a', at));
      log.add(flow('b', at));
    }
    expect(log.resend(0).map(({ command }) => command)).toEqual([flow('a', 3), flow('b', 3)]);
  });

  test('drops flows before an attach, which states the same, and keeps those after it', () => {
    const log = new CommandLog();
    log.add(flow('a', 1));
    log.add(start('b'));
    log.dropFlows();
    log.add(flow('a', 2));
    expect(log.resend(4)).toEqual([
      { seq: 5, command: start('b') },
      { seq: 6, command: flow('a', 2) },
    ]);
  });

  test('forgets start and flows of a turn that is over, and nothing else', () => {
    const log = new CommandLog();
    for (const command of [start('a'), flow('a'), cut('a'), start('b'), flow('b')]) log.add(command);
    log.forget('a');
    expect(log.resend(0).map(({ command }) => command)).toEqual([cut('a'), start('b'), flow('b')]);
  });
});
