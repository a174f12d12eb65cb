/** An engine as a gateway's sessions see it, for the tests that the zoo has of its own: it answers Open and Prefill. */
import { ReticleError } from '@reticle/core/domain';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { LinkResponse, LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { Open__Input } from '@reticle/proto/gen/engine/v1/Open';
import type { Opened__Input } from '@reticle/proto/gen/engine/v1/Opened';
import type { Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import { messageCodec } from '@reticle/proto/load';
import type { WireItemMark } from '@reticle/proto/wire';
import type { EngineEntry, EngineLink, EngineLinks, LaneReceiver, SidReceiver } from '@reticle/services/stream';

const codec = messageCodec<LinkResponse__Input, LinkResponse>('reticle.engine.v1.LinkResponse');

export function engineEntry(letter: string, over: Partial<EngineEntry> = {}): EngineEntry {
  return {
    engineId: letter.repeat(26),
    address: `${letter}:1`,
    region: 'eu-test',
    model: 'spark-ref',
    modelDigest: 'sha256:spark',
    replicaEpoch: 1,
    capabilities: {
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
    },
    ...over,
  };
}

export class StubEngine implements EngineLink, EngineLinks {
  readonly facts: EngineLink['facts'];
  readonly alive = true;
  readonly draining = false;
  readonly requests: LinkRequest__Input[] = [];
  readonly sids: SidReceiver[] = [];
  readonly lanes = new Map<number, LaneReceiver>();
  /** Nobody can reach it. */
  gone = false;
  /** Told to a gateway that takes a session over, before Opened. */
  records: Transcript__Input[] = [];
  opened: Opened__Input = { kvTokens: 1 };

  constructor(entry: EngineEntry) {
    this.facts = entry;
  }

  get opens(): Open__Input[] {
    return this.requests.flatMap(({ open }) => (open ? [open] : []));
  }

  async linkTo(): Promise<EngineLink> {
    if (this.gone) throw new ReticleError('engine_lost', 'gone');
    return this;
  }

  openSid(receiver: SidReceiver): number {
    return this.sids.push(receiver);
  }

  closeSid(): void {}

  openLane(receiver: LaneReceiver): number {
    const lane = this.lanes.size + 1;
    this.lanes.set(lane, receiver);
    return lane;
  }

  closeLane(): void {}

  bindLane(lane: number, receiver: LaneReceiver): void {
    this.lanes.set(lane, receiver);
  }

  credit(): void {}

  send(request: LinkRequest__Input): void {
    this.requests.push(request);
    const { open } = request;
    if (open) queueMicrotask(() => this.#answer(open));
  }

  /** Tokens [from, through) on a lane, each one byte of text. */
  tokens(lane: number, from: number, through: number): void {
    const count = through - from;
    const ids = Uint32Array.from({ length: count }, (_, index) => 1_000 + from + index);
    const lengths = new Uint32Array(count).fill(1);
    const text = Buffer.alloc(count, 'x');
    this.lanes
      .get(lane)
      ?.row({ lane, firstOffset: from, count, ids, lengths, at: 0, text, textStart: 0, textEnd: count }, 0);
  }

  mark(lane: number, mark: Partial<WireItemMark>): void {
    const none = {
      turnId: '',
      itemIndex: 0,
      kind: 1,
      atOffset: 0,
      closed: false,
      itemId: '',
      callId: '',
      toolName: '',
    };
    this.lanes.get(lane)?.mark({ ...none, ...mark });
  }

  #answer({ sid = 0, minEpoch = 0, wantTranscript = false }: Open__Input): void {
    const receiver = this.sids[sid - 1];
    for (const record of wantTranscript ? this.records : []) {
      const { transcript } = codec.decode(codec.encode({ transcript: { ...record, sid } }));
      if (transcript) receiver?.transcript(transcript);
    }
    const epoch = Math.max(1, Number(minEpoch));
    const { opened } = codec.decode(codec.encode({ opened: { sid, epoch, ...this.opened } }));
    if (opened) receiver?.opened(opened);
  }
}
