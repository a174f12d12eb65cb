/**
 * An engine for tests of the gateway's side: it answers Open and Prefill by itself and says the rest when it
 * is told to. No sockets; messages go through a real {@link LinkTable}.
 */
import { VirtualClock } from '@reticle/core/flow';
import type { AdoptedTurn } from '@reticle/proto/gen/engine/v1/AdoptedTurn';
import type { Capabilities } from '@reticle/proto/gen/engine/v1/Capabilities';
import type { CutDone } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Ended } from '@reticle/proto/gen/engine/v1/Ended';
import type { Fault } from '@reticle/proto/gen/engine/v1/Fault';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { Open__Input } from '@reticle/proto/gen/engine/v1/Open';
import type { Cut__Input } from '@reticle/proto/gen/engine/v1/Cut';
import type { Prefill__Input } from '@reticle/proto/gen/engine/v1/Prefill';
import type { Start__Input } from '@reticle/proto/gen/engine/v1/Start';
import type { WireItemMark } from '@reticle/proto/wire';
import type { ServerEvent } from '@reticle/services/session';
import { isReticleError, ReticleError } from '@reticle/core/domain';
import { messageCodec } from '@reticle/proto/load';
import type { LinkResponse, LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import type { ClientSink, TokenRun } from './front.ts';
import type { EngineEntry } from './engine-directory.ts';
import type { EngineLink, EngineLinks, LinkLoss } from './link/engine-link.ts';
import { LinkTable } from './link/link-table.ts';

export const CAPABILITIES: Capabilities = {
  cut: 1,
  cutBlockTokens: 0,
  appendMidRun: true,
  maxStepTokens: 1,
  modalities: ['text'],
  contextTokens: 131_072,
  maxOutputTokens: 65_536,
  exactOffsets: true,
  tokenIds: true,
  seededReplay: true,
  grammar: false,
  maxTopLogprobs: 0,
  fork: true,
  park: false,
  maxSessions: 0,
};

export const ENGINE: EngineEntry = {
  engineId: 'e'.repeat(26),
  address: 'engine:1',
  region: 'eu-test',
  model: 'spark-ref',
  modelDigest: 'sha256:spark',
  replicaEpoch: 1,
  capabilities: CAPABILITIES,
};

/** Text of the token at an offset; a few bytes, different lengths, some empty. */
export function tokenText(offset: number): string {
  return offset % 7 === 3 ? '' : `w${offset} `;
}

const transcripts = messageCodec<LinkResponse__Input, LinkResponse>('reticle.engine.v1.LinkResponse');

/** A second engine of the same model. */
export const OTHER: EngineEntry = { ...ENGINE, engineId: 'f'.repeat(26), address: 'engine:2' };

export class ScriptedEngine implements EngineLinks {
  readonly requests: LinkRequest__Input[] = [];
  readonly faults: string[] = [];
  readonly clock: VirtualClock;
  table: LinkTable;
  epoch = 0;
  /** What `Opened.kv_tokens` says; 0 is an engine that knows nothing of the session. */
  kvTokens = 1;
  /** Who had the session before this Open. */
  previousGateway = '';
  /** Answers Opens by itself. */
  answersOpen = true;
  /** Turns that `Opened` does not confirm. */
  readonly unknownTurns = new Set<string>();

  /** Nobody can reach it. */
  gone = false;
  /** Turns that it adopts by itself, on lanes of its own. */
  hosted: AdoptedTurn[] = [];
  /** What it tells a gateway that takes a session over, before Opened. */
  records: Transcript__Input[] = [];
  readonly #entry: EngineEntry;

  constructor(clock: VirtualClock = new VirtualClock(), entry: EngineEntry = ENGINE) {
    this.clock = clock;
    this.#entry = entry;
    this.table = this.#newTable();
  }

  linkTo(): Promise<EngineLink> {
    return this.gone ? Promise.reject(new ReticleError('engine_lost', 'gone')) : Promise.resolve(this.table);
  }

  /** The link dies; the next one is fresh. */
  die(cause: LinkLoss = 'transport'): void {
    const old = this.table;
    this.table = this.#newTable();
    old.lost(cause);
  }

  get opens(): Open__Input[] {
    return this.requests.flatMap(({ open }) => (open ? [open] : []));
  }

  get starts(): Start__Input[] {
    return this.requests.flatMap(({ start }) => (start ? [start] : []));
  }

  get cuts(): Cut__Input[] {
    return this.requests.flatMap(({ cut }) => (cut ? [cut] : []));
  }

  get prefills(): Prefill__Input[] {
    return this.requests.flatMap(({ prefill }) => (prefill ? [prefill] : []));
  }

  /** Credit as `lane received+credit`, in order. */
  get credits(): string[] {
    return this.requests.flatMap(({ credit }) =>
      (credit?.lane ?? []).map((lane, at) => `${lane} ${credit?.receivedThrough?.[at]}+${credit?.creditTokens?.[at]}`),
    );
  }

  lane(turnId: string): number {
    const adopts = this.opens.flatMap(({ adopt = [] }) => adopt);
    const successors = this.cuts.flatMap(({ successor }) => (successor ? [successor] : []));
    const named = [...this.starts, ...successors, ...adopts].filter((each) => each.turnId === turnId);
    return named.at(-1)?.lane ?? 0;
  }

  started(turnId: string, promptTokens = 100, cachedTokens = 0, startOffset = 0): void {
    const lane = this.lane(turnId);
    this.table.message({
      started: { lane, sid: 1, turnId, promptTokens, cachedTokens, startOffset, continuation: 0 },
    });
  }

  /** Tokens [from, through) of a turn, in one step. */
  tokens(turnId: string, from: number, through: number): void {
    const lengths = new Uint32Array(through - from);
    const ids = new Uint32Array(through - from);
    let text = '';
    for (let offset = from; offset < through; offset++) {
      lengths[offset - from] = tokenText(offset).length;
      ids[offset - from] = 1_000 + offset;
      text += tokenText(offset);
    }
    this.step(this.lane(turnId), { from, ids, lengths, text: Buffer.from(text) });
  }

  step(lane: number, row: { from: number; ids: Uint32Array; lengths: Uint32Array; text: Uint8Array }): void {
    this.table.step({
      rows: 1,
      lane: Uint32Array.of(lane),
      firstOffset: Uint32Array.of(row.from),
      tokenCount: Uint32Array.of(row.ids.length),
      tokenIds: Uint32Array.from(row.ids),
      textLengths: Uint32Array.from(row.lengths),
      text: row.text,
      textStart: 0,
      micros: 7,
      items: [],
    });
  }

  mark(turnId: string, mark: Partial<WireItemMark>): void {
    const none = { turnId, itemIndex: 0, kind: 1, atOffset: 0, closed: false, itemId: 'i0', callId: '', toolName: '' };
    this.table.step({
      rows: 0,
      lane: new Uint32Array(0),
      firstOffset: new Uint32Array(0),
      tokenCount: new Uint32Array(0),
      tokenIds: new Uint32Array(0),
      textLengths: new Uint32Array(0),
      text: new Uint8Array(0),
      textStart: 0,
      micros: 0,
      items: [{ lane: this.lane(turnId), mark: { ...none, ...mark } }],
    });
  }

  cutDone(turnId: string, done: Partial<CutDone>): void {
    const none = {
      outcome: 1,
      effectiveOffset: 0,
      generatedOffset: 0,
      kvAction: 1,
      kvKeptTokens: 0,
      micros: 0,
    } as const;
    this.table.message({ cutDone: { signalId: 's1', ...none, ...done, lane: this.lane(turnId) } });
  }

  ended(turnId: string, ended: Partial<Ended>): void {
    const none = { status: 1, endOffset: 0, finishReason: 'stop', usage: null, timing: null, error: null } as const;
    this.table.message({ ended: { ...none, ...ended, lane: this.lane(turnId) } });
  }

  fault(fault: Partial<Fault>): void {
    this.table.message({ fault: { sid: 0, lane: 0, op: 0, error: null, epoch: 0, ...fault } });
  }

  #newTable(): LinkTable {
    const { engineId, address, region, modelDigest, replicaEpoch, capabilities } = this.#entry;
    const table = new LinkTable({
      facts: { engineId, address, region, modelDigest, replicaEpoch, capabilities },
      clock: this.clock,
      write: (request) => {
        this.requests.push(request);
        queueMicrotask(() => this.#answer(table, request));
      },
      fault: (reason) => {
        this.faults.push(reason);
        this.die('garbled');
      },
    });
    return table;
  }

  #answer(table: LinkTable, { open, prefill, release }: LinkRequest__Input): void {
    if (release?.mode === 'RELEASE_MODE_DROP') this.kvTokens = 0;
    if (open && this.answersOpen) this.answerOpen(open, table);
    if (prefill) {
      const { sid = 0, op = 0 } = prefill;
      table.message({ prefilled: { sid, op, contextTokens: 64, cachedTokens: 4, prefilledTokens: 60 } });
    }
  }

  answerOpen(open: Open__Input, table = this.table): void {
    if (open.wantTranscript === true && this.records.length === 0) {
      const error = { grpcCode: 5, code: 'session_not_found', message: '', param: '', retryable: false };
      table.message({ fault: { sid: open.sid ?? 0, lane: 0, op: 0, epoch: 0, error: { ...error, retryDelay: null } } });
      return;
    }
    this.epoch = Math.max(this.epoch + 1, Number(open.minEpoch ?? 0));
    const turns = (open.adopt ?? []).flatMap(({ lane = 0, turnId = '', nextOffset = 0 }) =>
      this.unknownTurns.has(turnId)
        ? []
        : [{ lane, turnId, replayFrom: nextOffset, generatedOffset: nextOffset, ended: false }],
    );
    turns.push(...this.hosted);
    const sid = open.sid ?? 0;
    for (const record of open.wantTranscript === true ? this.records : []) {
      table.message(transcripts.decode(transcripts.encode({ transcript: { ...record, sid } })));
    }
    const { epoch, kvTokens, previousGateway } = this;
    table.message({ opened: { sid, epoch, kvTokens, turns, lastClientSeq: 0, previousGateway, idleTtl: null } });
  }
}

/** A client's side that writes down what it is told, in order. */
export class RecordingSink implements ClientSink {
  readonly events: ServerEvent[] = [];
  /** Every call as a short word: `12-15` for tokens, the kind of an event, `end` with its code. */
  readonly log: string[] = [];
  text = '';
  position = 0;
  full = false;
  ended = false;

  event(event: ServerEvent): void {
    this.events.push(event);
    this.log.push(event.kind);
  }

  tokens(run: TokenRun): boolean {
    const through = run.firstOffset + run.tokenCount;
    this.log.push(`${run.firstOffset}-${through}`);
    this.text += Buffer.from(
      run.text.subarray(run.textStart, run.textEnds[run.textEndsAt + run.tokenCount - 1]),
    ).toString('utf8');
    this.position = through;
    return !this.full;
  }

  end(error?: ReticleError): void {
    this.ended = true;
    this.log.push(error === undefined ? 'end' : `end ${error.code}`);
  }

  last<Kind extends ServerEvent['kind']>(kind: Kind): Extract<ServerEvent, { kind: Kind }> | undefined {
    return this.events.findLast((event): event is Extract<ServerEvent, { kind: Kind }> => event.kind === kind);
  }
}

/** The code that a promise is refused with; `resolved` when it is not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    return isReticleError(error) ? error.code : String(error);
  }
}
