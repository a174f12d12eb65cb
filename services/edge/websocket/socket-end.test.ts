import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { SessionRig, settled } from './websocket-kit.ts';

const MINUTE = 60_000;

const flows = (rig: SessionRig): readonly object[] => rig.of('flow').map(({ flow }) => flow);

describe('the end of a socket', () => {
  test('a client that is gone: its turn is cut with what was generated', async () => {
    const rig = new SessionRig();
    await rig.running();
    rig.session.gone();
    expect(rig.of('interrupt')).toMatchObject([
      { interrupt: { turnId: rig.lastStart.turnId, mode: 'keep-generated' } },
    ]);
    const count = rig.told.length;
    rig.tokens(5, 'x'.repeat(200));
    rig.end(205);
    rig.session.message('{}');
    expect(rig.told).toHaveLength(count);
  });

  test.each([
    { name: 'the request', body: { reticle: { on_disconnect: 'continue' } }, over: {} },
    { name: 'the connection', body: {}, over: { continues: true } },
  ])(
    'a client that is gone: the turn goes on where $name says so, and nothing holds it back',
    async ({ body, over }) => {
      const rig = new SessionRig(over);
      await rig.running(body);
      rig.session.gone();
      rig.tokens(5, 'x'.repeat(300));
      expect(rig.of('interrupt')).toEqual([]);
      expect(rig.of('flow').at(-1)).toMatchObject({ flow: { receivedThroughOffset: 305 } });
    },
  );

  test('a client that is gone while its session is being made', async () => {
    const rig = new SessionRig();
    const made = rig.create();
    rig.session.gone();
    await made;
    expect(rig.of('interrupt')).toHaveLength(1);
    expect(rig.told).toEqual([]);
  });

  test('W18: a peer that takes nothing gets no credit, is parked after 60 s with 1013, then cut off', async () => {
    const rig = new SessionRig();
    rig.socket.isTaking = false;
    await rig.running({}, 'x'.repeat(400));
    rig.clock.advance(MINUTE - 1);
    const { turnId } = rig.lastStart;
    expect(flows(rig)).toEqual([{ turnId, receivedThroughOffset: 0, creditTokens: 0 }]);
    expect(rig.socket.goodbyes).toEqual([]);
    rig.clock.advance(1);
    expect(rig.socket.goodbyes).toMatchObject([{ code: 1_013 }]);
    expect(flows(rig).at(-1)).toEqual({ turnId, receivedThroughOffset: 400, creditTokens: 512 });
    expect(rig.of('interrupt')).toEqual([]);
    const told = rig.told.find(({ type }) => type === 'response.in_progress');
    expect(told).toMatchObject({ response: { reticle: { resume_token: 'rtr1.x' } } });
    rig.clock.advance(2_000);
    expect(rig.socket.isDestroyed).toBe(true);
  });

  test('W18: a peer that takes something within the minute stays', async () => {
    const rig = new SessionRig();
    rig.socket.isTaking = false;
    await rig.running({}, 'x'.repeat(400));
    rig.clock.advance(50_000);
    rig.socket.take();
    expect(flows(rig).at(-1)).toMatchObject({ receivedThroughOffset: 400, creditTokens: 512 });
    rig.clock.advance(50_000);
    rig.socket.take();
    rig.clock.advance(30_000);
    expect(rig.socket.goodbyes).toEqual([]);
  });

  test('W18: a peer that is behind but takes something each minute stays', async () => {
    const rig = new SessionRig();
    rig.socket.isTaking = false;
    await rig.running();
    for (let half = 0; half < 4; half += 1) {
      rig.clock.advance(MINUTE / 2);
      rig.session.alive();
      rig.socket.takeOne();
    }
    expect(rig.socket.goodbyes).toEqual([]);
  });

  test('above 1 MiB of backlog the peer is not read', async () => {
    const rig = new SessionRig();
    rig.socket.isTaking = false;
    await rig.running({}, 'x'.repeat(900_000));
    expect(rig.socket.isReading).toBe(true);
    rig.end(900_000);
    expect(rig.socket.isReading).toBe(false);
    rig.socket.take();
    expect(rig.socket.isReading).toBe(true);
  });

  test.each([
    { name: 'W19: silent from the first, it is closed after 5 minutes', message: undefined, want: [{ code: 1_001 }] },
    { name: 'W19: after a first message only its age ends it', message: '{}', want: [] },
  ])('$name', async ({ message, want }) => {
    const rig = new SessionRig();
    if (message !== undefined) await rig.say(message);
    for (let minute = 0; minute < 50; minute += 1) {
      rig.clock.advance(MINUTE / 2);
      rig.session.alive();
    }
    expect(rig.socket.goodbyes).toMatchObject(want);
  });

  test('W22: a revoked key: error, 1008, and its turn ends', async () => {
    const rig = new SessionRig();
    await rig.running();
    rig.session.fail(new ReticleError('key_revoked', 'the API key was revoked or has expired'));
    expect(rig.told.at(-1)).toMatchObject({ type: 'error', status: 401, error: { code: 'key_revoked' } });
    expect(rig.socket.goodbyes).toMatchObject([{ code: 1_008 }]);
    expect(rig.of('interrupt')).toHaveLength(1);
  });

  test('a peer that answers no ping is gone; one that is only slow is not', async () => {
    const rig = new SessionRig();
    await rig.say('{}');
    rig.clock.advance(30_000);
    rig.session.alive();
    rig.clock.advance(30_000);
    expect([rig.socket.pings, rig.socket.isDestroyed]).toEqual([2, false]);
    rig.clock.advance(30_000);
    expect(rig.socket.isDestroyed).toBe(true);
  });

  test('a defect of ours ends the socket with 1011, and its text stays here', async () => {
    const rig = new SessionRig();
    await rig.running();
    rig.break();
    await rig.say({ type: 'response.interrupt', mode: 'keep_generated' });
    expect(rig.told.at(-1)).toMatchObject({ type: 'error', status: 500, error: { code: 'server_error' } });
    expect(rig.socket.goodbyes).toMatchObject([{ code: 1_011 }]);
    expect(JSON.stringify(rig.told)).not.toContain('secret');
  });

  test('pings behind a backlog prove nothing', async () => {
    const rig = new SessionRig();
    await rig.say('{}');
    rig.clock.advance(20_000);
    rig.socket.isTaking = false;
    await rig.running();
    rig.clock.advance(59_999);
    expect([rig.socket.isDestroyed, rig.socket.goodbyes]).toEqual([false, []]);
  });

  test('pings within the budget are answered, one above it ends the socket', () => {
    const rig = new SessionRig();
    const data = Uint8Array.of(1);
    for (let second = 0; second < 100; second += 1) {
      rig.session.pinged(data);
      rig.clock.advance(1_000);
    }
    expect(rig.socket.pongs).toHaveLength(100);
    for (let count = 0; count < 31; count += 1) rig.session.pinged(data);
    expect(rig.socket.goodbyes).toMatchObject([{ code: 1_008, reason: 'protocol_abuse' }]);
    expect(rig.told).toMatchObject([{ type: 'error', error: { code: 'protocol_abuse' } }]);
  });
});

describe('leaving', () => {
  const limitReached = { type: 'error', error: { code: 'websocket_connection_limit_reached' } };

  async function aged(rig: SessionRig): Promise<void> {
    for (let half = 0; half < 118; half += 1) {
      rig.clock.advance(MINUTE / 2);
      rig.session.alive();
    }
    await settled();
  }

  test('W23: at 59 minutes nothing is cut; the socket ends with the terminal, by error and 1012', async () => {
    const rig = new SessionRig();
    await rig.running();
    await aged(rig);
    expect(rig.socket.goodbyes).toEqual([]);
    await rig.create({ stream_id: 'b' });
    expect(rig.told.at(-1)).toMatchObject({ ...limitReached, stream_id: 'b' });
    rig.tokens(5, '!');
    rig.end(6);
    expect(rig.types().slice(-2)).toEqual(['completed', 'error']);
    expect(rig.told.at(-1)).toMatchObject(limitReached);
    expect(rig.socket.goodbyes).toMatchObject([{ code: 1_012 }]);
  });

  test('an idle socket ends at once', async () => {
    const rig = new SessionRig();
    rig.session.leave(5_000);
    expect([rig.told, rig.socket.goodbyes]).toMatchObject([[limitReached], [{ code: 1_012 }]]);
  });

  test('requests that wait are told to go elsewhere', async () => {
    const rig = new SessionRig();
    await rig.running({ stream_id: 'a' });
    await rig.create({ stream_id: 'a' });
    rig.session.leave(5_000);
    expect(rig.told.at(-1)).toMatchObject({ ...limitReached, stream_id: 'a' });
    rig.end(5);
    await settled();
    expect(rig.starts).toHaveLength(1);
    expect(rig.socket.goodbyes).toMatchObject([{ code: 1_012 }]);
  });

  test('who asked for our events is told a minute ahead, with a token', async () => {
    const rig = new SessionRig({ wantsReticleEvents: true });
    await rig.running();
    await aged(rig);
    const going = rig.told.filter(({ type }) => type === 'reticle.going_away');
    expect(going).toEqual([{ type: 'reticle.going_away', time_left: 60, resume_token: 'rtr1.x' }]);
  });

  test('at the bound it ends with what still runs', async () => {
    const rig = new SessionRig();
    await rig.running();
    rig.session.close();
    expect(rig.told.at(-1)).toMatchObject(limitReached);
    expect(rig.socket.goodbyes).toMatchObject([{ code: 1_012 }]);
    rig.session.gone();
    expect(rig.of('interrupt')).toHaveLength(1);
  });
});
