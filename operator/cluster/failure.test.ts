import { describe, expect, test } from '@jest/globals';
import { noAnswer, refusal } from './failure.ts';

describe('refusal', () => {
  test.each([
    { status: 400, reason: 'BadRequest', want: 'badRequest', unknown: false },
    { status: 401, reason: 'Unauthorized', want: 'unauthorized', unknown: false },
    { status: 403, reason: 'Forbidden', want: 'forbidden', unknown: false },
    { status: 404, reason: 'NotFound', want: 'notFound', unknown: false },
    { status: 409, reason: 'Conflict', want: 'conflict', unknown: false },
    { status: 409, reason: 'AlreadyExists', want: 'alreadyExists', unknown: false },
    { status: 410, reason: 'Expired', want: 'expired', unknown: false },
    { status: 413, reason: 'RequestEntityTooLarge', want: 'badRequest', unknown: false },
    { status: 422, reason: 'Invalid', want: 'invalid', unknown: false },
    { status: 429, reason: 'TooManyRequests', want: 'throttled', unknown: false },
    { status: 500, reason: 'InternalError', want: 'serverError', unknown: true },
    { status: 503, reason: 'ServiceUnavailable', want: 'serverError', unknown: true },
    { status: 504, reason: 'Timeout', want: 'timeout', unknown: true },
    { status: 599, reason: undefined, want: 'serverError', unknown: true },
  ])('$status $reason is $want', ({ status, reason, want, unknown }) => {
    const body = reason === undefined ? {} : { reason, message: 'words' };
    expect(refusal(status, body)).toMatchObject({ kind: want, status, outcomeUnknown: unknown });
  });

  test('waits as long as the header says, else as the body says, else not at all', () => {
    const body = { details: { retryAfterSeconds: 2 } };
    expect(refusal(429, body, 500).retryAfterMs).toBe(500);
    expect(refusal(429, body).retryAfterMs).toBe(2_000);
    expect(refusal(429, {})).not.toHaveProperty('retryAfterMs');
  });

  test('of a long message keeps how it begins and how it ends', () => {
    const { message } = refusal(422, {
      message: `Wafer "a" is invalid: ${'x'.repeat(10_000)}: unknown field "spec.y"`,
    });
    expect(message).toMatch(/^Wafer "a" is invalid: x+ … x+: unknown field "spec.y"$/);
    expect(message.length).toBeLessThan(2_010);
    expect(refusal(500, {}).message).toBe('status 500');
  });
});

describe('noAnswer', () => {
  test('leaves it open whether a write happened, unless told that nothing was sent', () => {
    expect(noAnswer('timeout', 'late')).toEqual({ kind: 'timeout', status: 0, message: 'late', outcomeUnknown: true });
    expect(noAnswer('notLeader', 'no', false).outcomeUnknown).toBe(false);
  });
});
