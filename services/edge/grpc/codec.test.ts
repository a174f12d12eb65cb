import { describe, expect, test } from '@jest/globals';
import { isReticleError } from '@reticle/core/domain';
import { seededRandom } from '@reticle/core/flow';
import { messageCodec } from '@reticle/proto/load';
import { NO_TIMING, NO_USAGE, type ServerEvent } from '@reticle/services/session';
import { decodeAttach, decodeCommand, decodeSignalTurn } from './decode.ts';
import { eventEncoder } from './encode.ts';
import { controlAck, SESSION_ID, sessionView } from './edge-kit.ts';
import type { ConverseRequest, SignalTurnRequest } from './messages.ts';

const random = seededRandom(3);
const digest = expect.stringMatching(/^[\w-]{43}$/);

/** A message as it comes off the wire, with every default filled in. */
function wire<Message extends object>(name: string, fields: object): Message {
  const codec = messageCodec<object, Message>(`reticle.session.v1.${name}`);
  return codec.decode(codec.encode(fields));
}
const command = (fields: object) => decodeCommand(wire<ConverseRequest>('ConverseRequest', fields), random);

function paramOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (isReticleError(error)) return `${error.code} ${error.param}`;
    throw error;
  }
  return undefined;
}

const start = {
  turnId: 't1',
  parentTurnId: '',
  input: [],
  params: { stop: [] },
  prefillOnly: false,
  bodyDigest: digest,
};
const cut = { turnId: 't1', mode: 'keep-through-offset', reason: '', signalId: SESSION_ID, bodyDigest: digest };
const wireCut = { turnId: 't1', signalId: SESSION_ID };

describe('wire → commands', () => {
  test.each([
    {
      name: 'a turn with nothing but its id',
      fields: { startTurn: { turnId: 't1' } },
      want: { kind: 'start-turn', start },
    },
    {
      name: 'max_output_tokens 0 is not absent',
      fields: { startTurn: { turnId: 't1', maxOutputTokens: 0 } },
      want: { kind: 'start-turn', start: { ...start, maxOutputTokens: 0 } },
    },
    {
      name: 'a full turn',
      fields: {
        startTurn: {
          turnId: 't1',
          parentTurnId: 't0',
          input: [{ itemJson: '{}' }, { tokens: { tokenIds: [7] } }],
          draft: { draftId: 'd', revision: 2 },
          params: { temperature: 0, topP: 0.5, seed: 0, stop: ['x'] },
          maxQueueWait: { nanos: 5_000_000 },
          maxDuration: { seconds: 9 },
          tier: 4,
          spill: 2,
          prefillOnly: true,
        },
      },
      want: {
        kind: 'start-turn',
        start: {
          ...start,
          parentTurnId: 't0',
          input: [
            { kind: 'item', json: '{}' },
            { kind: 'tokens', ids: [7] },
          ],
          draft: { draftId: 'd', revision: 2 },
          params: { temperature: 0, topP: 0.5, seed: 0, stop: ['x'] },
          maxQueueWaitMs: 5,
          maxDurationMs: 9_000,
          tier: 'flex',
          prefillOnly: true,
        },
      },
    },
    { name: 'a cut without an offset', fields: { interrupt: wireCut }, want: { kind: 'interrupt', interrupt: cut } },
    {
      name: 'a cut at offset 0',
      fields: { interrupt: { ...wireCut, keepThroughOffset: 0 } },
      want: { kind: 'interrupt', interrupt: { ...cut, keepThroughOffset: 0 } },
    },
    ...['discard-partial-items', 'keep-through-offset', 'keep-generated', 'at-item-boundary'].map((mode, index) => ({
      name: `cut mode ${mode}`,
      fields: { interrupt: { ...wireCut, mode: index + 1 } },
      want: { kind: 'interrupt', interrupt: { ...cut, mode } },
    })),
    {
      name: 'a redirect',
      fields: { redirect: { cut: wireCut, successor: { turnId: 't1' } } },
      want: { kind: 'redirect', redirect: { cut, successor: start } },
    },
    {
      name: 'flow',
      fields: { flow: { turnId: 't1', receivedThroughOffset: 405, creditTokens: 512 } },
      want: { kind: 'flow', flow: { turnId: 't1', receivedThroughOffset: 405, creditTokens: 512 } },
    },
    {
      name: 'a draft',
      fields: { draft: { draftId: 'd', revision: 1, append: 'hé' } },
      want: {
        kind: 'draft',
        draft: { draftId: 'd', revision: 1, parentTurnId: '', prefix: [], keepBytes: 0, append: 'hé', discard: false },
      },
    },
  ])('$name', ({ fields, want }) => {
    expect(command({ seq: 9, ...fields })).toEqual({ seq: 9, ...want });
  });

  test('an empty signal id becomes a fresh one each time', () => {
    const ids = [1, 2].map(() => {
      const decoded = command({ interrupt: { turnId: 't1' } });
      return decoded.kind === 'interrupt' ? decoded.interrupt.signalId : '';
    });
    expect(ids[0]).toMatch(/^[a-z2-7]{26}$/);
    expect(ids[1]).not.toBe(ids[0]);
  });

  test('attach: absent parts stay absent', () => {
    expect(decodeAttach(wire('Attach', { sessionId: SESSION_ID }))).toEqual({
      sessionId: SESSION_ID,
      cursors: [],
      defaultCreditTokens: 0,
      framePolicy: { includeTokenIds: false, omitText: false },
    });
    expect(
      decodeAttach(
        wire('Attach', {
          resumeToken: 'rtr1.x',
          cursors: [{ turnId: 't', nextOffset: 3 }],
          framePolicy: { maxTokens: 8, maxDelay: { nanos: 1_000_000 }, omitText: true },
        }),
      ),
    ).toEqual({
      resumeToken: 'rtr1.x',
      cursors: [{ turnId: 't', nextOffset: 3, creditTokens: 0 }],
      defaultCreditTokens: 0,
      framePolicy: { maxTokens: 8, maxDelayMs: 1, includeTokenIds: false, omitText: true },
    });
  });

  test.each([
    {
      name: 'a parent outside its alphabet',
      fields: { startTurn: { turnId: 't', parentTurnId: 'é' } },
      want: 'invalid_request start_turn.parent_turn_id',
    },
    {
      name: 'a draft without its id',
      fields: { startTurn: { turnId: 't', draft: { revision: 1 } } },
      want: 'missing_required_parameter start_turn.draft.draft_id',
    },
    {
      name: 'an empty input item',
      fields: { startTurn: { turnId: 't', input: [{}] } },
      want: 'missing_required_parameter start_turn.input[0]',
    },
    {
      name: 'a duration of 10^9 nanoseconds',
      fields: { startTurn: { turnId: 't', maxDuration: { nanos: 1_000_000_000 } } },
      want: 'invalid_request start_turn.max_duration',
    },
    {
      name: 'a negative wait',
      fields: { startTurn: { turnId: 't', maxQueueWait: { nanos: -1 } } },
      want: 'value_out_of_range start_turn.max_queue_wait',
    },
    { name: 'flow without a turn', fields: { flow: {} }, want: 'missing_required_parameter flow.turn_id' },
    {
      name: 'a draft outside its alphabet',
      fields: { draft: { draftId: ' ' } },
      want: 'invalid_request draft.draft_id',
    },
    {
      name: 'a cut of a redirect outside its alphabet',
      fields: { redirect: { cut: { turnId: '!' }, successor: { turnId: 't' } } },
      want: 'invalid_request redirect.cut.turn_id',
    },
  ])('$name is refused by name', ({ fields, want }) => {
    expect(paramOf(() => command(fields))).toBe(want);
  });

  test.each([
    { field: { reasoningEffort: 'low' }, want: 'reasoning_effort' },
    { field: { verbosity: 'low' }, want: 'verbosity' },
    { field: { topLogprobs: 1 }, want: 'top_logprobs' },
  ])('$want is handed on by name: admission refuses the turn, not the stream', ({ field, want }) => {
    expect(command({ startTurn: { turnId: 't', params: field } })).toMatchObject({
      start: { params: { unsupported: `start_turn.params.${want}` } },
    });
  });

  test('tools are handed on as they came', () => {
    const params = { toolsJson: '[{}]', toolChoiceJson: '"none"', parallelToolCalls: false };
    expect(command({ startTurn: { turnId: 't', params } })).toMatchObject({
      start: { params: { tools: '[{}]', toolChoice: '"none"', parallelToolCalls: false } },
    });
  });

  test.each([
    { value: 0, want: undefined },
    { value: 1, want: 'natural' },
    { value: 2, want: 'exact' },
  ])('output length $value', ({ value, want }) => {
    const decoded = command({ startTurn: { turnId: 't', params: { outputLength: value } } });
    expect(decoded).toMatchObject({ start: { params: want === undefined ? { stop: [] } : { outputLength: want } } });
  });

  test.each([
    { name: 'unset', field: { choice: 0, textFormatJson: '' }, want: { stop: [] } },
    { name: 'a sibling', field: { choice: 3 }, want: { stop: [], choice: 3 } },
    { name: 'a format, which is judged later', field: { textFormatJson: '{' }, want: { stop: [], textFormat: '{' } },
  ])('choice and text format: $name', ({ field, want }) => {
    expect(command({ startTurn: { turnId: 't', params: field } })).toMatchObject({ start: { params: want } });
  });

  test('a signal without a signal', () => {
    const message = wire<SignalTurnRequest>('SignalTurnRequest', { sessionId: SESSION_ID });
    expect(paramOf(() => decodeSignalTurn(message, random))).toBe('missing_required_parameter signal');
  });
});

describe('events → wire', () => {
  const ended: ServerEvent = {
    kind: 'turn-ended',
    turnId: 't1',
    epoch: 3,
    status: 'failed',
    endOffset: 5,
    finishReason: 'error',
    usage: { ...NO_USAGE, outputTokens: 5 },
    timing: { ...NO_TIMING, decodeMs: 1.5 },
    successorTurnId: '',
    error: { code: 'no_capacity', message: 'busy', param: '', retryDelayMs: 250 },
  };
  const started: ServerEvent = {
    kind: 'turn-started',
    turnId: 't1',
    epoch: 3,
    startOffset: 0,
    promptTokens: 9,
    cachedTokens: 4,
    model: 'm',
    modelDigest: 'd',
    region: 'eu-1',
    requestedTier: 'fast',
    servedTier: 'flex',
    reason: 'failover',
    reasonDetail: '',
    replica: 'r',
    resumeToken: 'x',
    continuation: 'resampled',
  };
  const mark: ServerEvent = {
    kind: 'item-mark',
    turnId: 't1',
    itemIndex: 1,
    itemKind: 'function-call',
    atOffset: 4,
    closed: true,
    itemId: 'i',
    callId: 'c',
    toolName: 'n',
  };
  const rows: { name: string; event: ServerEvent; want: object }[] = [
    {
      name: 'attached',
      event: {
        kind: 'attached',
        session: sessionView,
        resumeToken: 'x',
        replay: [{ turnId: 't', nextOffset: 1, creditTokens: 2 }],
        lastAppliedSeq: 4,
      },
      want: {
        attached: {
          session: { epoch: 1, tier: 2, expireTime: { seconds: 1_800_000_000, nanos: 250_000_000 } },
          replay: [{ turnId: 't', nextOffset: 1, creditTokens: 2 }],
          lastAppliedSeq: 4,
        },
      },
    },
    {
      name: 'queued',
      event: { kind: 'turn-queued', turnId: 't', position: 3, estimatedWaitMs: 1_100, reason: 'prefill' },
      want: { turnQueued: { position: 3, estimatedWait: { seconds: 1, nanos: 100_000_000 }, reason: 'prefill' } },
    },
    {
      name: 'started',
      event: started,
      want: { turnStarted: { epoch: 3, requestedTier: 2, servedTier: 4, reason: 6, continuation: 2, cachedTokens: 4 } },
    },
    { name: 'item mark', event: mark, want: { itemMark: { kind: 3, atOffset: 4, closed: true, toolName: 'n' } } },
    {
      name: 'control ack',
      event: { ...controlAck, seq: 3, outcome: 'refused', kvAction: 'none', code: 'turn_stale' },
      want: {
        controlAck: {
          seq: 3,
          outcome: 7,
          kvAction: 5,
          code: 'turn_stale',
          effectiveOffset: 405,
          generatedOffset: 421,
          deliveredOffset: 418,
          wastedTokens: 16,
          kvKeptTokens: 1_905,
        },
      },
    },
    {
      name: 'ended',
      event: ended,
      want: {
        turnEnded: {
          status: 5,
          endOffset: 5,
          usage: { outputTokens: 5 },
          timing: { decode: { seconds: 0, nanos: 1_500_000 } },
          error: { grpcCode: 14, code: 'no_capacity', retryable: true, retryDelay: { seconds: 0, nanos: 250_000_000 } },
        },
      },
    },
    {
      name: 'draft state',
      event: {
        kind: 'draft-state',
        draftId: 'd',
        revision: 2,
        prefilledTokens: 0,
        stableBytes: 3,
        code: 'draft_not_found',
      },
      want: { draftState: { draftId: 'd', revision: 2, stableBytes: 3, code: 'draft_not_found' } },
    },
    {
      name: 'go away',
      event: { kind: 'go-away', timeLeftMs: 30_000, resumeToken: 'x', reason: 'draining' },
      want: { goAway: { timeLeft: { seconds: 30 }, resumeToken: 'x', reason: 'draining' } },
    },
  ];

  test.each(rows)('$name', ({ event, want }) => {
    const bytes = eventEncoder('converse')(event) ?? Buffer.alloc(0);
    expect(
      wire('ConverseResponse', messageCodec<object, object>('reticle.session.v1.ConverseResponse').decode(bytes)),
    ).toMatchObject(want);
  });

  test('a replay has the turn and nothing of an attachment', () => {
    const encode = eventEncoder('replay');
    const decode = (event: ServerEvent) =>
      messageCodec<object, { message?: string }>('reticle.session.v1.ReplayTurnResponse').decode(
        encode(event) ?? Buffer.alloc(0),
      );
    expect([started, mark, ended].map((event) => decode(event).message)).toEqual([
      'turnStarted',
      'itemMark',
      'turnEnded',
    ]);
    expect(rows.filter(({ event }) => encode(event) !== undefined).map(({ name }) => name)).toEqual([
      'started',
      'item mark',
      'ended',
    ]);
  });
});
