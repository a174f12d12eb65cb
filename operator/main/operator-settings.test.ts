import { describe, expect, test } from '@jest/globals';
import { OPERATOR_HELP, operatorSettings } from './operator-settings.ts';

const IMAGE = `registry.example/reticle@sha256:${'0'.repeat(64)}`;
const least = ['--image', IMAGE, '--nats', 'nats://nats:4222'];

describe('operatorSettings', () => {
  test('what is left out has a default; without a kubeconfig it is the cluster of its pod', () => {
    expect(operatorSettings(least)).toEqual({
      kubeconfig: undefined,
      impersonate: undefined,
      image: IMAGE,
      nats: 'nats://nats:4222',
      keysSecret: 'reticle-engine',
      namespace: 'reticle-system',
    });
  });

  test.each([
    { given: 'reticle-system/reticle-operator', want: 'system:serviceaccount:reticle-system:reticle-operator' },
    { given: 'system:serviceaccount:a:b', want: 'system:serviceaccount:a:b' },
    { given: 'alice', want: 'alice' },
    { given: 'a/b/c', want: 'a/b/c' },
  ])('$given is the user $want', ({ given, want }) => {
    expect(operatorSettings([...least, '--impersonate', given])).toMatchObject({ impersonate: want });
  });

  test.each([
    { args: ['--nats', 'nats://n:1'], want: '--image is missing' },
    { args: ['--image', IMAGE], want: '--nats is missing' },
    { args: ['--image', 'reticle:latest', '--nats', 'nats://n:1'], want: 'has no digest' },
    { args: [...least, '--imge', 'x'], want: '--imge' },
    { args: [...least, 'more'], want: 'more' },
  ])('refuses $args', ({ args, want }) => {
    expect(() => operatorSettings(args)).toThrow(want);
  });

  test('help names every flag', () => {
    expect(operatorSettings(['--help'])).toBe('help');
    for (const flag of ['image', 'nats', 'keys-secret', 'namespace', 'kubeconfig', 'impersonate']) {
      expect(OPERATOR_HELP).toContain(`--${flag} `);
    }
  });
});
