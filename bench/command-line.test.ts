import { describe, expect, test } from '@jest/globals';
import { parseCommand } from './command-line.ts';

describe('parseCommand', () => {
  test.each([
    { args: ['link'], want: { short: false, rounds: 7, seconds: 10, only: undefined } },
    { args: ['plane', '--short'], want: { short: true, rounds: 3, seconds: 3, only: undefined } },
    { args: ['--rounds', '2', 'link', '--seconds=5'], want: { short: false, rounds: 2, seconds: 5, only: undefined } },
    { args: ['link', '--only', 'ratio'], want: { short: false, rounds: 7, seconds: 10, only: 'ratio' } },
  ])('runs $args', ({ args, want }) => {
    const cmd = ['npm run bench --', ...args].join(' ');
    expect(parseCommand(args)).toMatchObject({ kind: 'run', options: { ...want, cmd } });
  });

  test.each([{ args: [] }, { args: ['--help'] }, { args: ['link', '-h'] }])('helps with $args', ({ args }) => {
    const command = parseCommand(args);
    expect(command.kind).toBe('help');
    expect(command).toMatchObject({ text: expect.stringContaining('Examples:') });
  });

  test.each([
    {
      name: 'an unknown bench',
      args: ['turn'],
      want: 'bench is one of link, plane, init, interrupt, window, door, added, context, prepared, placement',
    },
    { name: 'two benches', args: ['link', 'plane'], want: 'bench is one of' },
    { name: 'options alone', args: ['--short'], want: 'bench is one of' },
    { name: 'an unknown option', args: ['link', '--fast'], want: '--fast' },
    { name: 'no rounds', args: ['link', '--rounds', '0'], want: '--rounds is 1 to 100' },
    { name: 'half a second', args: ['link', '--seconds', '0.5'], want: '--seconds is 1 to 600' },
    { name: 'a word for a number', args: ['link', '--seconds', 'ten'], want: '--seconds is 1 to 600' },
  ])('explains $name', ({ args, want }) => {
    expect(parseCommand(args)).toMatchObject({ kind: 'usage', text: expect.stringContaining(want) });
  });
});
