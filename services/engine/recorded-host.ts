/** What an engine host tells of its work, as metrics and spans; one function per event (STYLE §7). */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context, type Tracer } from '@opentelemetry/api';
import { parseTraceparent } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { hrTime, type Instruments } from '@reticle/core/process';
import type { Load } from '@reticle/proto/gen/engine/v1/Load';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { EndedTurn, HostObserver } from './host/ports.ts';

export type RecordedHostOptions = {
  readonly instruments: Instruments;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly engineId: string;
  /** Served name. */
  readonly model: string;
};

const statusWords: Readonly<Record<TurnStatus, string>> = {
  [TurnStatus.TURN_STATUS_UNSPECIFIED]: 'unspecified',
  [TurnStatus.TURN_STATUS_COMPLETED]: 'completed',
  [TurnStatus.TURN_STATUS_INTERRUPTED]: 'interrupted',
  [TurnStatus.TURN_STATUS_REDIRECTED]: 'redirected',
  [TurnStatus.TURN_STATUS_INCOMPLETE]: 'incomplete',
  [TurnStatus.TURN_STATUS_FAILED]: 'failed',
};

export function recordedHost(options: RecordedHostOptions): HostObserver {
  const { instruments } = options;
  return {
    count: (event) => instruments.counter('reticle.engine.events', { event }).add(1),
    turnEnded: (turn) => {
      instruments.counter('reticle.engine.turns.ended', { status: statusWords[turn.status] }).add(1);
      if (turn.startedMs !== undefined) {
        const seconds = (turn.startedMs - turn.submittedMs) / 1_000;
        instruments.histogram('reticle.engine.prefill_seconds', {}).record(seconds);
      }
      traceTurn(options, turn);
    },
  };
}

type Observed = { load(): Load; readonly generatedTokens: number };

/** What the host counts anyhow, read at each export. Once per process. */
export function observeLoad(instruments: Instruments, host: Observed): void {
  const observe: Instruments['observe'] = (name, labels, read) => instruments.observe(name, labels, read);
  observe('reticle.engine.tokens.generated', {}, () => host.generatedTokens);
  observe('reticle.engine.slots', { state: 'free' }, () => host.load().slotsFree);
  observe('reticle.engine.slots', { state: 'used' }, () => used(host.load(), 'slots'));
  observe('reticle.engine.kv_tokens', { state: 'free' }, () => host.load().kvTokensFree);
  observe('reticle.engine.kv_tokens', { state: 'used' }, () => used(host.load(), 'kvTokens'));
  observe('reticle.engine.sessions', { state: 'live' }, () => host.load().sessionsLive);
  observe('reticle.engine.sessions', { state: 'parked' }, () => host.load().sessionsParked);
  observe('reticle.engine.prefill_backlog_tokens', {}, () => host.load().prefillBacklogTokens);
  observe('reticle.engine.step_p50_seconds', {}, () => host.load().stepMicrosP50 / 1e6);
}

function used(load: Load, of: 'slots' | 'kvTokens'): number {
  return of === 'slots' ? load.slotsTotal - load.slotsFree : load.kvTokensTotal - load.kvTokensFree;
}

/** The engine's part of a turn under the gateway's span; without one there is nobody to tell. */
function traceTurn({ tracer, clock, engineId, model }: RecordedHostOptions, turn: EndedTurn): void {
  const parent = parseTraceparent(turn.traceparent);
  if (parent === undefined) return;
  const skewMs = clock.wallMs() - clock.nowMs();
  const at = (nowMs: number): [number, number] => hrTime(nowMs + skewMs);
  const { submittedMs, firstTokenMs = turn.endedMs, endedMs, code } = turn;
  const attributes = {
    'gen_ai.request.model': model,
    'reticle.engine': engineId,
    'reticle.turn.id': turn.turnId,
    'reticle.turn.status': statusWords[turn.status],
    'reticle.turn.start_offset': turn.startOffset,
    'reticle.turn.generated_offset': turn.generatedOffset,
    'gen_ai.usage.input_tokens': turn.promptTokens,
    'gen_ai.usage.cache_read.input_tokens': turn.cachedTokens,
  };
  const options = { kind: SpanKind.SERVER, startTime: at(submittedMs), attributes };
  const span = tracer.startSpan('reticle.engine.turn', options, remote(parent));
  if (code !== undefined) span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR });
  const context = trace.setSpan(ROOT_CONTEXT, span);
  const child = (name: string, fromMs: number, toMs: number): void =>
    tracer.startSpan(name, { startTime: at(fromMs) }, context).end(at(toMs));
  child('reticle.engine.prefill', submittedMs, firstTokenMs);
  if (turn.firstTokenMs !== undefined) child('reticle.engine.decode', firstTokenMs, endedMs);
  span.end(at(endedMs));
}

function remote(parent: NonNullable<ReturnType<typeof parseTraceparent>>): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}
