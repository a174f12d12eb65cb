import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { acksOf, interrupt, refusalsOf, SessionRig, start, words } from './session-rig.ts';

describe('seq', () => {
  test('a repeat changes nothing, a gap ends the stream and no turn', () => {
    const rig = new SessionRig();
    rig.running('t1');
    const before = rig.state;
    expect(rig.command({ kind: 'start-turn', start: start('t2') }, 't2', 1)).toEqual([]);
    expect(rig.state).toBe(before);
    const effects = rig.command({ kind: 'start-turn', start: start('t2') }, 't2', 3);
    expect(words(effects)).toEqual(['end-stream invalid_request', 'release detach']);
    expect([...rig.state.live.keys()]).toEqual(['t1']);
    expect(rig.state.lastSeq).toBe(1);
  });

  test.each([
    { name: 'the same holder goes on', holder: 'h1', want: 1 },
    { name: 'another holder counts from the start', holder: 'h2', want: 0 },
  ])('over attachments: $name', ({ holder, want }) => {
    const rig = new SessionRig();
    rig.start(start('t1'));
    const effects = rig.attach({ attachment: 2, holder });
    expect(words(effects)[0]).toBe('end-stream epoch_stale');
    expect(rig.state.lastSeq).toBe(want);
  });

  test('an attachment that was replaced says nothing any more', () => {
    const rig = new SessionRig();
    rig.attach({ attachment: 2 });
    const before = rig.state;
    rig.start(start('t1'));
    rig.step({ kind: 'disconnected', attachment: 1, nowMs: 5 });
    rig.step({ kind: 'half-closed', attachment: 1 });
    rig.step({ kind: 'refused', attachment: 1, error: new ReticleError('invalid_request', 'x') });
    expect(rig.state).toBe(before);
  });
});

describe('starting a turn', () => {
  test.each([
    {
      name: 'no output tokens',
      over: { maxOutputTokens: 0 },
      code: 'value_out_of_range',
      details: { limit: '500', requested: '0' },
    },
    {
      name: 'more than the engine gives',
      over: { maxOutputTokens: 501 },
      code: 'value_out_of_range',
      details: { limit: '500', requested: '501' },
    },
    { name: 'an unknown parent', over: { parentTurnId: 'nobody' }, code: 'turn_not_found' },
    { name: 'a draft that is not there', over: { draft: { draftId: 'd', revision: 1 } }, code: 'draft_not_found' },
    { name: 'a tier the key has not', over: { tier: 'ultrafast' as const }, code: 'tier_required' },
    {
      name: 'an item that is no text',
      over: { input: [{ kind: 'item' as const, json: '{"role":"user","content":[{"type":"input_image"}]}' }] },
      code: 'unsupported_modality',
    },
    { name: 'an item that is no JSON', over: { input: [{ kind: 'item' as const, json: '{' }] }, code: 'invalid_json' },
  ])('with $name ends in its own terminal', ({ over, code, details }) => {
    const rig = new SessionRig();
    const effects = rig.start(start('t1', over));
    expect(words(effects)).toEqual(['turn-ended']);
    expect(refusalsOf(effects)).toMatchObject([{ turnId: 't1', status: 'failed', endOffset: 0, error: { code } }]);
    if (details !== undefined) expect(refusalsOf(effects)[0]?.error?.details).toEqual(details);
    expect(rig.state.live.size + rig.state.past.size).toBe(0);
  });

  test.each([
    { name: 'exactly the context limit', ids: 990, maxOutputTokens: 10, want: 'start t1' },
    { name: 'one token more', ids: 991, maxOutputTokens: 10, want: 'turn-ended' },
    { name: 'room for one token when none is asked for', ids: 999, maxOutputTokens: undefined, want: 'start t1' },
    { name: 'no room at all', ids: 1_000, maxOutputTokens: undefined, want: 'turn-ended' },
  ])('with $name', ({ ids, maxOutputTokens, want }) => {
    const rig = new SessionRig();
    const input = [{ kind: 'tokens' as const, ids: Array.from({ length: ids }, () => 1) }];
    const effects = rig.start(start('t1', { input, ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }) }));
    expect(words(effects)).toEqual([want]);
    if (want === 'start t1') return;
    const requested = String(ids + (maxOutputTokens ?? 1));
    expect(refusalsOf(effects)[0]?.error).toMatchObject({
      code: 'context_length_exceeded',
      details: { limit: '1000', requested },
    });
  });

  test('a child continues the kept context of its parent, and a running parent has none', () => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    expect(refusalsOf(rig.start(start('t2', { parentTurnId: 't1' })))[0]?.error?.code).toBe('response_in_flight');
    rig.interrupt(interrupt('t1', { keepThroughOffset: 5 }));
    rig.cutDone('t1');
    rig.ended('t1', 5, 'interrupted');
    expect(rig.start(start('t3', { parentTurnId: 't1' }))).toMatchObject([
      { plan: { promptTokens: 25, maxOutputTokens: 500 } },
    ]);
  });

  test('a ninth live turn is refused and the eight go on', () => {
    const rig = new SessionRig();
    for (let turn = 1; turn <= 8; turn++) rig.running(`t${turn}`);
    expect(refusalsOf(rig.start(start('t9')))[0]?.error).toMatchObject({
      code: 'concurrency_exceeded',
      retryDelayMs: 1_000,
    });
    rig.ended('t1', 0);
    expect(words(rig.start(start('t10')))).toEqual(['start t10']);
  });

  test('the same id and body is the same answer, another body is refused', () => {
    const rig = new SessionRig();
    rig.running('t1', 3);
    expect(words(rig.start(start('t1')))).toEqual(['repeat t1']);
    const refused = rig.start(start('t1', { bodyDigest: 'other' }));
    expect(acksOf(refused)).toMatchObject([{ seq: 3, turnId: 't1', outcome: 'refused', code: 'idempotency_conflict' }]);
    expect(rig.state.live.get('t1')?.phase).toBe('running');
  });
});

describe('controls', () => {
  test('of an unknown turn are answered', () => {
    expect(acksOf(new SessionRig().interrupt(interrupt('t1')))).toMatchObject([
      { seq: 1, outcome: 'not-found', code: 'turn_not_found' },
    ]);
  });

  test('with a known signal id and another body are refused, before and after the answer', () => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    rig.interrupt(interrupt('t1'));
    const other = interrupt('t1', { bodyDigest: 'other' });
    expect(acksOf(rig.interrupt(other))).toMatchObject([{ outcome: 'refused', code: 'idempotency_conflict' }]);
    rig.cutDone('t1');
    expect(acksOf(rig.interrupt(other))).toMatchObject([{ outcome: 'refused', code: 'idempotency_conflict' }]);
  });

  test('from outside the stream get their own answer, with seq 0, and share one effect', () => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    rig.interrupt(interrupt('t1'));
    const signal = { kind: 'signal', signal: interrupt('t1'), progress: rig.at('t1'), nowMs: 0 } as const;
    expect(rig.step({ ...signal, call: 4 })).toEqual([]);
    const effects = rig.cutDone('t1');
    expect(effects).toMatchObject([
      { kind: 'bar' },
      { kind: 'tell', event: { seq: 2 } },
      { kind: 'answer-call', call: 4, ack: { seq: 0 } },
    ]);
    expect(rig.step({ ...signal, call: 5 })).toMatchObject([
      { kind: 'answer-call', call: 5, ack: { outcome: 'applied', effectiveOffset: 5 } },
    ]);
  });

  test('of a warm-up end it with nothing', () => {
    const rig = new SessionRig();
    rig.start(start('t1', { prefillOnly: true }));
    expect(words(rig.interrupt(interrupt('t1')))).toEqual(['bar t1 0', 'ack applied 0', 'finish t1']);
  });
});

describe('the life of a session', () => {
  test('a half-closed stream ends OK once nothing runs', () => {
    const rig = new SessionRig();
    rig.running('t1');
    rig.step({ kind: 'half-closed', attachment: 1 });
    expect(rig.step({ kind: 'settled' })).toEqual([]);
    rig.ended('t1', 0);
    expect(words(rig.step({ kind: 'settled' }))).toEqual(['end-stream ok', 'release detach']);
    expect(rig.step({ kind: 'settled' })).toEqual([]);
  });

  test('it closes when nobody was there for idle_ttl, not before and not while attached', () => {
    const rig = new SessionRig();
    expect(rig.step({ kind: 'idle', nowMs: 100_000 })).toEqual([]);
    rig.step({ kind: 'disconnected', attachment: 1, nowMs: 100_000 });
    expect(rig.step({ kind: 'idle', nowMs: 159_999 })).toEqual([]);
    expect(words(rig.step({ kind: 'idle', nowMs: 160_000 }))).toEqual(['release drop']);
    expect(rig.step({ kind: 'idle', nowMs: 200_000 })).toEqual([]);
  });

  test('a close gives every turn its terminal, keeps what was sent, and ends the stream', () => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    rig.start(start('t2'));
    const effects = rig.step({ kind: 'close', spans: rig.progress });
    expect(words(effects)).toEqual(['finish t1', 'finish t2', 'end-stream ok', 'release drop']);
    expect(rig.state.past.get('t1')?.ending).toMatchObject({ status: 'interrupted', endOffset: 8 });
    expect(rig.start(start('t3'))).toEqual([]);
  });
});

describe('drafts', () => {
  const draft = (over: Record<string, unknown>) => ({
    kind: 'draft',
    draft: {
      draftId: 'd',
      revision: 1,
      parentTurnId: '',
      prefix: [],
      keepBytes: 0,
      append: '',
      discard: false,
      ...over,
    },
  });
  const told = (rig: SessionRig, over: Record<string, unknown>) =>
    rig.command(draft(over)).map((effect) => (effect.kind === 'tell' ? effect.event : effect));

  test('are edited by bytes on code-point borders and submitted as a user message', () => {
    const rig = new SessionRig();
    expect(told(rig, { append: 'aé😀b' })).toMatchObject([
      { revision: 1, stableBytes: 8, prefilledTokens: 0, code: '' },
    ]);
    expect(told(rig, { revision: 2, keepBytes: 7, append: '!' })).toMatchObject([
      { revision: 2, stableBytes: 8, code: '' },
    ]);
    expect(told(rig, { revision: 2, append: 'repeat' })).toEqual([]);
    const effects = rig.start(start('t1', { draft: { draftId: 'd', revision: 2 }, input: [] }));
    const json = '{"type":"message","role":"user","content":"aé😀!"}';
    expect(effects).toMatchObject([{ kind: 'start', plan: { input: [{ kind: 'item', json }] } }]);
    expect(rig.state.drafts.size).toBe(0);
  });

  test.each([
    { name: 'a cut inside a code point', over: { revision: 2, keepBytes: 2 }, want: 'invalid_request' },
    { name: 'a cut past the text', over: { revision: 2, keepBytes: 9 }, want: 'invalid_request' },
    { name: 'a gap in revisions', over: { revision: 3, keepBytes: 0 }, want: 'draft_not_found' },
    { name: 'revision 0', over: { revision: 0, draftId: 'new' }, want: 'draft_not_found' },
    {
      name: 'a prefix after revision 1',
      over: { revision: 2, prefix: [{ kind: 'tokens', ids: [1] }] },
      want: 'invalid_request',
    },
    { name: 'more than 64 KiB', over: { revision: 2, append: 'x'.repeat(65_537) }, want: 'request_too_large' },
  ])('refuse $name and keep what they have', ({ over, want }) => {
    const rig = new SessionRig();
    told(rig, { append: 'aéb' });
    expect(told(rig, over)).toMatchObject([{ code: want }]);
    expect(rig.state.drafts.get('d')).toMatchObject({ revision: 1, text: 'aéb' });
  });

  test('are wiped after 60 s and on discard', () => {
    const rig = new SessionRig();
    told(rig, { append: 'a' });
    rig.nowMs = 60_000;
    expect(told(rig, { revision: 2, append: 'b' })).toMatchObject([{ code: 'draft_not_found' }]);
    told(rig, { append: 'a' });
    expect(told(rig, { discard: true })).toMatchObject([{ code: '', stableBytes: 0 }]);
    expect(rig.state.drafts.size).toBe(0);
  });
});
