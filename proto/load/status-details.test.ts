import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeStatusDetails, encodeStatusDetails, type StatusDetails } from './status-details.ts';

describe('status details', () => {
  const rows: { name: string; status: StatusDetails }[] = [
    { name: 'ErrorInfo alone', status: { grpcCode: 5, message: 'not there', code: 'session_not_found', metadata: {} } },
    {
      name: 'facts',
      status: { grpcCode: 11, message: 'm', code: 'context_length_exceeded', metadata: { limit: '8', requested: '9' } },
    },
    { name: 'a delay', status: { grpcCode: 14, message: 'm', code: 'no_capacity', metadata: {}, retryDelayMs: 1_250 } },
    {
      name: 'a field',
      status: {
        grpcCode: 3,
        message: 'm',
        code: 'invalid_request',
        metadata: {},
        fieldViolations: [{ field: 'turn_id', description: 'd' }],
      },
    },
    {
      name: 'a quota',
      status: {
        grpcCode: 8,
        message: 'm',
        code: 'rate_limit_exceeded',
        metadata: {},
        retryDelayMs: 3,
        quotaViolations: [{ subject: 's', description: 'd' }],
      },
    },
  ];
  test.each(rows)('$name survives the wire', ({ status }) => {
    expect(decodeStatusDetails(encodeStatusDetails(status))).toEqual(status);
  });

  test('the bytes are those of googleapis', () => {
    const url = Buffer.from('type.googleapis.com/google.rpc.ErrorInfo').toString('hex');
    const info = '0a0141' + '120b' + Buffer.from('reticle.dev').toString('hex');
    const bytes = encodeStatusDetails({ grpcCode: 5, message: 'm', code: 'a', metadata: {} });
    expect(Buffer.from(bytes).toString('hex')).toBe(`0805` + `12016d` + `1a3c` + `0a28${url}` + `1210${info}`);
  });

  test('a status of another domain is not ours', () => {
    const bytes = Buffer.from(encodeStatusDetails({ grpcCode: 5, message: 'm', code: 'a', metadata: {} }));
    bytes.write('other', bytes.indexOf('reticle'));
    expect(decodeStatusDetails(bytes)).toBeUndefined();
  });

  test('no bytes make the decoder throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => expect(() => decodeStatusDetails(bytes)).not.toThrow()),
    );
  });
});
