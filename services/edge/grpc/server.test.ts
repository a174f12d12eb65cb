import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { ReticleError } from '@reticle/core/domain';
import { countTokens, parseItem, renderItems } from '@reticle/core/domain/tokens';
import { limits } from '@reticle/proto/contract';
import { messageCodec } from '@reticle/proto/load';
import type { ClientCommand } from '@reticle/services/session';
import {
  EdgeKit,
  ended,
  identity,
  nextMessage,
  request,
  runOf,
  SERVICE_PATH,
  SESSION_ID,
  startKit,
  type ScriptedAttachment,
} from './edge-kit.ts';

const encode = (name: string, message: object): Uint8Array =>
  messageCodec(`reticle.session.v1.${name}`).encode(message);
const decode = (name: string, bytes: Uint8Array = new Uint8Array()): Record<string, unknown> =>
  messageCodec<object, Record<string, unknown>>(`reticle.session.v1.${name}`).decode(bytes);

let kit: EdgeKit;
beforeEach(async () => {
  kit = await startKit();
});
afterEach(() => kit[Symbol.asyncDispose]());

describe('unary methods', () => {
  test.each([
    {
      method: 'CreateSession',
      message: { requestId: 'r1', model: 'm', tier: 2, idleTtl: { seconds: 3 } },
      wantCall: { requestId: 'r1', model: 'm', tier: 'fast', idleTtlMs: 3_000 },
      wantAnswer: {
        resumeToken: 'rtr1.token',
        session: { sessionId: SESSION_ID, tier: 2, expireTime: { seconds: 1_800_000_000, nanos: 250_000_000 } },
      },
    },
    {
      method: 'WarmSession',
      message: { sessionId: SESSION_ID, requestId: 'r2', prefix: [{ tokens: { tokenIds: [1, 2] } }] },
      wantCall: { parentTurnId: '', prefix: [{ kind: 'tokens', ids: [1, 2] }] },
      wantAnswer: { turnId: 'w1', prefilledTokens: 20, cachedTokens: 128 },
    },
    {
      method: 'SignalTurn',
      message: { resumeToken: 'rtr1.x', interrupt: { turnId: 't1' } },
      wantCall: { resumeToken: 'rtr1.x', signal: { turnId: 't1', mode: 'keep-through-offset' } },
      wantAnswer: { ack: { outcome: 1, effectiveOffset: 405, wastedTokens: 16, kvAction: 1 } },
    },
    { method: 'CloseSession', message: { sessionId: SESSION_ID }, wantCall: SESSION_ID, wantAnswer: {} },
    {
      method: 'GetSession',
      message: { sessionId: SESSION_ID },
      wantCall: SESSION_ID,
      wantAnswer: { liveTurns: [{ turnId: 't1', nextOffset: 3, creditTokens: 512 }] },
    },
  ])('$method', async ({ method, message, wantCall, wantAnswer }) => {
    const outcome = await kit.unary(kit.client(), `${SERVICE_PATH}/${method}`, encode(`${method}Request`, message));
    const [call] = kit.front.calls;
    expect(call?.caller).toMatchObject({ tenant: 'acme', defaultTier: 'fast' });
    if (typeof wantCall === 'string') expect(call?.request).toBe(wantCall);
    else expect(call?.request).toMatchObject(wantCall);
    expect(decode(`${method}Response`, outcome.bytes)).toMatchObject(wantAnswer);
  });

  test.each([
    {
      name: 'a refusal with a delay',
      error: new ReticleError('no_capacity', 'busy', { retryAfterMs: 1_250 }),
      want: { grpc: 14, code: 'no_capacity', delay: 1_250, pushback: ['1250'] },
    },
    {
      name: 'a refusal with facts',
      error: new ReticleError('context_length_exceeded', 'too long', { details: { limit: '8', requested: '9' } }),
      want: { grpc: 11, code: 'context_length_exceeded', delay: undefined, pushback: [] },
    },
    {
      name: 'a defect',
      error: new TypeError('secret inside'),
      want: { grpc: 13, code: 'internal', delay: expect.any(Number), pushback: [expect.any(String)] },
    },
  ])('$name', async ({ error, want }) => {
    kit.front.failNext = error;
    const message = encode('GetSessionRequest', { sessionId: SESSION_ID });
    const { status, details } = await kit.unary(kit.client(), `${SERVICE_PATH}/GetSession`, message);
    const pushback = status.metadata.get('grpc-retry-pushback-ms');
    expect({ grpc: status.code, code: details?.code, delay: details?.retryDelayMs, pushback }).toEqual(want);
    expect(`${status.details} ${JSON.stringify(details)}`).not.toMatch(/secret|server\.ts/);
    expect(kit.log.records.filter((record) => record.level === 'error')).toHaveLength(want.grpc === 13 ? 1 : 0);
  });

  test('the same body has the same digest, however it was encoded', async () => {
    const message = encode('CreateSessionRequest', { requestId: 'r1', model: 'm' });
    const shuffled = Buffer.concat([message.subarray(4), message.subarray(0, 4), Uint8Array.of(0x7a, 1, 0x61)]);
    const other = encode('CreateSessionRequest', { requestId: 'r1', model: 'n' });
    const client = kit.client();
    for (const bytes of [message, shuffled, other]) await kit.unary(client, `${SERVICE_PATH}/CreateSession`, bytes);
    const [a, b, c] = kit.front.calls.map(({ request: sent }) => (sent as { bodyDigest: string }).bodyDigest);
    expect(b).toBe(a);
    expect(c).not.toBe(a);
  });
});

describe('Converse', () => {
  test('commands reach the attachment in order, events and frames come back', async () => {
    const {
      stream,
      attachment,
      ended: end,
    } = await kit.attached(kit.client(), { resumeToken: 'rtr1.x', framePolicy: { includeTokenIds: true } });
    expect(attachment.request).toMatchObject({
      resumeToken: 'rtr1.x',
      framePolicy: { includeTokenIds: true, omitText: false },
    });
    const command = once(attachment, 'command');
    stream.write(request({ seq: 5, interrupt: { turnId: 't1', keepThroughOffset: 0 } }));
    const [interrupt] = await command;
    expect(interrupt).toMatchObject({
      seq: 5,
      kind: 'interrupt',
      interrupt: { keepThroughOffset: 0, mode: 'keep-through-offset' },
    });
    expect(interrupt.interrupt.signalId).toMatch(/^[a-z2-7]{26}$/);
    const frame = nextMessage(stream);
    const drained = once(attachment, 'drained');
    // The frame is under way: what comes meanwhile is to grow into one.
    expect(attachment.sink.tokens(runOf('t1', 7, 'abc'))).toBe(false);
    expect(await frame).toMatchObject({
      tokenFrame: {
        turnId: 't1',
        firstOffset: 7,
        tokenCount: 3,
        tokenIds: [1_000, 1_001, 1_002],
        text: Buffer.from('abc'),
        textLengths: [1, 1, 1],
      },
    });
    await drained;
    attachment.sink.end();
    attachment.sink.event({ kind: 'go-away', timeLeftMs: 1, resumeToken: '', reason: '' });
    expect((await end).status.code).toBe(0);
    expect(attachment.said).toEqual(['command']);
  });

  test('commands sent with Attach wait until the session is open', async () => {
    const gate = Promise.withResolvers<void>();
    kit.front.hold = gate.promise;
    const opening = once(kit.front, 'attaching') as Promise<[ScriptedAttachment]>;
    const stream = kit.converse(kit.client());
    stream.write(request({ attach: { sessionId: SESSION_ID } }));
    for (const seq of [1, 2, 3]) stream.write(request({ seq, flow: { turnId: 't1', receivedThroughOffset: seq } }));
    stream.end();
    const [attachment] = await opening;
    const half = once(attachment, 'halfClose');
    expect(attachment.said).toEqual([]);
    gate.resolve();
    await half;
    expect(attachment.said).toEqual(['command', 'command', 'command', 'halfClose']);
    attachment.sink.end();
  });

  const longStart = {
    turnId: 't1',
    input: ['Hi', 'word of it, '.repeat(40_000)].map((content) => ({
      itemJson: JSON.stringify({ type: 'message', role: 'user', content }),
    })),
  };

  test('a long input is counted in steps; what comes behind it waits', async () => {
    const { stream, attachment } = await kit.attached(kit.client());
    const commands: ClientCommand[] = [];
    attachment.on('command', (command: ClientCommand) => commands.push(command));
    stream.write(request({ seq: 1, startTurn: longStart }));
    stream.write(request({ seq: 2, redirect: { cut: { turnId: 't1' }, successor: { ...longStart, turnId: 't2' } } }));
    stream.write(request({ seq: 3, flow: { turnId: 't1' } }));
    stream.end();
    await once(attachment, 'halfClose');
    expect(attachment.said).toEqual(['command', 'command', 'command', 'halfClose']);
    expect(commands.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    const tokens = longStart.input.map(({ itemJson }) => countTokens(renderItems([parseItem(itemJson, 'x')])));
    expect(commands).toMatchObject([
      { start: { input: tokens.map((count) => ({ kind: 'item', tokens: count })) } },
      { redirect: { successor: { input: tokens.map((count) => ({ tokens: count })) } } },
      { kind: 'flow' },
    ]);
    attachment.sink.end();
  });

  test('a long input of a client that leaves meanwhile is not passed on', async () => {
    const { stream, attachment } = await kit.attached(kit.client());
    stream.write(request({ seq: 1, startTurn: longStart }));
    // Counted for many more turns of the loop than a reset is under way.
    const itemJson = JSON.stringify({ type: 'message', role: 'user', content: 'word of it, '.repeat(300_000) });
    stream.write(request({ seq: 2, startTurn: { turnId: 't2', input: [{ itemJson }] } }));
    await once(attachment, 'command');
    stream.cancel();
    await once(attachment, 'disconnected');
    expect(attachment.said).toEqual(['command', 'disconnected']);
  });

  test('a long command that throws ends its stream', async () => {
    const { stream, attachment, ended: end } = await kit.attached(kit.client());
    attachment.failNext = new ReticleError('idempotency_conflict', 'the turn has another body');
    stream.write(request({ seq: 1, startTurn: longStart }));
    expect((await end).details?.code).toBe('idempotency_conflict');
  });

  test('a client that leaves while the session opens is told to the attachment', async () => {
    const gate = Promise.withResolvers<void>();
    kit.front.hold = gate.promise;
    const opening = once(kit.front, 'attaching') as Promise<[ScriptedAttachment]>;
    const stream = kit.converse(kit.client());
    const gone = ended(stream);
    stream.write(request({ attach: { sessionId: SESSION_ID } }));
    const [attachment] = await opening;
    stream.cancel();
    await gone;
    const told = once(attachment, 'disconnected');
    gate.resolve();
    await told;
    expect(attachment.said).toEqual(['disconnected']);
  });

  test.each([
    { name: 'a refusal', error: new ReticleError('session_not_found', 'the session is not known'), want: 5 },
    { name: 'a defect', error: new Error('boom'), want: 13 },
  ])('$name of attach ends the stream', async ({ error, want }) => {
    kit.front.failNext = error;
    const stream = kit.converse(kit.client());
    const end = ended(stream);
    stream.write(request({ attach: { sessionId: SESSION_ID } }));
    expect((await end).status.code).toBe(want);
  });

  test('a command that throws ends its own stream only', async () => {
    const client = kit.client();
    const [bad, good] = [await kit.attached(client), await kit.attached(client)];
    bad.attachment.failNext = new ReticleError('ack_out_of_range', 'acknowledged past what was sent');
    bad.stream.write(request({ seq: 1, flow: { turnId: 't1', receivedThroughOffset: 9 } }));
    expect((await bad.ended).details?.code).toBe('ack_out_of_range');
    expect(bad.attachment.said).toEqual(['refuse']);
    const frame = nextMessage(good.stream);
    good.attachment.sink.tokens(runOf('t', 0, 'x'));
    expect(await frame).toMatchObject({ tokenFrame: { turnId: 't' } });
  });

  test('a stream without Attach ends after its time', async () => {
    const client = kit.client();
    await kit.attached(client);
    const stream = kit.converse(client);
    const end = ended(stream);
    const path = `${SERVICE_PATH}/CloseSession`;
    await kit.unary(client, path, encode('CloseSessionRequest', { sessionId: SESSION_ID }));
    kit.clock.advance(limits.attachMsMax - 1);
    kit.clock.advance(1);
    expect((await end).details).toMatchObject({ code: 'session_not_open', grpcCode: 9 });
  });

  test('a client that stops reading holds tokens back, and is told when it reads again', async () => {
    const { stream, attachment } = await kit.attached(kit.client());
    stream.pause();
    const text = 'x'.repeat(64 * 1024);
    const drained = once(attachment, 'drained');
    let told = false;
    void drained.then(() => (told = true));
    for (let sent = 0; sent < 16; sent++) {
      expect(attachment.sink.tokens(runOf('t1', sent * text.length, text))).toBe(false);
    }
    // Another connection's round trips: the frames had time to leave, and did not.
    const other = kit.client();
    const path = `${SERVICE_PATH}/CloseSession`;
    for (let trip = 0; trip < 3; trip++) {
      await kit.unary(other, path, encode('CloseSessionRequest', { sessionId: SESSION_ID }));
    }
    expect(told).toBe(false);
    stream.resume();
    await drained;
    expect(attachment.said).toEqual([]);
  });

  test('a revoked key ends its running streams at once', async () => {
    const { attachment, ended: end } = await kit.attached(kit.client());
    kit.keys.replace([]);
    expect((await end).details).toMatchObject({ code: 'key_revoked', grpcCode: 16 });
    expect(attachment.said).toEqual(['refuse']);
  });
});

describe('ReplayTurn', () => {
  const open = async () => {
    const opening = once(kit.front, 'replay');
    const message = encode('ReplayTurnRequest', { sessionId: SESSION_ID, turnId: 't1', nextOffset: 4 });
    const stream = kit
      .client()
      .makeServerStreamRequest(`${SERVICE_PATH}/ReplayTurn`, identity, identity, message, kit.metadata());
    const end = ended(stream);
    const [sink] = await opening;
    return { stream, end, sink };
  };

  test('frames and terminal, in its own envelope', async () => {
    const { stream, end, sink } = await open();
    expect(kit.front.calls[0]?.request).toMatchObject({ sessionId: SESSION_ID, turnId: 't1', nextOffset: 4 });
    const first = once(stream, 'data');
    sink.event({ kind: 'go-away', timeLeftMs: 1, resumeToken: '', reason: '' });
    sink.tokens(runOf('t1', 4, 'hi'));
    sink.end();
    expect(decode('ReplayTurnResponse', (await first)[0])).toMatchObject({
      tokenFrame: { firstOffset: 4, text: Buffer.from('hi') },
    });
    expect((await end).status.code).toBe(0);
  });

  test('a reader that leaves closes the replay', async () => {
    const { stream, sink } = await open();
    sink.tokens(runOf('t1', 4, 'hi'));
    const closed = once(kit.front, 'close');
    stream.cancel();
    await closed;
  });
});

describe('health', () => {
  const check = async (service: string): Promise<unknown> => {
    const name = Buffer.from(service);
    const message = Buffer.concat([Uint8Array.of(0x0a, name.length), name]);
    const { bytes } = await kit.unary(kit.client(), '/grpc.health.v1.Health/Check', message, kit.metadata({}));
    return bytes?.at(-1);
  };

  test.each(['', 'reticle.session.v1.SessionService'])('service "%s" follows the process', async (service) => {
    expect(await check(service)).toBe(2);
    kit.health.serving('engine');
    expect(await check(service)).toBe(1);
    kit.health.notServing('engine', 'no_engine');
    expect(await check(service)).toBe(2);
  });
});

describe('reflection', () => {
  test('lists the session service to whoever has a key', async () => {
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const stream = kit.client().makeBidiStreamRequest(path, identity, identity, kit.metadata());
    const end = ended(stream);
    stream.write(Uint8Array.of(0x3a, 0));
    const [answer] = await once(stream, 'data');
    expect(answer.toString('latin1')).toContain('reticle.session.v1.SessionService');
    stream.end();
    expect((await end).status.code).toBe(0);
  });
});

describe('the end', () => {
  test('drain lets running calls finish and refuses new ones', async () => {
    const client = kit.client();
    const { attachment, ended: end } = await kit.attached(client);
    const drained = kit.edge.drain(60_000);
    attachment.sink.end();
    expect((await end).status.code).toBe(0);
    await drained;
    const late = await kit.unary(
      kit.client(),
      `${SERVICE_PATH}/GetSession`,
      encode('GetSessionRequest', { sessionId: SESSION_ID }),
    );
    expect(late.status.code).toBe(14);
  });

  test('drain ends what has not finished at its bound', async () => {
    const { attachment, ended: end } = await kit.attached(kit.client());
    const drained = kit.edge.drain(1_000);
    kit.clock.advance(1_000);
    await drained;
    expect((await end).status.code).not.toBe(0);
    expect(attachment.said).toEqual(['disconnected']);
    expect(kit.clock.pending).toBe(0);
  });

  test('an address in use is an error', async () => {
    setLogVerbosity(logVerbosity.NONE);
    const other = kit.edge.port;
    await expect(startKit(other)).rejects.toThrow(/EADDRINUSE/);
  });
});
