/** Another certificate while the gateway serves (PROTOCOL §4.1a "reloaded"): nobody notices but who connects after it. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSecure, type TLSSocket } from 'node:tls';
import type { TlsPair } from '@reticle/core/domain';
import {
  bounded,
  certified,
  deltaText,
  flatChain,
  HttpClient,
  sseEvents,
  SocketClient,
  startTestPlatform,
  type SseEvent,
  type TestPlatform,
} from '../kit/index.ts';
import { answerOf, deltas, hiText, running, type Answer } from './websocket-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

/** Of each transport. */
const STREAMS = 10;
const ROTATIONS = 5;
const first = certified();

let platform: TestPlatform;
let port: number;

async function start(): Promise<void> {
  platform = await startTestPlatform({ chains: [flatChain(250, { servedName: 'single' })], tls: first });
  port = Number(new URL(platform.httpOf()).port);
}
afterEach(() => platform[Symbol.asyncDispose]());

type Seen = { readonly fingerprint: string; readonly isResumed: boolean };

/** What a new connection meets, by itself or with a session of one before. */
async function meet(session?: Buffer): Promise<Seen> {
  const socket = dial(session);
  await settled(socket, 'secureConnect');
  const seen = { fingerprint: socket.getPeerCertificate().fingerprint256, isResumed: socket.isSessionReused() };
  socket.destroy();
  return seen;
}

/** A session that may be resumed; of TLS 1.3 it comes after the handshake. */
async function sessionOf(): Promise<Buffer> {
  const socket = dial();
  const [session] = await settled(socket, 'session');
  socket.destroy();
  return session as Buffer;
}

function dial(session?: Buffer): TLSSocket {
  const resumed = session === undefined ? {} : { session };
  return connectSecure({ host: '127.0.0.1', port, rejectUnauthorized: false, ...resumed });
}

/** Rejects with the error of the socket. */
function settled(socket: TLSSocket, event: string): Promise<unknown[]> {
  return bounded(once(socket, event), event);
}

const fingerprintOf = ({ certificate }: { readonly certificate: string }): string =>
  new X509Certificate(certificate).fingerprint256;

describe('another certificate', () => {
  test('drops no stream of either transport, and is what new connections see', async () => {
    await start();
    let inForce = first;
    // None of them ends before somebody ends it.
    const sockets = await Promise.all(Array.from({ length: STREAMS }, () => socketOf(first)));
    const ids = await Promise.all(sockets.map((socket) => running(socket)));
    const streams = await Promise.all(Array.from({ length: STREAMS }, () => streamOf(first)));
    for (let count = 0; count < ROTATIONS; count++) {
      const next = certified();
      inForce = next;
      platform.gateway.replaceTls(next);
      expect(await meet()).toEqual({ fingerprint: fingerprintOf(next), isResumed: false });
      const socket = await socketOf(next);
      socket.create({ model: 'single', input: 'Hi', max_output_tokens: 5 });
      await socket.until('response.incomplete');
      expect(deltas(socket.events)).toBe(hiText(5));
      socket.close();
    }
    for (const [index, socket] of sockets.entries()) {
      socket.send({ type: 'response.interrupt', response_id: ids[index], mode: 'keep_generated' });
      const { reticle } = answerOf(await socket.until('response.incomplete'));
      expect(deltas(socket.events)).toBe(hiText(reticle.receipt.effective_offset));
      // The connection goes on under the certificate that it began with.
      socket.create({ model: 'single', input: 'Hi', max_output_tokens: 5 });
      await socket.until('response.incomplete');
      socket.close();
    }
    for (const { id, events } of streams) {
      const answer = await clientOf(inForce).post(`/v1/responses/${id}/cancel`, '');
      const { reticle } = (await answer.json()) as Answer;
      expect(deltaText(await events())).toBe(hiText(reticle.receipt.effective_offset));
    }
  });

  test('ends the sessions of the one before: nobody resumes past it', async () => {
    await start();
    const session = await sessionOf();
    expect(await meet(session)).toMatchObject({ isResumed: true });
    const next = certified();
    platform.gateway.replaceTls(next);
    expect(await meet(session)).toEqual({ fingerprint: fingerprintOf(next), isResumed: false });
  });

  test.each([
    { name: 'that is none', next: { ...first, certificate: 'none' }, want: /^certificate is not a certificate in PEM/ },
    { name: 'with the key of another', next: { ...first, key: certified().key }, want: /^key does not belong to/ },
    { name: 'that is too weak', next: certified({ key: 'rsa1024' }), want: /^certificate .*KEY_TOO_SMALL/ },
  ])('$name is logged, and the one before stays', async ({ next, want }) => {
    await start();
    platform.gateway.replaceTls(next);
    expect((await meet()).fingerprint).toBe(fingerprintOf(first));
    const refused = platform.logger.records.filter(({ message }) => message.startsWith('certificate refused'));
    expect(refused.map(({ fields }) => `${fields['kind']} ${fields['reason']}`)).toEqual([expect.stringMatching(want)]);
    expect(JSON.stringify(platform.logger.records)).not.toContain('PRIVATE KEY');
    const right = certified();
    platform.gateway.replaceTls(right);
    expect((await meet()).fingerprint).toBe(fingerprintOf(right));
  });
});

function clientOf({ certificate }: TlsPair): HttpClient {
  return new HttpClient(platform.httpOf(), platform.keyOf('acme'), certificate);
}

function socketOf({ certificate: ca }: TlsPair): Promise<SocketClient> {
  return SocketClient.open(platform.httpOf(), platform.keyOf('acme'), { ca });
}

type Stream = { readonly id: string; readonly events: () => Promise<SseEvent[]> };

/** An answer that has begun, and all of its events once it has ended. */
async function streamOf(pair: TlsPair): Promise<Stream> {
  const response = await clientOf(pair).post('/v1/responses', { model: 'single', input: 'Hi', stream: true });
  const all = sseEvents(response);
  const { value: begun } = await bounded(all.next(), 'an event');
  const { id } = (begun as SseEvent).data['response'] as Answer;
  const rest = allOf(all);
  return { id, events: () => bounded(rest, 'the end of a stream') };
}

async function allOf(stream: AsyncGenerator<SseEvent>): Promise<SseEvent[]> {
  const events: SseEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}
