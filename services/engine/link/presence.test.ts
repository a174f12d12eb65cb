import { describe, expect, test } from '@jest/globals';
import { rig } from '../host/host-rig.ts';
import { presenceCodec, publishPresence } from './presence.ts';

describe('presence', () => {
  test('is told at once, every 250 ms and on change, under the subject of the engine', () => {
    const { clock, host, link } = rig();
    clock.advance(100);
    const heard: { subject: string; bytes: Uint8Array }[] = [];
    const stop = publishPresence({
      host,
      address: '127.0.0.1:7001',
      cell: 'local',
      publish: (subject, bytes) => heard.push({ subject, bytes }),
    });
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(500);
    stop();
    clock.advance(1_000);
    const told = heard.map(({ bytes }) => presenceCodec().decode(bytes));
    expect(new Set(heard.map(({ subject }) => subject))).toEqual(new Set([`reticle.presence.local.${'e'.repeat(26)}`]));
    expect(told.map(({ seq, load }) => [seq, load?.slotsFree])).toEqual([
      [1, 16],
      [2, 15],
      [3, 15],
      [4, 15],
    ]);
    expect(told[0]).toMatchObject({
      region: 'local',
      address: '127.0.0.1:7001',
      model: 'fake',
      replicaEpoch: 5,
      capabilities: { cut: 1, exactOffsets: true, park: false, modalities: ['text'] },
      load: { state: 2, slotsTotal: 16 },
    });
  });
});
