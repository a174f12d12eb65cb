import { describe, expect, test } from '@jest/globals';
import { POD_PORT, podSettings } from './pod-settings.ts';

const needed = ['--plan', 'p.json', '--stage', '2', '--wafer-state', '/w', '--bind', '10.0.0.7'];

describe('podSettings', () => {
  test('fill in what is left out', () => {
    expect(podSettings(needed)).toEqual({
      plan: 'p.json',
      stage: 2,
      waferState: '/w',
      bind: '10.0.0.7',
      port: POD_PORT,
      nats: '',
      keys: '/etc/reticle/keys',
      hosts: undefined,
    });
    expect(podSettings(['--help'])).toBe('help');
  });

  test.each([
    { name: 'a missing flag', argv: needed.slice(2), want: '--plan is missing' },
    { name: 'a stage that is no number', argv: [...needed, '--stage', 'one'], want: '--stage is "one"' },
    { name: 'a stage beyond the last slot', argv: [...needed, '--stage', '256'], want: 'from 0 to 255' },
    { name: 'a port that is none', argv: [...needed, '--port', '70000'], want: '--port is "70000"' },
    { name: 'an unknown flag', argv: [...needed, '--stages', '1'], want: "Unknown option '--stages'" },
  ])('refuse $name', ({ argv, want }) => {
    expect(() => podSettings(argv)).toThrow(want);
  });
});
