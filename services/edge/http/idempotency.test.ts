import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import type { Caller } from '@reticle/services/stream';
import { begin, ended } from '../openai/openai-kit.ts';
import { ResponseRecord } from '../openai/response-record.ts';
import type { ServedResponse } from '../openai/responses.ts';
import { Idempotency } from './idempotency.ts';

const KEPT_MS = 60_000;

function rig() {
  const clock = new VirtualClock();
  const idempotency = new Idempotency(clock);
  const records: ResponseRecord[] = [];
  const start = async (): Promise<readonly ServedResponse[]> => {
    const record = new ResponseRecord(`r${records.length}`);
    records.push(record);
    return [{ record } as ServedResponse];
  };
  const ask = (key: string, more: { tenant?: string; url?: string; body?: string; start?: typeof start } = {}) => {
    const { tenant = 'acme', url = '/v1/responses', body = '{}' } = more;
    const request = { headersDistinct: { 'idempotency-key': [key] }, url } as unknown as IncomingMessage;
    return idempotency.once({ request, caller: { tenant } as Caller, body }, more.start ?? start);
  };
  return { clock, records, ask };
}

/** Promises that a change of a record settles. */
const settle = (): Promise<void> => new Promise(setImmediate);

describe('Idempotency-Key', () => {
  test('the same request is the same turns, while they run and for a minute after', async () => {
    const { clock, records, ask } = rig();
    const first = await ask('k');
    expect(await ask('k')).toMatchObject({ turns: first.turns, isRepeat: true });
    begin(records[0] as ResponseRecord, ['a']);
    records[0]?.event(ended(1));
    await settle();
    clock.advance(KEPT_MS - 1);
    expect((await ask('k')).isRepeat).toBe(true);
    clock.advance(1);
    expect((await ask('k')).isRepeat).toBe(false);
    expect(records.length).toBe(2);
  });

  test('two at once start one', async () => {
    const { records, ask } = rig();
    const answers = await Promise.all([ask('k'), ask('k'), ask('k')]);
    expect([records.length, answers.map(({ isRepeat }) => isRepeat)]).toEqual([1, [false, true, true]]);
  });

  test('another tenant, another path and another key are others', async () => {
    const { records, ask } = rig();
    await ask('k');
    await ask('k', { tenant: 'globex' });
    await ask('k', { url: '/v1/chat/completions' });
    await ask('l');
    expect(records.length).toBe(4);
  });

  test('another body is a conflict, and the first goes on', async () => {
    const { ask } = rig();
    await ask('k');
    await expect(ask('k', { body: '{"a":1}' })).rejects.toMatchObject({ code: 'idempotency_conflict' });
    expect((await ask('k')).isRepeat).toBe(true);
  });

  test('what was refused, failed or cut because its client left is free again', async () => {
    const { records, ask } = rig();
    const refuse = (): Promise<never> => Promise.reject(new ReticleError('no_capacity', 'no'));
    await expect(ask('k', { start: refuse })).rejects.toMatchObject({ code: 'no_capacity' });
    const cut = await ask('k');
    cut.forget();
    expect((await ask('k')).isRepeat).toBe(false);
    const error = { code: 'engine_lost', message: 'lost', param: '' } as const;
    records.at(-1)?.event(ended(0, { status: 'failed', error }));
    await settle();
    expect((await ask('k')).isRepeat).toBe(false);
    cut.forget();
    expect((await ask('k')).isRepeat).toBe(true);
  });

  test('the least recently used of a tenant is forgotten past a thousand', async () => {
    const { ask } = rig();
    for (let index = 0; index <= 1_000; index++) {
      await ask(`k${index}`);
      await ask('used');
    }
    const others = await ask('k0', { tenant: 'globex' });
    expect([(await ask('used')).isRepeat, (await ask('k0')).isRepeat, others.isRepeat]).toEqual([true, false, false]);
  });
});
