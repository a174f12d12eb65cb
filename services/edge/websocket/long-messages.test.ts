/** Messages that are read and counted in steps: what comes behind them waits, and what others say does not. */
import { describe, expect, test } from '@jest/globals';
import { countTokens } from '@reticle/core/domain/tokens';
import { SessionRig, settled, until } from './websocket-kit.ts';

const long = 'word of it, '.repeat(40_000);
const tokens = countTokens(`user\n${long}\n`);
const created = (over: object = {}): object => ({
  type: 'response.create',
  model: 'spark-ref',
  input: long,
  ...over,
});

describe('a long request', () => {
  test('is started with its tokens, a good many turns of the loop later', async () => {
    const rig = new SessionRig();
    await rig.say(created());
    expect([rig.starts, rig.socket.isReading]).toEqual([[], false]);
    expect(await until(() => rig.starts.length > 0)).toBeGreaterThan(4);
    expect(rig.lastStart.input).toMatchObject([{ kind: 'item', tokens }]);
    expect(rig.socket.isReading).toBe(true);
  });

  test('other sockets are served meanwhile', async () => {
    const rig = new SessionRig();
    const other = new SessionRig();
    await other.running();
    await rig.say(created());
    other.tokens(5, ' there');
    expect(other.told.at(-1)).toMatchObject({ type: 'response.output_text.delta', delta: ' there' });
    await other.say({ type: 'response.interrupt', response_id: other.responseId, mode: 'keep_generated' });
    expect([other.of('interrupt').length, rig.starts]).toEqual([1, []]);
    await until(() => rig.starts.length > 0);
  });

  test('what the client says behind it is heard behind it', async () => {
    const rig = new SessionRig();
    rig.session.message(JSON.stringify(created({ stream_id: 'a', temperature: 7 })));
    rig.session.message(JSON.stringify(created({ stream_id: 'b', type: 'response.unheard' })));
    rig.session.binary();
    rig.session.message('{"type":');
    expect(rig.told).toEqual([]);
    await until(() => rig.told.length > 3);
    expect(rig.told.map(({ error }) => (error as { code: string }).code)).toEqual([
      'value_out_of_range',
      'unknown_event',
      'invalid_json',
      'invalid_json',
    ]);
    expect(rig.socket.isReading).toBe(true);
  });

  test('requests of its lane follow it', async () => {
    const rig = new SessionRig();
    rig.session.message(JSON.stringify(created({ stream_id: 'a' })));
    rig.session.message(JSON.stringify(created({ stream_id: 'a', input: 'short' })));
    await until(() => rig.starts.length > 0);
    expect(rig.lastStart.input).toMatchObject([{ tokens }]);
    rig.start();
    rig.end(0);
    await until(() => rig.starts.length > 1);
    expect(rig.lastStart.input).toMatchObject([{ json: expect.stringContaining('short') }]);
  });

  test.each([
    { name: 'while it is read', turns: 1 },
    { name: 'while it is counted', turns: 5 },
  ])('a client that leaves $name: nothing is started', async ({ turns }) => {
    const rig = new SessionRig();
    await rig.say(created());
    for (let turn = 0; turn < turns; turn += 1) await settled();
    expect(rig.starts).toEqual([]);
    rig.session.gone();
    rig.session.message(JSON.stringify(created({ input: 'late' })));
    for (let turn = 0; turn < 50; turn += 1) await settled();
    expect([rig.starts, rig.told]).toEqual([[], []]);
  });

  test('a client that leaves its request behind: it goes on', async () => {
    const rig = new SessionRig({ continues: true });
    await rig.say(created());
    for (let turn = 0; turn < 5; turn += 1) await settled();
    expect(rig.starts).toEqual([]);
    rig.session.gone();
    await until(() => rig.starts.length > 0);
    expect(rig.of('interrupt')).toEqual([]);
  });

  test('that is no JSON is refused, and the socket stays', async () => {
    const rig = new SessionRig();
    await rig.say(`{"type":"${long}`);
    await until(() => rig.told.length > 0);
    expect(rig.told).toMatchObject([{ type: 'error', error: { code: 'invalid_json' } }]);
    await rig.create();
    expect(rig.starts).toHaveLength(1);
  });
});

describe('a long successor', () => {
  const redirect = { type: 'response.interrupt', mode: 'keep_generated', successor: { input: long } };

  test('is counted before the cut', async () => {
    const rig = new SessionRig();
    await rig.running();
    await rig.say(redirect);
    expect(rig.of('redirect')).toEqual([]);
    await until(() => rig.of('redirect').length > 0);
    expect(rig.lastStart.input).toMatchObject([{ tokens }]);
  });

  test('of a response that ends meanwhile is not started', async () => {
    const rig = new SessionRig();
    await rig.running();
    const { responseId } = rig;
    await rig.say(redirect);
    rig.end(5);
    await until(() => rig.told.some(({ type }) => type === 'response.interrupt.failed'));
    expect(rig.of('redirect')).toEqual([]);
    expect(rig.told.at(-1)).toMatchObject({ error: { code: 'response_not_active' } });
    expect(responseId).toBe(rig.responseId);
  });

  test('of a client that leaves meanwhile is not started', async () => {
    const rig = new SessionRig({ continues: true });
    await rig.running();
    await rig.say(redirect);
    for (let turn = 0; turn < 5; turn += 1) await settled();
    rig.session.gone();
    for (let turn = 0; turn < 50; turn += 1) await settled();
    expect([rig.of('redirect'), rig.of('interrupt')]).toEqual([[], []]);
  });
});
