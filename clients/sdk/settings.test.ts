import { describe, expect, test } from '@jest/globals';
import { isReticleError } from '@reticle/core/domain';
import { settings, type ConnectOptions } from './settings.ts';

const key = 'rtk_test';

function refusal(options: ConnectOptions, environment: Record<string, string> = {}): unknown {
  try {
    return settings(options, environment);
  } catch (error) {
    return isReticleError(error) ? [error.code, error.param] : error;
  }
}

describe('settings', () => {
  test('prefers options to the environment', () => {
    const environment = { RETICLE_GRPC: 'a.example:1', RETICLE_API_KEY: 'rtk_env', RETICLE_MODEL: 'm' };
    expect(settings({}, environment)).toEqual({
      targets: [{ address: 'a.example:1', secure: true }],
      apiKey: 'rtk_env',
      model: 'm',
    });
    expect(settings({ target: 'b.example:2', apiKey: key, model: 'n' }, environment)).toEqual({
      targets: [{ address: 'b.example:2', secure: true }],
      apiKey: key,
      model: 'n',
    });
  });

  test.each([
    { target: '127.0.0.1:50051', wantSecure: false },
    { target: 'localhost:1', wantSecure: false },
    { target: '[::1]:1', wantSecure: false },
    { target: 'gateway.example:443', wantSecure: true },
    { target: 'http://gateway.example:80', wantSecure: false },
    { target: 'https://127.0.0.1:1', wantSecure: true },
    { target: '127.example:1', wantSecure: true },
  ])('takes $target with TLS $wantSecure', ({ target, wantSecure }) => {
    expect(settings({ target, apiKey: key }, {}).targets).toMatchObject([{ secure: wantSecure }]);
  });

  test.each([
    { name: 'a list', target: ['127.0.0.1:1', 'b.example:2'] },
    { name: 'commas', target: '127.0.0.1:1, b.example:2' },
    { name: 'repeats', target: '127.0.0.1:1,b.example:2,127.0.0.1:1' },
  ])('takes several targets from $name, each with its own transport', ({ target }) => {
    expect(settings({ target, apiKey: key }, {}).targets).toEqual([
      { address: '127.0.0.1:1', secure: false },
      { address: 'b.example:2', secure: true },
    ]);
  });

  test.each([
    { name: 'no target', options: { apiKey: key }, want: ['invalid_request', 'target'] },
    {
      name: 'a target without a port',
      options: { target: 'localhost', apiKey: key },
      want: ['invalid_request', 'target'],
    },
    { name: 'an empty list', options: { target: [], apiKey: key }, want: ['invalid_request', 'target'] },
    { name: 'a list with a hole', options: { target: 'a:1,,b:2', apiKey: key }, want: ['invalid_request', 'target'] },
    { name: 'another scheme', options: { target: 'ftp://a:1', apiKey: key }, want: ['invalid_request', 'target'] },
    { name: 'no key', options: { target: 'a:1' }, want: ['invalid_api_key', 'apiKey'] },
    {
      name: 'a key with a line break',
      options: { target: 'a:1', apiKey: 'a\nb' },
      want: ['invalid_api_key', 'apiKey'],
    },
  ])('refuses $name', ({ options, want }) => {
    expect(refusal(options)).toEqual(want);
  });

  test('takes an empty variable for an absent one', () => {
    expect(settings({ target: 'a:1', apiKey: key }, { RETICLE_MODEL: '' }).model).toBeUndefined();
  });
});
