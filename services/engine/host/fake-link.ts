/**
 * A gateway's end of a link for tests: drives a host with plain requests, keeps every answer in order, and
 * checks what must hold on every lane (density, one end, nothing at or past a cut).
 */
import { assert } from '@reticle/core/domain';
import type { LinkRequest } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { Open } from '@reticle/proto/gen/engine/v1/Open';
import type { Start } from '@reticle/proto/gen/engine/v1/Start';
import type { Cut } from '@reticle/proto/gen/engine/v1/Cut';
import type { Prefill } from '@reticle/proto/gen/engine/v1/Prefill';
import { StepFrameReader, type WireItemMark } from '@reticle/proto/wire';
import type { EngineHost } from './engine-host.ts';
import type { HostPeer } from './ports.ts';

/** What a lane has heard so far. */
export type FakeLane = {
  text: string;
  ids: number[];
  /** Offset of the first row. */
  from: number | undefined;
  marks: WireItemMark[];
  ended: LinkResponse__Input['ended'] | undefined;
  cutAt: number | undefined;
};

export class FakeLink {
  writable = true;
  closedFor: string | undefined;
  /** Every message in order; step frames stand as `{ step: {} }`. */
  messages: LinkResponse__Input[] = [];
  frames = 0;
  readonly lanes = new Map<number, FakeLane>();
  readonly peer: HostPeer;
  readonly #reader = new StepFrameReader();

  constructor(host: EngineHost, options: { readonly hello?: boolean } = {}) {
    this.peer = host.connect(this);
    if (options.hello !== false) this.hello(host);
  }

  hello(host: EngineHost, more: Partial<NonNullable<LinkRequest['hello']>> = {}): void {
    const { region } = host.identity;
    const hello = { protocol: 1, gatewayId: 'g', incarnation: '1', region, linkIndex: 0, linkCount: 1 };
    this.peer.message({ hello: { ...hello, minReplicaEpoch: 0, wantModelDigest: host.model.modelDigest, ...more } });
  }

  open(open: Partial<Open> & { readonly sid: number; readonly sessionId: string }): void {
    const empty = Buffer.alloc(0);
    const defaults = { tenant: 'acme', tier: 1 as const, minEpoch: 0, holder: Buffer.from('h'), kvScope: empty };
    const more = {
      signalKey: empty,
      idleTtl: null,
      detachGrace: null,
      adopt: [],
      wantTranscript: false,
      root: [] as Open['root'],
    };
    const handed = { records: 0, lastClientSeq: 0 };
    this.peer.message({ open: { ...defaults, ...more, ...handed, defaultCreditTokens: 0, ...open } });
  }

  start(start: Partial<Start> & { readonly sid: number; readonly lane: number; readonly turnId: string }): void {
    this.peer.message({ start: startOf(start) });
  }

  cut(cut: Partial<Cut> & { readonly lane: number }): void {
    const defaults = { clientSeq: 0, signalId: '', mode: 0 as const, reason: '', successor: null };
    this.peer.message({ cut: { ...defaults, ...cut } });
  }

  credit(lane: number, receivedThrough: number, creditTokens: number): void {
    this.peer.message({
      credit: { lane: [lane], receivedThrough: [receivedThrough], creditTokens: [creditTokens] },
    });
  }

  prefill(prefill: Partial<Prefill> & { readonly sid: number; readonly op: number }): void {
    const defaults = { parentTurnId: '', keepTokens: 0, append: [], draftId: '', revision: 0, discard: false };
    this.peer.message({ prefill: { ...defaults, ...prefill } });
  }

  release(sid: number, mode: 0 | 1 | 2 | 3): void {
    this.peer.message({ release: { sid, mode } });
  }

  lane(lane: number): FakeLane {
    let known = this.lanes.get(lane);
    if (known === undefined) {
      known = { text: '', ids: [], from: undefined, marks: [], ended: undefined, cutAt: undefined };
      this.lanes.set(lane, known);
    }
    return known;
  }

  /** Exclusive end of what the lane has received. */
  received(lane: number): number {
    const { from, ids } = this.lane(lane);
    return (from ?? 0) + ids.length;
  }

  /** Answers of one kind, in order. */
  all<Kind extends keyof LinkResponse__Input>(kind: Kind): NonNullable<LinkResponse__Input[Kind]>[] {
    return this.messages.flatMap((message) => message[kind] ?? []) as NonNullable<LinkResponse__Input[Kind]>[];
  }

  /** Kinds of the answers in order, without loads and, unless asked for, frames. */
  kinds(withSteps = false): string[] {
    return this.messages.flatMap((message) => {
      const [kind] = Object.keys(message);
      return kind === undefined || kind === 'load' || (kind === 'step' && !withSteps) ? [] : [kind];
    });
  }

  faults(): string[] {
    return this.all('fault').map(({ error }) => error?.code ?? '');
  }

  control(message: LinkResponse__Input): void {
    this.messages.push(message);
    const { ended, cutDone } = message;
    if (cutDone?.outcome === 1) {
      const lane = this.lane(cutDone.lane ?? 0);
      assert(lane.cutAt === undefined || lane.cutAt === cutDone.effectiveOffset, 'a turn has one cut');
      lane.cutAt = cutDone.effectiveOffset;
    }
    if (ended) this.lane(ended.lane ?? 0).ended = ended;
  }

  step(bytes: Uint8Array): void {
    assert(this.writable, 'a frame leaves only while the link is writable');
    this.messages.push({ step: {} });
    this.frames++;
    const reader = this.#reader;
    assert(reader.read(bytes), 'a step frame is one');
    let token = 0;
    let at = reader.textStart;
    for (const { lane, mark } of reader.items) this.lane(lane).marks.push(mark);
    for (let row = 0; row < reader.rows; row++) {
      const lane = this.lane(reader.lane[row] as number);
      const first = reader.firstOffset[row] as number;
      lane.from ??= first;
      assert(lane.ended === undefined, 'Ended is the last word on a lane');
      assert(first === lane.from + lane.ids.length, 'offsets of a lane are dense');
      for (let left = reader.tokenCount[row] as number; left > 0; left--, token++) {
        const length = reader.textLengths[token] as number;
        lane.ids.push(reader.tokenIds[token] as number);
        lane.text += Buffer.from(reader.text.subarray(at, at + length)).toString();
        at += length;
      }
      const end = lane.from + lane.ids.length;
      assert(lane.cutAt === undefined || end <= Math.max(lane.cutAt, first), 'nothing at or past a cut leaves');
    }
  }

  close(reason: string): void {
    this.closedFor = reason;
  }
}

/** A whole `Start` from the fields that matter. */
export function startOf(start: Partial<Start> & { readonly lane: number; readonly turnId: string }): Start {
  return {
    sid: 0,
    clientSeq: 0,
    parentTurnId: '',
    input: [{ itemJson: `in-${start.turnId}`, item: 'itemJson' }],
    draft: null,
    params: null,
    maxOutputTokens: 1_000,
    creditTokens: 0,
    forcedTokenIds: [],
    maxDuration: null,
    priority: 0,
    traceparent: '',
    hold: false,
    twinEngineId: '',
    bodyDigest: '',
    outputUnlimited: false,
    ...start,
  };
}
