import { describe, expect, test } from '@jest/globals';
import { errorRegistry, type ErrorCode } from '@reticle/proto/contract';
import { dialectOf, stopCode, threadIdOf } from './dialect.ts';

describe('dialectOf', () => {
  test.each([
    { headers: { originator: 'codex_exec' }, want: 'codex' },
    { headers: { originator: 'my_codex' }, want: 'openai' },
    { headers: { 'x-codex-window-id': 'w' }, want: 'codex' },
    { headers: {}, want: 'openai' },
  ])('$headers: $want', ({ headers, want }) => {
    expect(dialectOf(headers)).toBe(want);
  });
});

describe('stopCode', () => {
  const codes = Object.keys(errorRegistry) as ErrorCode[];

  test('no client but Codex has one', () => {
    expect(codes.map((code) => stopCode('openai', code)).filter((code) => code !== undefined)).toEqual([]);
  });

  test('Codex is not stopped where a retry or everything sent again may help, nor at what it knows', () => {
    const going = codes.filter((code) => stopCode('codex', code) === undefined);
    const known = ['quota_exhausted', 'tier_closed'];
    const ofSession = [
      'session_not_found',
      'session_not_open',
      'resume_expired',
      'epoch_stale',
      'invalid_resume_token',
    ];
    const retried = codes.filter((code) => errorRegistry[code].retry !== 'never');
    expect(new Set(going)).toEqual(new Set([...retried, ...ofSession, ...known]));
  });

  test('a context that is too long keeps its word', () => {
    expect(stopCode('codex', 'context_length_exceeded')).toBe('context_length_exceeded');
    expect(stopCode('codex', 'model_not_found')).toBe('invalid_prompt');
  });
});

describe('threadIdOf', () => {
  test.each([
    {
      name: 'the request says it',
      fields: { client_metadata: { thread_id: 'a' } },
      headers: { 'thread-id': 'b' },
      want: 'a',
    },
    { name: 'only a header says it', fields: {}, headers: { 'thread-id': 'b' }, want: 'b' },
    {
      name: 'the request says no text',
      fields: { client_metadata: { thread_id: 7 } },
      headers: { 'thread-id': 'b' },
      want: 'b',
    },
    { name: 'metadata is no object', fields: { client_metadata: 'a' }, headers: {}, want: undefined },
    {
      name: 'it is too long',
      fields: { client_metadata: { thread_id: 'a'.repeat(129) } },
      headers: {},
      want: undefined,
    },
    { name: 'it is empty', fields: {}, headers: { 'thread-id': '' }, want: undefined },
    { name: 'nobody says it', fields: { prompt_cache_key: 'a' }, headers: {}, want: undefined },
  ])('$name: $want', ({ fields, headers, want }) => {
    expect(threadIdOf(fields, headers)).toBe(want);
  });
});
