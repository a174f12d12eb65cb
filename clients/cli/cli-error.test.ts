import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { ConfigError } from '@reticle/core/process';
import type { ErrorCode } from '@reticle/proto/contract';
import { errorText, explained, usageError } from './cli-error.ts';
import { ManifestError } from './manifests/manifest-error.ts';

describe('explained', () => {
  test.each<{ code: ErrorCode; wantExit: number }>([
    { code: 'invalid_api_key', wantExit: 4 },
    { code: 'key_revoked', wantExit: 4 },
    { code: 'tier_required', wantExit: 4 },
    { code: 'idempotency_conflict', wantExit: 6 },
    { code: 'epoch_stale', wantExit: 6 },
    { code: 'no_capacity', wantExit: 5 },
    { code: 'model_not_found', wantExit: 5 },
    { code: 'region_lost', wantExit: 5 },
  ])('gives $code exit $wantExit', ({ code, wantExit }) => {
    expect(explained(new ReticleError(code, 'x'))).toMatchObject({ code, exitCode: wantExit });
  });

  test('gives configuration exit 3 and every problem', () => {
    const manifest = new ManifestError([
      { file: 'a.yaml', line: 1, reason: 'one' },
      { file: 'b.yaml', line: 2, reason: 'two' },
    ]);
    expect(explained(manifest)).toMatchObject({ exitCode: 3, code: 'config' });
    expect(explained(manifest)?.message).toMatch(/a\.yaml:1 {2}one\nb\.yaml:2 {2}two/);
    expect(explained(new ConfigError(['p']))?.exitCode).toBe(3);
  });

  test('leaves a defect alone', () => {
    expect(explained(new Error('invariant'))).toBeUndefined();
  });
});

describe('errorText', () => {
  test('names code, facts and what to do next', () => {
    const error = new ReticleError('context_length_exceeded', 'too long', { details: { limit: '8', requested: '9' } });
    const shown = explained(error);
    if (shown === undefined) throw new Error('not explained');
    expect(errorText(shown)).toBe(
      'error[context_length_exceeded]: too long (limit 8, requested 9)\n' +
        'The same request will be refused again: change it first.\n',
    );
  });

  test('tells how long to wait', () => {
    const shown = explained(new ReticleError('no_capacity', 'full', { retryAfterMs: 1_500 }));
    expect(shown?.hint).toBe('Try again in 1.5 s.');
  });

  test('shows a usage error', () => {
    expect(errorText(usageError('no', 'do this'))).toBe('error[usage]: no\ndo this\n');
  });
});
