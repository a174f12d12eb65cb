import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { Disk } from './env.ts';
import { readSecret, Secret } from './secret.ts';

const CANARY = 'rtk_canary_0123456789';
const secret = new Secret(CANARY);
/** What a careless caller does by way of `any`. */
const asText = secret as unknown as string;

describe('Secret', () => {
  test('gives its value to who asks for it', () => {
    expect(secret.reveal()).toBe(CANARY);
  });

  test.each([
    { name: 'JSON', show: () => JSON.stringify({ secret, list: [secret] }) },
    { name: 'a template', show: () => `${asText}` },
    { name: 'concatenation', show: () => 'key ' + String(secret) },
    { name: 'inspect with hidden fields', show: () => inspect(secret, { showHidden: true, depth: 9 }) },
    { name: 'a spread', show: () => JSON.stringify(Object.assign({}, secret)) },
    { name: 'own property names', show: () => Reflect.ownKeys(secret).join() },
    { name: 'a structured clone', show: () => inspect(structuredClone(secret)) },
    { name: 'an error message', show: () => new Error(`bad ${asText}`).stack ?? '' },
  ])('does not leak through $name', ({ show }) => {
    expect(show()).not.toContain('canary');
  });

  test('has no toJSON, so that nobody takes its text for a value', () => {
    expect('toJSON' in secret).toBe(false);
  });
});

describe('readSecret', () => {
  const disk = (content: string | Error): Disk => ({
    readText: () => (content instanceof Error ? Promise.reject(content) : Promise.resolve(content)),
    writeText: () => Promise.resolve(),
    remove: () => Promise.resolve(),
    exists: () => Promise.resolve(true),
  });

  test.each([
    { name: 'plain', content: 'abc', want: 'abc' },
    { name: 'with a line break', content: 'abc\n', want: 'abc' },
    { name: 'with CRLF', content: 'abc\r\n', want: 'abc' },
    { name: 'with blanks of its own', content: ' a b \n\n', want: ' a b \n' },
  ])('reads a file: $name', async ({ content, want }) => {
    expect((await readSecret(disk(content), 'RETICLE_KEY_FILE', '/k')).reveal()).toBe(want);
  });

  test.each([
    { name: 'missing', content: new Error('ENOENT'), wantProblem: 'RETICLE_KEY_FILE: cannot read the secret file /k' },
    { name: 'empty', content: '\n', wantProblem: 'RETICLE_KEY_FILE: the secret file /k is empty' },
  ])('refuses a file that is $name', async ({ content, wantProblem }) => {
    await expect(readSecret(disk(content), 'RETICLE_KEY_FILE', '/k')).rejects.toMatchObject({
      name: 'ConfigError',
      problems: [wantProblem],
    });
  });
});
