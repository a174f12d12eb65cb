import { describe, expect, test } from '@jest/globals';
import { createFailpoint, parseFailpoints, type FailpointAction } from './failpoint.ts';
import { failpoints, isFailpointName } from './failpoints.ts';

describe('parseFailpoints', () => {
  test.each([
    { name: 'nothing', text: '', want: [] },
    { name: 'only separators and spaces', text: ' ; ;', want: [] },
    {
      name: 'the first hit by default',
      text: 'gateway.admitted=kill',
      want: [{ name: 'gateway.admitted', action: { kind: 'kill' }, hit: 1 }],
    },
    {
      name: 'a counted hit, a pause at every hit, a status',
      text: 'gateway.admitted=stop@3; gateway.mid-frame=pause:200@*; engine.opened=exit:7; engine.before-frame=exit',
      want: [
        { name: 'gateway.admitted', action: { kind: 'stop' }, hit: 3 },
        { name: 'gateway.mid-frame', action: { kind: 'pause', delayMs: 200 }, hit: 'every' },
        { name: 'engine.opened', action: { kind: 'exit', code: 7 }, hit: 1 },
        { name: 'engine.before-frame', action: { kind: 'exit', code: 1 }, hit: 1 },
      ],
    },
  ])('$name', ({ text, want }) => {
    expect(parseFailpoints(text)).toEqual(want);
  });

  test.each([
    { name: 'an unknown place', text: 'gateway.nowhere=kill' },
    { name: 'a property of every object', text: 'constructor=kill' },
    { name: 'an unknown action', text: 'gateway.admitted=explode' },
    { name: 'no action', text: 'gateway.admitted' },
    { name: 'a pause of no length', text: 'gateway.admitted=pause' },
    { name: 'a kill with a number', text: 'gateway.admitted=kill:3' },
    { name: 'hit 0', text: 'gateway.admitted=kill@0' },
    { name: 'text behind an entry', text: 'gateway.admitted=kill@3x' },
    { name: 'a good entry before a bad one', text: 'gateway.admitted=kill;x' },
  ])('refuses $name', ({ text }) => {
    expect(() => parseFailpoints(text)).toThrow(RangeError);
  });
});

describe('createFailpoint', () => {
  const rig = (text: string) => {
    const acted: FailpointAction['kind'][] = [];
    const failpoint = createFailpoint(parseFailpoints(text), ({ kind }) => void acted.push(kind));
    return { failpoint, acted };
  };

  test('acts on the named hit alone, and counts places apart', () => {
    const { failpoint, acted } = rig('gateway.admitted=kill@2;engine.opened=stop');
    failpoint('gateway.admitted');
    failpoint('gateway.mid-frame');
    expect(acted).toEqual([]);
    failpoint('engine.opened');
    failpoint('gateway.admitted');
    failpoint('gateway.admitted');
    failpoint('engine.opened');
    expect(acted).toEqual(['stop', 'kill']);
  });

  test('acts on every hit when asked to, beside another plan for the same place', () => {
    const { failpoint, acted } = rig('gateway.mid-frame=pause:1@*;gateway.mid-frame=exit@2');
    for (let hit = 0; hit < 3; hit++) failpoint('gateway.mid-frame');
    expect(acted).toEqual(['pause', 'pause', 'exit', 'pause']);
  });

  test('without plans it is one constant function', () => {
    const [first, second] = [rig('').failpoint, rig('').failpoint];
    expect(first).toBe(second);
    expect(first('gateway.admitted')).toBeUndefined();
  });
});

test('every failpoint has a name of its own layer and a meaning', () => {
  for (const [name, meaning] of Object.entries(failpoints)) {
    expect(name).toMatch(/^(gateway|engine)\.[a-z-]+$/);
    expect(meaning.length).toBeGreaterThan(20);
    expect(isFailpointName(name)).toBe(true);
  }
  expect(Object.keys(failpoints).filter((name) => name.startsWith('gateway.')).length).toBeGreaterThanOrEqual(12);
});
