import { describe, expect, test } from '@jest/globals';
import { numberFlag, parseArguments, refuseKeys, type ArgumentRules } from './arguments.ts';
import { CliError } from './cli-error.ts';

const rules: ArgumentRules = {
  command: 'reticle replay',
  options: { speed: { type: 'string' }, limit: { type: 'string' }, once: { type: 'boolean' } },
  positionals: ['FILE'],
};

function failure(run: () => unknown): [number, string] | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof CliError) return [error.exitCode, error.message];
    throw error;
  }
  return undefined;
}

describe('parseArguments', () => {
  test('gives texts, flags and positionals', () => {
    const given = parseArguments(['--speed', '2', 'trace.csv', '--once', '--limit=5'], rules);
    expect([given.text('speed'), given.text('limit'), given.flag('once'), given.flag('help')]).toEqual([
      '2',
      '5',
      true,
      false,
    ]);
    expect(given.positionals).toEqual(['trace.csv']);
  });

  test.each([
    { args: ['f', '--sped', '1'], want: 'reticle replay has no flag --sped (did you mean --speed?)' },
    { args: ['f', '--zzz'], want: 'reticle replay has no flag --zzz' },
    { args: ['f', '-x'], want: 'reticle replay has no flag -x' },
    { args: ['f', '--constructor'], want: 'reticle replay has no flag --constructor' },
    { args: ['f', '--speed'], want: '--speed needs a value' },
    { args: ['f', '--speed='], want: '--speed needs a value' },
    { args: [], want: 'reticle replay needs FILE' },
    { args: ['a', 'b'], want: 'reticle replay takes no argument "b"' },
  ])('refuses $args', ({ args, want }) => {
    expect(failure(() => parseArguments(args, rules))).toEqual([2, want]);
  });

  test.each([
    { args: ['chat', '--api-key', 'x'] },
    { args: ['chat', '--api-key=x'] },
    { args: ['chat', '-key', 'x'] },
    { args: ['chat', '--token', 'x'] },
    { args: ['chat', '--model', 'rtk_abc123'] },
    { args: ['rtk_abc123'] },
  ])('refuses a key in $args', ({ args }) => {
    expect(failure(() => refuseKeys(args))).toEqual([2, 'an API key does not belong on the command line']);
  });

  test('lets words through that only look like a key flag', () => {
    expect(failure(() => refuseKeys(['chat', '--model', 'keyboard', 'token']))).toBeUndefined();
  });
});

describe('numberFlag', () => {
  const read = (text: string, whole: boolean) =>
    numberFlag(parseArguments(['f', `--speed=${text}`], rules), 'speed', { min: 1, max: 10, whole });

  test('gives the number, or nothing when the flag is absent', () => {
    expect(read('2.5', false)).toBe(2.5);
    expect(read('10', true)).toBe(10);
    expect(numberFlag(parseArguments(['f'], rules), 'speed', { min: 1, max: 10, whole: true })).toBeUndefined();
  });

  test.each(['0', '11', '2.5', '1e1', '-3', ' 4', 'NaN', '0x5'])('refuses %s', (text) => {
    expect(failure(() => read(text, true))).toEqual([2, '--speed is a whole number from 1 to 10']);
  });
});
