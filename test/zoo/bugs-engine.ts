/** Bugs of the engine host, its signals and the simulator: services/engine and services/bus/signals. */
import { SEEDS, type Bug } from './bug.ts';

export const engineBugs: readonly Bug[] = [
  {
    name: 'lower-epoch-accepted',
    ownedBy: 'services/engine',
    file: 'services/engine/host/session.ts',
    find: 'if (minEpoch <= this.epoch && !sameBytes(holder, this.holder)) return undefined;',
    replace: '',
    caughtBy: { test: 'services/engine/host/attachments.test.ts', named: 'another holder with an old epoch' },
    wants: 'Expected: undefined',
  },
  {
    name: 'outlived-session-served',
    ownedBy: 'services/engine',
    file: 'services/engine/host/attachments.ts',
    find: 'known.tenant !== tenant || minEpoch <= known.epoch + 1) return;',
    replace: 'known.tenant !== tenant || minEpoch >= 0) return;',
    caughtBy: { test: 'services/engine/host/host-failure.test.ts', named: 'a later one' },
    wants: '-   "kvTokens": 0,',
  },
  {
    name: 'host-resumes-at-offset-plus-one',
    ownedBy: 'services/engine',
    file: 'services/engine/host/turn-ledger.ts',
    find: `    this.acknowledged = from;
    this.sent = from;`,
    replace: `    this.acknowledged = from;
    this.sent = Math.min(from + 1, this.generated);`,
    caughtBy: { test: 'services/engine/host/turn-ledger.test.ts', named: 'resumes at a past offset' },
    wants: '-   100,',
  },
  {
    name: 'unacknowledged-tokens-evicted',
    ownedBy: 'services/engine',
    file: 'services/engine/host/turn-ledger.ts',
    find: 'Math.min(this.generated + count - this.ringTokens, this.acknowledged)',
    replace: 'this.generated + count - this.ringTokens',
    caughtBy: { test: 'services/engine/host/turn-ledger.test.ts', named: 'unacknowledged tokens are never evicted' },
    wants: 'Expected: 0',
  },
  {
    name: 'ack-before-the-cut-is-stored',
    ownedBy: 'services/engine',
    file: 'services/engine/host/cut-control.ts',
    find: `  const truncation = finish(host, turn, ending);
  host.failpoint('engine.cut-stored');
  answer(host, turn, request, {
    outcome: ControlOutcome.CONTROL_OUTCOME_APPLIED,
    offset,
    ...(truncation === undefined ? {} : { truncation }),
  });`,
    replace: `  answer(host, turn, request, { outcome: ControlOutcome.CONTROL_OUTCOME_APPLIED, offset });
  host.flush();
  finish(host, turn, ending);`,
    caughtBy: { test: 'services/engine/host/cut-control.test.ts', named: 'a redirect tells CutDone, Ended, Started' },
    wants: '-   "kvAction": 1',
  },
  {
    name: 'cut-repeat-applied-twice',
    ownedBy: 'services/engine',
    file: 'services/engine/host/cut-control.ts',
    find: "if (signalId !== '') turn.session.acks.set(ackKey(turn.turnId, signalId), done);",
    replace: '',
    caughtBy: { test: 'services/engine/host/cut-control.test.ts', named: 'a repeat gets the same answer verbatim' },
    wants: 'Received: undefined',
  },
  {
    name: 'interrupt-keyed-by-session',
    ownedBy: 'services/engine',
    file: 'services/engine/host/cut-control.ts',
    find: 'return `${turnId} ${signalId}`;',
    replace: 'return `${turnId.slice(0, 0)} ${signalId}`;',
    caughtBy: { test: 'test/zoo/holes.test.ts', named: 'a control is known by its turn' },
    wants: '› is known by its turn and its id',
  },
  {
    name: 'interrupt-cuts-whatever-runs',
    ownedBy: 'services/engine',
    file: 'services/engine/host/signals.ts',
    find: 'const turn = session.turns.get(turnId);',
    replace: 'const turn = [...session.liveTurns()][0] ?? session.turns.get(turnId);',
    caughtBy: { seeds: SEEDS },
    wants: 'interrupted, and nobody asked for it',
  },
  {
    name: 'signal-of-an-old-epoch-applied',
    ownedBy: 'services/engine',
    file: 'services/engine/host/signals.ts',
    find: 'if (signal.epoch !== session.epoch) return otherEpoch(session.epoch);',
    replace: '',
    caughtBy: { test: 'services/engine/host/signals-refused.test.ts', named: 'bad signals of an earlier epoch' },
    wants: '› of an earlier epoch',
  },
  {
    name: 'signal-of-another-tenant-applied',
    ownedBy: 'services/engine',
    file: 'services/engine/host/signals.ts',
    find: 'if (session === undefined || session.tenant !== signal.tenant) {',
    replace: 'if (session === undefined) {',
    caughtBy: {
      test: 'services/engine/host/signals-refused.test.ts',
      named: "bad signals for another tenant's session",
    },
    wants: "› for another tenant's session",
  },
  {
    name: 'mac-without-subject',
    ownedBy: 'services/bus',
    file: 'services/bus/signals/mac.ts',
    find: '.update(subject).update(Uint8Array.of(kind))',
    replace: '.update(Uint8Array.of(kind))',
    caughtBy: { test: 'services/bus/signals/signals.test.ts', named: 'made for another engine is refused' },
    wants: '"bad_mac"',
  },
  {
    name: 'signal-parsed-before-cap',
    ownedBy: 'services/bus',
    file: 'services/bus/signals/signed.ts',
    find: `  if (bytes.length > opening.bytesMax) return { fault: 'oversize', claimed: undefined };
  const read = readSigned(bytes);
  if (read === undefined) return { fault: 'malformed', claimed: undefined };`,
    replace: `  const read = readSigned(bytes);
  if (read === undefined) return { fault: 'malformed', claimed: undefined };
  if (bytes.length > opening.bytesMax) return { fault: 'oversize', claimed: undefined };`,
    caughtBy: { test: 'services/engine/host/signals-refused.test.ts', named: '2 MiB on the bus' },
    wants: '-   "code": "request_too_large"',
  },
  {
    name: 'signal-without-hedge',
    ownedBy: 'services/stream',
    file: 'services/stream/signals/hedge.ts',
    find: '      clock.after(limits.signalHedgeMs, () => this.#second()),\n',
    replace: '',
    caughtBy: { test: 'services/stream/signals/signal-sender.test.ts', named: 'the bus is frozen' },
    wants: '-   "15 rpc",',
  },
  {
    name: 'forged-ack-accepted',
    ownedBy: 'services/bus',
    file: 'services/bus/signals/signed.ts',
    find: 'return signed ? strictDecode<SignalAck>',
    replace: 'return signed || keys.length > 0 ? strictDecode<SignalAck>',
    caughtBy: { test: 'services/bus/signals/signals.test.ts', named: 'opens under the key and subject' },
    wants: 'expect(received).toBeUndefined()',
  },
  {
    name: 'sampler-position-lost',
    ownedBy: 'services/engine',
    file: 'services/engine/wafer-sim/sim-streams.ts',
    find: '    buffer.append(id, stream.content, from, count);\n',
    replace: `    buffer.append(id, stream.content, from - stream.startOffset, count);
    buffer.batch.firstOffset[buffer.batch.rows - 1] = from;
`,
    caughtBy: { test: 'services/engine/wafer-sim/forced-start.test.ts', named: 'hash.* are told from 64 on' },
    wants: '- Expected  - 50',
  },
  {
    name: 'items-not-advanced-by-forced-tokens',
    ownedBy: 'services/engine',
    file: 'services/engine/wafer-sim/sim-streams.ts',
    find: '    this.#tellMarks(stream, startOffset);\n',
    replace: '',
    caughtBy: { test: 'services/engine/wafer-sim/forced-start.test.ts', named: 'behind its limit ends at once' },
    wants: '"finishReason": "length"',
  },
  {
    name: 'stop-matcher-not-advanced',
    ownedBy: 'services/engine',
    file: 'services/engine/wafer-sim/sim-stream.ts',
    find: 'const matched = stops.feed(text);',
    replace: 'const matched = text.length < 0 ? stops.feed(text) : -1;',
    caughtBy: { test: 'services/engine/wafer-sim/forced-start.test.ts', named: 'behind a stop string ends at once' },
    wants: '"finishReason": "stop"',
  },
  {
    name: 'buffer-reused-after-cancel',
    ownedBy: 'services/engine',
    file: 'services/engine/host/turn-lifecycle.ts',
    find: `  turn.phase = 'halting';
  host.driver.halt(turn.stream);`,
    replace: `  turn.phase = 'halting';
  host.driver.halt(turn.stream);
  if (cause === 'drop') host.closeStream(turn);`,
    caughtBy: { test: 'services/engine/host/attachments.test.ts', named: 'drop wipes' },
    wants: 'a driver emits rows of open streams only',
  },
  {
    name: 'drain-waits-for-the-reader',
    ownedBy: 'services/engine',
    file: 'services/engine/host/engine-host.ts',
    find: 'for (const turn of this.#live()) if (!turn.session.parked) return;',
    replace: 'for (const _ of this.#live()) return;',
    caughtBy: {
      test: 'services/engine/host/host-failure.test.ts',
      named: 'does not wait for a turn that nobody has come back to',
    },
    wants: 'Expected: 1',
  },
  {
    name: 'unknown-message-throws',
    ownedBy: 'services/engine',
    file: 'services/engine/host/link-peer.ts',
    find: "else host.observer.count('unknown_message');",
    replace: "else throw new Error('unknown message');",
    caughtBy: { test: 'test/zoo/holes.test.ts', named: 'a message of an unknown kind is counted' },
    wants: 'unknown message',
  },
  {
    name: 'unknown-cut-mode-throws',
    ownedBy: 'services/engine',
    file: 'services/engine/host/cut-control.ts',
    find: '  if (mode === undefined || refusal !== undefined) {',
    replace: "  if (mode === undefined) throw new Error('unknown cut mode');\n  if (refusal !== undefined) {",
    caughtBy: { test: 'test/zoo/holes.test.ts', named: 'a cut of an unknown mode is refused' },
    wants: 'unknown cut mode',
  },
  {
    name: 'record-ends-with-its-first-piece',
    ownedBy: 'services/engine',
    file: 'services/engine/host/records.ts',
    find: 'const last = end === ids.length;',
    replace: 'const last = end > 0;',
    caughtBy: { test: 'services/engine/host/records.test.ts', named: 'comes in pieces of' },
    wants: '- Expected  - 2',
  },
];
