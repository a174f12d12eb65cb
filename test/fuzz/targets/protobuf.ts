/** What clients send, and what links carry: bytes → the strict decoder. */
import { isDeepStrictEqual } from 'node:util';
import { isErrorCode } from '@reticle/proto/contract';
import { messageCodec, strictDecode } from '@reticle/proto/load';
import { OracleBroken, type FuzzTarget } from '../target.ts';

const TYPES = ['reticle.session.v1.ConverseRequest', 'reticle.engine.v1.LinkRequest', 'reticle.engine.v1.LinkResponse'];

/** Whatever is accepted says the same once it is written and read again. */
function run(bytes: Uint8Array): void {
  for (const type of TYPES) {
    const { ok, refusal } = strictDecode<object>(type, bytes);
    if (ok === undefined) {
      if (refusal === undefined || !isErrorCode(refusal.code)) throw new OracleBroken('no code of the registry');
      continue;
    }
    const again = strictDecode<object>(type, messageCodec<object, object>(type).encode(ok));
    if (again.ok === undefined) throw new OracleBroken(`refuses what it read: ${again.refusal.message}`);
    if (!isDeepStrictEqual(again.ok, ok)) throw new OracleBroken('reads its own words otherwise');
  }
}

const start = {
  seq: 1,
  startTurn: {
    turnId: 't1',
    input: [{ itemJson: '{"role":"user","content":"é"}' }, { tokens: { tokenIds: [1, 2, 300] } }],
    params: { temperature: 0.5, seed: 7, stop: ['x'] },
    maxOutputTokens: 10,
    maxDuration: { seconds: 3, nanos: 4 },
  },
};
const client = messageCodec<object, object>('reticle.session.v1.ConverseRequest');
const engine = messageCodec<object, object>('reticle.engine.v1.LinkRequest');

export const target: FuzzTarget = {
  name: 'protobuf',
  sources: ['/proto/load/strict'],
  dictionary: ['t1', '{}', 'é', '\ud83d\ude00'].map((text) => Buffer.from(text)),
  bytesMax: 600,
  seeds: [
    client.encode(start),
    client.encode({ seq: 2, interrupt: { turnId: 't1', mode: 2, keepThroughOffset: 5, signalId: 'a'.repeat(26) } }),
    client.encode({ attach: { resumeToken: 'r', cursors: [{ turnId: 't1', nextOffset: 9 }] } }),
    engine.encode({
      open: { sid: 1, sessionId: 'b'.repeat(26), minEpoch: 4, holder: Uint8Array.of(1, 2), adopt: [{ lane: 3 }] },
    }),
    engine.encode({ credit: { lane: [1, 2], receivedThrough: [5, 6], creditTokens: [7, 8] } }),
  ],
  run,
  allows: () => false,
};
