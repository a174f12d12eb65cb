import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Client, credentials, Metadata, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { systemClock } from '@reticle/core/process';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { LinkResponse } from '@reticle/proto/gen/engine/v1/LinkResponse';
import { subjects } from '@reticle/proto/contract';
import type { Redirect__Input } from '@reticle/proto/gen/session/v1/Redirect';
import { linkServiceDefinition } from '@reticle/proto/load';
import {
  engineKey,
  engineSignalKeys,
  openAck,
  sessionKey,
  sessionSignalKeys,
  signSignal,
} from '@reticle/services/bus/signals';
import { EngineHost } from '../host/engine-host.ts';
import { FakeDriver, tokenText } from '../host/fake-driver.ts';
import { startOf } from '../host/fake-link.ts';
import type { HostLink, HostPeer } from '../host/ports.ts';
import { listenLinks, type LinkServer } from './link-server.ts';

const ENGINE = 'abcdefghijklmnopqrstuvwxyz';
const SESSION = 'a'.repeat(26);
const KEY = { kid: 'k1', key: new Uint8Array(32).fill(1) };
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Served = { server: LinkServer; host: EngineHost; driver: FakeDriver };

async function serve({ signals = false } = {}): Promise<Served> {
  const clock = systemClock;
  const driver = new FakeDriver({ clock, width: () => 3, maxStepTokens: 3 });
  const host = new EngineHost({ driver, clock, identity: { engineId: ENGINE, region: 'local', replicaEpoch: 1 } });
  const taking = host.signals({ cell: 'local', engineKeys: engineSignalKeys([KEY], ENGINE) });
  const server = await listenLinks({ host, bind: '127.0.0.1:0', clock, ...(signals ? { signals: taking } : {}) });
  closers.push(() => server.close(0, 'test'));
  return { server, host, driver };
}

function signalTurn(client: Client, signed: Uint8Array): Promise<{ ack?: Uint8Array; error?: ServiceError }> {
  const { path, requestSerialize, responseDeserialize } = linkServiceDefinition().SignalTurn;
  return new Promise((resolve) =>
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { signed }, (error, response) =>
      resolve(error === null && response !== undefined ? { ack: response.ack } : error === null ? {} : { error }),
    ),
  );
}

type Dial = { link: ClientDuplexStream<LinkRequest__Input, LinkResponse>; client: Client; heard: LinkResponse[] };

function dial(port: number): Dial {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  closers.push(async () => client.close());
  const { path, requestSerialize, responseDeserialize } = linkServiceDefinition().Link;
  const link = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const heard: LinkResponse[] = [];
  link.on('data', (message: LinkResponse) => heard.push(message));
  link.on('error', () => undefined);
  return { link, client, heard };
}

/**
 * Dials by a way on which, once it is mute, nothing of the server arrives any more and nobody is told; resolves when the
 * server has given up.
 */
async function dialThrough(port: number): Promise<Dial & { mute: () => Promise<unknown> }> {
  const ways: { readonly left: Socket; readonly right: Socket }[] = [];
  const through = createServer((left) => {
    const right = connect(port, '127.0.0.1');
    left.pipe(right).pipe(left);
    ways.push({ left, right });
  });
  through.listen(0, '127.0.0.1');
  await once(through, 'listening');
  closers.push(async () => {
    for (const { left, right } of ways) void [left.destroy(), right.destroy()];
    through.close();
  });
  const mute = (): Promise<unknown> =>
    Promise.all(ways.map(({ left, right }) => once(right.unpipe(left).resume(), 'close')));
  return { ...dial((through.address() as AddressInfo).port), mute };
}

/** Resolves when the link has told a message that the test waits for. */
function until({ link, heard }: Dial, wanted: (message: LinkResponse) => boolean): Promise<LinkResponse> {
  return new Promise((resolve, reject) => {
    const found = heard.find(wanted);
    if (found !== undefined) resolve(found);
    link.on('data', (message: LinkResponse) => wanted(message) && resolve(message));
    link.on('end', () => reject(new Error('the link ended')));
  });
}

const hello = { protocol: 1, gatewayId: 'g', region: 'local', linkCount: 1 };

describe('link server', () => {
  test('a turn streams over a real socket, is cut, and the receipt is exact', async () => {
    const { server, host } = await serve();
    const dialled = dial(server.port);
    const { link, heard } = dialled;
    link.write({ hello: { ...hello, wantModelDigest: host.model.modelDigest } });
    const { welcome } = await until(dialled, (message) => message.message === 'welcome');
    expect(welcome).toMatchObject({
      protocol: 1,
      engineId: ENGINE,
      replicaEpoch: 1,
      load: { state: 2, slotsFree: 16 },
    });
    link.write({ open: { sid: 1, sessionId: SESSION, tenant: 'acme' } });
    link.write({ start: startOf({ sid: 1, lane: 7, turnId: 't1', maxOutputTokens: 5_000 }) });
    await until(dialled, ({ step }) => (step?.firstOffset[0] ?? 0) >= 12);
    link.write({ cut: { lane: 7, signalId: 's1', mode: 3 } });
    const { ended } = await until(dialled, (message) => message.message === 'ended');
    const steps = heard.flatMap((message) => message.step ?? []);
    const ids = steps.flatMap((step) => step.tokenId);
    const text = Buffer.concat(steps.map((step) => step.text)).toString();
    const { cutDone } = heard.find((message) => message.message === 'cutDone') ?? {};
    expect(cutDone).toMatchObject({ outcome: 1, signalId: 's1', effectiveOffset: ids.length });
    expect(ended).toMatchObject({ lane: 7, status: 2, endOffset: ids.length, usage: { discardedTokens: 0 } });
    expect(ids).toEqual(ids.map((_, offset) => offset));
    expect(text).toBe(ids.map((offset) => tokenText(0, offset)).join(''));
    expect(heard.at(-1)?.message === 'step').toBe(false);
    link.end();
  });

  test('a wrong digest is told and the link ends', async () => {
    const { server } = await serve();
    const dialled = dial(server.port);
    const ended = new Promise<void>((resolve) => dialled.link.on('end', resolve));
    dialled.link.write({ hello: { ...hello, wantModelDigest: 'sha256:other' } });
    await ended;
    expect(dialled.heard.map((message) => message.fault?.error?.code)).toEqual(['invalid_request']);
  });

  test('a lost link detaches its sessions, and their turns can be adopted by the next', async () => {
    const { server, host } = await serve();
    const first = dial(server.port);
    first.link.write({ hello: { ...hello } });
    first.link.write({ open: { sid: 1, sessionId: SESSION, tenant: 'acme', detachGrace: { seconds: 10 } } });
    first.link.write({ start: startOf({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 100 }) });
    await until(first, ({ step }) => (step?.firstOffset[0] ?? 0) >= 6);
    first.client.close();
    first.link.cancel();
    const second = dial(server.port);
    second.link.write({ hello: { ...hello, wantModelDigest: host.model.modelDigest } });
    second.link.write({
      open: { sid: 9, sessionId: SESSION, tenant: 'acme', adopt: [{ lane: 3, turnId: 't1', nextOffset: 4 }] },
    });
    const { opened } = await until(second, (message) => message.message === 'opened');
    expect(opened).toMatchObject({ sid: 9, epoch: 2, turns: [{ lane: 3, turnId: 't1', replayFrom: 4 }] });
    const { ended } = await until(second, (message) => message.message === 'ended');
    expect(ended).toMatchObject({ lane: 3, endOffset: 100 });
    const ids = second.heard.flatMap((message) => message.step?.tokenId ?? []);
    expect(ids).toEqual(Array.from({ length: 96 }, (_, at) => at + 4));
  });

  test('without signals SignalTurn is UNIMPLEMENTED', async () => {
    const { server } = await serve();
    expect(await signalTurn(dial(server.port).client, new Uint8Array())).toMatchObject({
      error: { code: status.UNIMPLEMENTED, details: 'signals by gRPC are not implemented by this engine' },
    });
  });

  test('a redirect by SignalTurn cuts the turn on its link and starts its successor there', async () => {
    const { server, host } = await serve({ signals: true });
    const dialled = dial(server.port);
    const signalKey = sessionSignalKeys([KEY], SESSION);
    dialled.link.write({ hello: { ...hello, wantModelDigest: host.model.modelDigest } });
    dialled.link.write({ open: { sid: 1, sessionId: SESSION, tenant: 'acme', signalKey } });
    dialled.link.write({ start: startOf({ sid: 1, lane: 7, turnId: 't1', maxOutputTokens: 60_000 }) });
    await until(dialled, ({ step }) => (step?.firstOffset[0] ?? 0) >= 12);
    const subject = subjects.interrupt('local', ENGINE, SESSION);
    const key = sessionKey(KEY, SESSION);
    const issuedMs = systemClock.wallMs();
    const input = [{ itemJson: 'x'.repeat(9_000) }];
    const redirect: Redirect__Input = { cut: { mode: 3 }, successor: { turnId: 't2', input, maxOutputTokens: 4 } };
    const signed = signSignal(key, subject, {
      signalId: 'q'.repeat(26),
      tenant: 'acme',
      sessionId: SESSION,
      turnId: 't1',
      epoch: 1,
      issuedMs,
      expiresMs: issuedMs + 60_000,
      redirect,
    });
    const { ack } = await signalTurn(dialled.client, signed);
    const opened = openAck(ack ?? new Uint8Array(), subject, [key]);
    const { cutDone } = await until(dialled, (message) => message.message === 'cutDone');
    expect(opened?.ack).toMatchObject({ outcome: 1, effectiveOffset: cutDone?.effectiveOffset });
    const { started } = await until(dialled, ({ started: each }) => each?.turnId === 't2');
    const { ended } = await until(dialled, ({ ended: each }) => each?.lane === started?.lane);
    expect(ended).toMatchObject({ endOffset: 4 });
  });

  test.each([
    {
      name: 'garbage for a request',
      raw: Buffer.from([0xff, 0xff]),
      want: status.INVALID_ARGUMENT,
      code: 'invalid_request',
    },
    {
      name: 'a request over 4 MiB',
      raw: Buffer.alloc(4 * 1024 * 1024 + 1),
      want: status.RESOURCE_EXHAUSTED,
      code: 'request_too_large',
    },
  ])('SignalTurn with $name is refused by its code', async ({ raw, want, code }) => {
    const { server } = await serve({ signals: true });
    const { client } = dial(server.port);
    const { path } = linkServiceDefinition().SignalTurn;
    const error = await new Promise<ServiceError | null>((resolve) =>
      client.makeUnaryRequest(
        path,
        () => raw,
        (bytes) => bytes,
        raw,
        new Metadata(),
        resolve,
      ),
    );
    expect(error).toMatchObject({ code: want, details: code });
  });

  test('SignalTurn with bytes that are no signal gets a nack, not a status', async () => {
    const { server } = await serve({ signals: true });
    const { ack } = await signalTurn(dial(server.port).client, Uint8Array.of(1, 2, 3));
    const keys = [engineKey(KEY, ENGINE)];
    expect(openAck(ack ?? new Uint8Array(), subjects.drain('local', ENGINE), keys)).toMatchObject({
      code: 'invalid_request',
      engineId: ENGINE,
    });
  });

  test('closing drains: the bound ends what still runs, and the end is told before the link is', async () => {
    const { server, host } = await serve();
    const dialled = dial(server.port);
    dialled.link.write({ hello: { ...hello, wantModelDigest: host.model.modelDigest } });
    dialled.link.write({ open: { sid: 1, sessionId: SESSION, tenant: 'acme' } });
    dialled.link.write({ start: startOf({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 60_000 }) });
    await until(dialled, (message) => message.message === 'step');
    const ended = until(dialled, (message) => message.message === 'ended');
    const closed = server.close(20, 'test');
    expect((await ended).ended).toMatchObject({ lane: 1, status: 5, error: { code: 'draining' } });
    await closed;
    closers.shift();
    expect(dialled.heard.some((message) => message.message === 'drain')).toBe(true);
  });

  test('a peer that falls silent with its connection open is gone after the keepalive', async () => {
    let gone = (): void => {};
    const closed = new Promise<void>((resolve) => (gone = resolve));
    const connectPeer = (link: HostLink): HostPeer => {
      link.control({ pong: { nonce: 1 } });
      return { message: () => {}, writable: () => {}, closed: gone };
    };
    const drain = (_ms: number, _reason: string, done: () => void): void => done();
    const host = { connect: connectPeer, drain, close: () => {} } as unknown as EngineHost;
    const keepalive = { timeMs: 20, timeoutMs: 100 };
    const server = await listenLinks({ host, bind: '127.0.0.1:0', clock: systemClock, keepalive });
    closers.push(() => server.close(0, 'test'));
    const dialled = await dialThrough(server.port);
    dialled.link.write({ hello });
    await until(dialled, ({ pong }) => pong !== undefined);
    await Promise.all([dialled.mute(), closed]);
  });

  test('closing does not wait for a peer that hangs', async () => {
    const { server } = await serve();
    // A bare socket that sends the HTTP/2 preface and then neither reads nor answers.
    const silent = connect(server.port, '127.0.0.1');
    closers.push(async () => void silent.destroy());
    await once(silent, 'connect');
    silent.pause();
    silent.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const { link } = dial(server.port);
    link.write({ hello: { protocol: 1, gatewayId: 'g' } });
    await once(link, 'data');
    link.pause();
    await server.close(0, 'stop');
  });
});
