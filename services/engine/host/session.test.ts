/** What a session remembers of contexts whose names have gone. */
import { describe, expect, test } from '@jest/globals';
import { FakeLink } from './fake-link.ts';
import { rig, SESSION, type Rig } from './host-rig.ts';

const RING_KEPT_MS = 62_000;

/** Runs turns of one token each; `parent` names what the n-th starts from. */
function runTurns({ link, clock }: Rig, count: number, parent: (n: number) => string, input = 'i'): void {
  for (let n = 0; n < count; n++) {
    const turn = { turnId: `t${n}`, parentTurnId: parent(n), maxOutputTokens: 1, input: [{ itemJson: input }] };
    link.start({ sid: 1, lane: n + 1, ...turn });
    clock.advance(3);
  }
  clock.advance(RING_KEPT_MS);
}

function recorded({ host, clock }: Rig): string[] {
  const link = new FakeLink(host);
  link.open({ sid: 1, sessionId: SESSION, wantTranscript: true });
  clock.advance(1);
  // The root is told of every session, also an empty one.
  return link.all('transcript').flatMap(({ turnId = '' }) => (turnId === '' ? [] : [turnId]));
}

const names = (from: number, end: number): string[] => Array.from({ length: end - from }, (_, at) => `t${from + at}`);

describe('records of trimmed names', () => {
  test('stay while something stems from them: a chain can be made again from its root on', () => {
    const built = rig();
    runTurns(built, 300, (n) => (n === 0 ? '' : `t${n - 1}`));
    expect(recorded(built)).toEqual(names(0, 300));
    // The contexts themselves are gone from the driver.
    expect(built.driver.contexts.size).toBe(256 + 1);
  });

  test('go with the last that stems from them', () => {
    const built = rig();
    runTurns(built, 300, () => '');
    expect(recorded(built)).toEqual(names(44, 300));
  });

  test('keep their name: another turn cannot take it', () => {
    const built = rig();
    runTurns(built, 257, (n) => (n === 256 ? 't255' : n === 255 ? 't0' : ''));
    expect(recorded(built)[0]).toBe('t0');
    const link = new FakeLink(built.host);
    link.open({ sid: 1, sessionId: SESSION });
    link.start({ sid: 1, lane: 1, turnId: 't0' });
    link.prefill({ sid: 1, op: 1, draftId: 't0', append: [] });
    link.start({ sid: 1, lane: 2, turnId: 'new', parentTurnId: 't0' });
    expect(link.faults()).toEqual(['idempotency_conflict', 'idempotency_conflict', 'turn_not_found']);
  });

  test('are bounded in bytes: the oldest names go first', () => {
    const built = rig();
    runTurns(built, 40, () => '', 'x'.repeat(1024 * 1024));
    const left = recorded(built);
    expect(left).toEqual(names(40 - left.length, 40));
    expect(left.length).toBe(15);
  });
});
