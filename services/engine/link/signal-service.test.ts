import { describe, expect, test } from '@jest/globals';
import { subjects } from '@reticle/proto/contract';
import { subjectMatches, type BusResponder } from '@reticle/services/bus';
import { engineKey, locateRequest, readLocated, sessionKey, signSignal } from '@reticle/services/bus/signals';
import { SESSION } from '../host/host-rig.ts';
import { CELL_KEYS, ENGINE, EPOCH, readAck, signalRig, SIGNAL } from '../host/signals-rig.ts';
import { serveSignals } from './signal-service.ts';

const [KEY] = CELL_KEYS;

/** A bus of one responder per pattern, asked directly. */
function bus() {
  const responders = new Map<string, BusResponder>();
  return {
    responders,
    respond(pattern: string, responder: BusResponder) {
      responders.set(pattern, responder);
      return () => void responders.delete(pattern);
    },
    async ask(subject: string, payload: Uint8Array): Promise<Uint8Array | undefined> {
      for (const [pattern, responder] of responders)
        if (subjectMatches(pattern, subject)) return responder(payload, subject);
      return undefined;
    },
  };
}

function served() {
  const rig = signalRig();
  const carrier = bus();
  const address = 'host:7001';
  const stop = serveSignals({ bus: carrier, signals: rig.signals, cell: 'local', engineId: ENGINE, address });
  const issuedMs = rig.clock.wallMs();
  const times = { signalId: SIGNAL, issuedMs, expiresMs: issuedMs + 60_000 };
  return { ...rig, carrier, stop, times };
}

describe('signal service', () => {
  test('hears the interrupts of its sessions, its drain and locate, each with its subject, until it is stopped', async () => {
    const { carrier, stop, times, link, clock } = served();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    const subject = subjects.interrupt('local', ENGINE, SESSION);
    const signal = {
      ...times,
      tenant: 'acme',
      sessionId: SESSION,
      turnId: 't1',
      epoch: EPOCH,
      interrupt: { mode: 3 },
    } as const;
    const asking = carrier.ask(subject, signSignal(sessionKey(KEY, SESSION), subject, signal));
    clock.advance(10);
    expect(readAck(await asking)?.ack?.outcome).toBe(1);

    const located = await carrier.ask(subjects.locate('local'), locateRequest(KEY, SESSION, 'acme'));
    expect(readLocated(located ?? new Uint8Array(), SESSION)).toMatchObject({ engineId: ENGINE, address: 'host:7001' });

    const drain = subjects.drain('local', ENGINE);
    const order = { ...times, drain: { replicaEpoch: 5, deadlineMs: 10, reason: '' } };
    const answer = await carrier.ask(drain, signSignal(engineKey(KEY, ENGINE), drain, order));
    expect(readAck(answer, drain)?.ack?.outcome).toBe(1);
    expect(link.all('drain')).toHaveLength(1);

    stop();
    expect([...carrier.responders.keys()]).toEqual([]);
  });

  test("a signal that is right but came on the subject of another session is nobody's", async () => {
    const { carrier, times, link, clock, counts } = served();
    link.start({ sid: 2, lane: 1, turnId: 't1', maxOutputTokens: 30 });
    clock.advance(10);
    const subject = subjects.interrupt('local', ENGINE, SESSION);
    const signal = {
      ...times,
      tenant: 'acme',
      sessionId: SESSION,
      turnId: 't1',
      epoch: EPOCH,
      interrupt: { mode: 3 },
    } as const;
    const bytes = signSignal(sessionKey(KEY, SESSION), subject, signal);
    const other = subjects.interrupt('local', ENGINE, 'o'.repeat(26));
    expect(readAck(await carrier.ask(other, bytes), other)?.code).toBe('session_not_found');
    expect(counts).toEqual(['signal_unknown_subject']);
    clock.advance(50);
    expect(link.lane(1).ended).toMatchObject({ endOffset: 30 });
  });
});
