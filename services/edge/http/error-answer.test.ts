import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { seededRandom } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import { errorRegistry, type ErrorCode } from '@reticle/proto/contract';
import { errorAnswerer, StatusError } from './error-answer.ts';

function rig() {
  const log = memoryLogger();
  return { log, answerOf: errorAnswerer({ log, random: seededRandom(1) }) };
}

const codes = Object.keys(errorRegistry) as ErrorCode[];
const refusal = (code: ErrorCode, retryAfterMs?: number): ReticleError =>
  new ReticleError(code, 'no', retryAfterMs === undefined ? {} : { retryAfterMs });

describe('an error as an HTTP answer', () => {
  test.each(codes)('%s has its row of the registry, and its alias in place of the code', (code) => {
    const { http, type, alias, retry } = errorRegistry[code];
    const { status, headers, body } = rig().answerOf(refusal(code), 'r1');
    expect([status, headers['x-request-id']]).toEqual([http, 'r1']);
    expect(body.error).toMatchObject({
      type,
      code: alias ?? code,
      message: 'no',
      param: null,
      request_id: 'r1',
      retryable: retry !== 'never',
    });
  });

  test.each(codes.filter((code) => errorRegistry[code].retry === 'after' && errorRegistry[code].http >= 429))(
    'H22 %s says when to come again, in whole seconds and in milliseconds',
    (code) => {
      const { headers, body } = rig().answerOf(refusal(code), 'r1');
      expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(Number(headers['retry-after-ms'])).toBe(body.error.retry_after_ms);
      expect(headers['x-should-retry']).toBe('true');
    },
  );

  test.each([
    { name: 'a delay over a minute, which the SDK would ignore', error: refusal('queue_full', 60_001), want: 'false' },
    { name: 'a delay of a minute', error: refusal('queue_full', 60_000), want: 'true' },
    { name: 'a conflict', error: refusal('idempotency_conflict'), want: 'false' },
    { name: 'a used-up quota', error: refusal('quota_exhausted'), want: 'false' },
    { name: 'a closed tier', error: refusal('tier_closed'), want: 'false' },
    { name: 'a bad request', error: refusal('invalid_request'), want: undefined },
  ])('x-should-retry of $name', ({ error, want }) => {
    expect(rig().answerOf(error, 'r1').headers['x-should-retry']).toBe(want);
  });

  test('a closed tier has no delay: the client should stop', () => {
    const { headers } = rig().answerOf(refusal('tier_closed'), 'r1');
    expect(Object.keys(headers)).toEqual(['x-request-id', 'x-should-retry']);
  });

  test('the text has both numbers', () => {
    const error = new ReticleError('context_length_exceeded', 'too long', { details: { limit: '8', requested: '9' } });
    expect(rig().answerOf(error, 'r1').body.error.message).toBe('too long (limit 8, requested 9)');
  });

  test('a defect is logged with its cause, and answered without its text', () => {
    const { log, answerOf } = rig();
    const { status, body } = answerOf(new TypeError('secret'), 'r1');
    expect([status, body.error.code, JSON.stringify(body).includes('secret')]).toEqual([500, 'server_error', false]);
    expect(log.records.map(({ level, message }) => [level, message])).toEqual([['error', 'a request failed']]);
  });

  test('a refusal may have another status at its path, and is not logged', () => {
    const { log, answerOf } = rig();
    const { status, body } = answerOf(new StatusError(415, refusal('invalid_request')), 'r1');
    expect([status, body.error.code, log.records]).toEqual([415, 'invalid_request', []]);
  });
});
