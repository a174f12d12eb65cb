/**
 * Every metric of the product: the instruments, the exports and `docs/reference/metrics.md` are made from this table.
 *
 * Names are OpenTelemetry's where its conventions have one (GenAI, process), else `reticle.<subsystem>.<noun>`. A label
 * never names a tenant, a session, a turn or an engine: those are in logs and traces.
 */
import { latencyBoundsSeconds, tokenGapBoundsSeconds } from './metrics.ts';

export type MetricRow = {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** UCUM. */
  readonly unit: string;
  readonly process: 'gateway' | 'engine' | 'both';
  /** Values of each label, in words. */
  readonly labels: Readonly<Record<string, string>>;
  /** Inclusive upper ends of a histogram's buckets. */
  readonly bounds?: readonly number[];
  /** One line for the reference page and the export. */
  readonly purpose: string;
};

/** Powers of four, as the GenAI conventions ask for. */
const tokenBounds: readonly number[] = Array.from({ length: 12 }, (_, index) => 4 ** index);

const turnLabels = {
  'gen_ai.operation.name': '`chat`',
  'gen_ai.provider.name': '`reticle`',
  'gen_ai.request.model': 'served name; `other` past 1,000 of them',
} as const;

const gatewayMetrics = {
  'gen_ai.server.request.duration': {
    kind: 'histogram',
    unit: 's',
    process: 'gateway',
    labels: { ...turnLabels, 'error.type': 'code of the registry; absent where the turn did not fail' },
    bounds: latencyBoundsSeconds,
    purpose: 'From the request for a turn to its last word to the client.',
  },
  'gen_ai.server.time_to_first_token': {
    kind: 'histogram',
    unit: 's',
    process: 'gateway',
    labels: turnLabels,
    bounds: latencyBoundsSeconds,
    purpose: 'From the request for a turn to its first token handed to the client; turns that did not fail.',
  },
  'gen_ai.server.time_per_output_token': {
    kind: 'histogram',
    unit: 's',
    process: 'gateway',
    labels: turnLabels,
    bounds: tokenGapBoundsSeconds,
    purpose: 'Mean time per token after the first frame, one value per turn; turns that did not fail.',
  },
  'gen_ai.client.token.usage': {
    kind: 'histogram',
    unit: '{token}',
    process: 'gateway',
    labels: { ...turnLabels, 'gen_ai.token.type': '`input`, `output`' },
    bounds: tokenBounds,
    purpose: 'Tokens per turn as billed: input as the engine counts it, output as sent by this gateway.',
  },
  'reticle.turns.ended': {
    kind: 'counter',
    unit: '{turn}',
    process: 'gateway',
    labels: { tier: 'tier', status: '`completed`, `interrupted`, `redirected`, `incomplete`, `failed`' },
    purpose: 'Turns that ended, each once.',
  },
  'reticle.turns.live': {
    kind: 'gauge',
    unit: '{turn}',
    process: 'gateway',
    labels: {},
    purpose: 'Turns that run or wait.',
  },
  'reticle.turns.moved': {
    kind: 'counter',
    unit: '{turn}',
    process: 'gateway',
    labels: { reason: '`failover`, `drain`' },
    purpose: 'Times that a turn was begun again, at another engine or at one that was started again.',
  },
  'reticle.tokens.delivered': {
    kind: 'counter',
    unit: '{token}',
    process: 'gateway',
    labels: { tier: 'tier' },
    purpose: 'Output tokens sent to clients: what the usage ledger bills. A token that is read again counts once.',
  },
  'reticle.tokens.wasted': {
    kind: 'counter',
    unit: '{token}',
    process: 'gateway',
    labels: { tier: 'tier' },
    purpose: 'Tokens that engines generated past the end of a cut turn.',
  },
  'reticle.controls.answered': {
    kind: 'counter',
    unit: '{answer}',
    process: 'gateway',
    labels: { outcome: '`applied`, `already-ended`, `not-found`, `stale`, `unsupported`, `pending`, `refused`' },
    purpose: 'Answers to interrupts and redirects; a repeated control is answered again.',
  },
  'reticle.refusals': {
    kind: 'counter',
    unit: '{refusal}',
    process: 'gateway',
    labels: { at: '`request`, `turn`', code: 'code of the registry' },
    purpose: 'What was refused: requests and streams by their status, turns inside a stream by their own end.',
  },
  'reticle.sessions.open': {
    kind: 'gauge',
    unit: '{session}',
    process: 'gateway',
    labels: {},
    purpose: 'Sessions that this gateway holds, attached or not.',
  },
  'reticle.sessions.open_seconds': {
    kind: 'histogram',
    unit: 's',
    process: 'gateway',
    labels: { 'error.type': 'code of the registry; absent where it was opened' },
    bounds: latencyBoundsSeconds,
    purpose: 'Creating a session: the choice of an engine, its answer, and the prefix.',
  },
  'reticle.links.lost': {
    kind: 'counter',
    unit: '{link}',
    process: 'gateway',
    labels: { cause: '`transport`, `silent`, `hung`, `garbled`, `refused`' },
    purpose: 'Links to engines that died, failed dials among them.',
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

const engineMetrics = {
  'reticle.engine.turns.ended': {
    kind: 'counter',
    unit: '{turn}',
    process: 'engine',
    labels: { status: '`completed`, `interrupted`, `redirected`, `incomplete`, `failed`' },
    purpose: 'Turns that ended at this engine.',
  },
  'reticle.engine.tokens.generated': {
    kind: 'counter',
    unit: '{token}',
    process: 'engine',
    labels: {},
    purpose: 'Tokens that the driver generated.',
  },
  'reticle.engine.prefill_seconds': {
    kind: 'histogram',
    unit: 's',
    process: 'engine',
    labels: {},
    bounds: latencyBoundsSeconds,
    purpose: 'From Start to the driver’s first word of the turn: waiting for its context and evaluating its input.',
  },
  'reticle.engine.step_p50_seconds': {
    kind: 'gauge',
    unit: 's',
    process: 'engine',
    labels: {},
    purpose: 'Median decode step at the present load.',
  },
  'reticle.engine.slots': {
    kind: 'gauge',
    unit: '{slot}',
    process: 'engine',
    labels: { state: '`free`, `used`' },
    purpose: 'Places for running turns.',
  },
  'reticle.engine.kv_tokens': {
    kind: 'gauge',
    unit: '{token}',
    process: 'engine',
    labels: { state: '`free`, `used`' },
    purpose: 'Room for context on the wafers.',
  },
  'reticle.engine.sessions': {
    kind: 'gauge',
    unit: '{session}',
    process: 'engine',
    labels: { state: '`live`, `parked`' },
    purpose: 'Sessions that this engine holds; parked ones are among the live.',
  },
  'reticle.engine.prefill_backlog_tokens': {
    kind: 'gauge',
    unit: '{token}',
    process: 'engine',
    labels: {},
    purpose: 'Input that waits for evaluation.',
  },
  'reticle.engine.events': {
    kind: 'counter',
    unit: '{event}',
    process: 'engine',
    labels: { event: 'closed word, such as `epoch_stale`, `signal_bad_mac`, `stream_paused_ring`' },
    purpose: 'Refused links, fenced messages, signals by fate, paused streams, dropped sessions.',
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

const processMetrics = {
  'process.memory.usage': {
    kind: 'gauge',
    unit: 'By',
    process: 'both',
    labels: {},
    purpose: 'Resident memory.',
  },
  'process.cpu.time': {
    kind: 'counter',
    unit: 's',
    process: 'both',
    labels: { 'cpu.mode': '`user`, `system`' },
    purpose: 'Processor time since the start.',
  },
  'nodejs.eventloop.utilization': {
    kind: 'gauge',
    unit: '1',
    process: 'both',
    labels: {},
    purpose: 'Share of the time since the start in which the event loop was busy.',
  },
} as const satisfies Readonly<Record<string, MetricRow>>;

export const metricTable = { ...gatewayMetrics, ...engineMetrics, ...processMetrics } as const;

export type MetricName = keyof typeof metricTable;
