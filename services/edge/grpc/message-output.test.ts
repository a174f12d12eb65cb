import { describe, expect, test } from '@jest/globals';
import type { FlushGroup } from './flush-groups.ts';
import { MessageOutput } from './message-output.ts';

/** A call whose messages leave when the test says so. */
function rig({ windowMs = 0 } = {}) {
  const log: string[] = [];
  const leaving: (() => void)[] = [];
  const turn: (() => void)[] = [];
  const group = { windowMs, soon: (callback: () => void) => void turn.push(callback) } as unknown as FlushGroup;
  const call = {
    write(bytes: Buffer, left: () => void): boolean {
      log.push(bytes.toString('hex'));
      leaving.push(left);
      return true;
    },
    end: () => {},
    emit: () => true,
  };
  const output = new MessageOutput({ call, group, drained: () => void log.push('drained') });
  const endTurn = (): void => turn.splice(0).forEach((callback) => callback());
  /** A message leaves, and the turn of the loop ends. */
  const leave = (): void => {
    leaving.shift()?.();
    endTurn();
  };
  return { output, log, leaving, endTurn, leave };
}

describe('MessageOutput', () => {
  test('messages go in order, a view into a larger buffer alone', () => {
    const { output, log } = rig();
    output.tell(Uint8Array.of(1));
    output.send(Uint8Array.of(9, 9, 7, 8, 9).subarray(2, 4));
    output.tell(Uint8Array.of(2));
    expect(log).toEqual(['01', '0708', '02']);
  });

  test('without a window tokens wait while a frame is on its way', () => {
    const { output, log, leave } = rig();
    expect(output.send(Uint8Array.of(1))).toBe(false);
    expect(log).toEqual(['01']);
    leave();
    expect(log).toEqual(['01', 'drained']);
  });

  test('H7: who waits is told at the end of the turn, once, and not while another message is on its way', () => {
    const { output, log, leaving, endTurn, leave } = rig();
    output.send(Uint8Array.of(1));
    leaving.shift()?.();
    expect(log).not.toContain('drained');
    output.tell(Uint8Array.of(2));
    endTurn();
    expect(log).not.toContain('drained');
    leave();
    expect(log.filter((each) => each === 'drained')).toHaveLength(1);
  });

  test('with a window one frame may be on its way, and a second waits', () => {
    const { output, log, leave } = rig({ windowMs: 16 });
    expect(output.send(Uint8Array.of(1))).toBe(true);
    leave();
    expect(log).not.toContain('drained');
    expect(output.send(Uint8Array.of(2))).toBe(true);
    expect(output.send(Uint8Array.of(3))).toBe(false);
    leave();
    expect(log).not.toContain('drained');
    leave();
    expect(log.filter((each) => each === 'drained')).toHaveLength(1);
  });

  test('events tell nobody that they have left', () => {
    const { output, log, leave } = rig();
    output.tell(Uint8Array.of(1));
    leave();
    expect(log).toEqual(['01']);
  });
});
