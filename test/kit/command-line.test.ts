import { describe, expect, test } from '@jest/globals';
import { parseFlags } from './command-line.ts';

const spec = {
  help: 'Usage: it\n',
  options: {
    count: { type: 'string', default: '3' },
    nats: { type: 'boolean', default: true },
    list: { type: 'boolean', default: false },
  },
} as const;

describe('flags', () => {
  test.each([
    { name: 'nothing', args: [], want: { count: '3', nats: true, list: false } },
    { name: 'values', args: ['--count', '7', '--list'], want: { count: '7', nats: true, list: true } },
    { name: 'a negated flag', args: ['--no-nats'], want: { count: '3', nats: false, list: false } },
  ])('$name', ({ args, want }) => {
    expect(parseFlags(args, spec)).toEqual({ values: want });
  });

  test.each([
    { args: ['--help'], want: { told: 'Usage: it\n', status: 0 } },
    { args: ['--bogus', '-h'], want: { told: 'Usage: it\n', status: 0 } },
    { args: ['--bogus'], want: { told: "Unknown option '--bogus'; --help tells what there is\n", status: 2 } },
    {
      args: ['--count'],
      want: { told: "Option '--count <value>' argument missing; --help tells what there is\n", status: 2 },
    },
  ])('$args', ({ args, want }) => {
    expect(parseFlags(args, spec)).toEqual(want);
  });

  test('a word that is no flag is one line with its name', () => {
    const parsed = parseFlags(['seed'], spec);
    expect(parsed).toMatchObject({ status: 2, told: expect.stringMatching(/^[^\n]*'seed'[^\n]*\n$/) });
  });
});
