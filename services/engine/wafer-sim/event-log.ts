/** Test support: what a simulator told, per use of a stream id, without a judgement of its own. */
import type { ReticleError } from '@reticle/core/domain';
import type { DriverEvents, ItemMark, StepBatch, StreamId } from '../contract.ts';

export type LoggedStream = {
  started: { promptTokens: number; cachedTokens: number; startOffset: number } | undefined;
  readonly ids: number[];
  readonly texts: Uint8Array[];
  /** First offset of each row. */
  readonly offsets: number[];
  readonly marks: ItemMark[];
  /** Names of the events, in order. */
  readonly order: string[];
  closed:
    | { kind: 'ended'; finishReason: 'stop' | 'length'; generated: number }
    | { kind: 'halted'; generated: number }
    | { kind: 'failed'; error: ReticleError }
    | undefined;
};

/** Notes every event. */
export class EventLog implements DriverEvents {
  readonly #streams = new Map<StreamId, LoggedStream>();
  readonly failures: ReticleError[] = [];
  readonly prefilledOps: { op: number; contextTokens: number; cachedTokens: number; prefilledTokens: number }[] = [];
  readonly broke: string[] = [];
  /** Events of any kind. */
  count = 0;

  /** What was told of the newest use of the id. */
  stream(id: StreamId): LoggedStream {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    const fresh: LoggedStream = {
      started: undefined,
      ids: [],
      texts: [],
      offsets: [],
      marks: [],
      order: [],
      closed: undefined,
    };
    this.#streams.set(id, fresh);
    return fresh;
  }

  /** To be called when an id is used again. */
  forget(id: StreamId): void {
    this.#streams.delete(id);
  }

  prefilled(op: number, result: { contextTokens: number; cachedTokens: number; prefilledTokens: number }): void {
    this.count += 1;
    this.prefilledOps.push({ op, ...result });
  }

  started(id: StreamId, result: { promptTokens: number; cachedTokens: number; startOffset: number }): void {
    this.#note(id, 'started').started = result;
  }

  mark(id: StreamId, mark: ItemMark): void {
    this.#note(id, 'mark').marks.push(mark);
  }

  step(batch: StepBatch): void {
    let token = 0;
    let byte = 0;
    for (let row = 0; row < batch.rows; row += 1) {
      const stream = this.#note(batch.stream[row] ?? -1, 'step');
      stream.offsets.push(batch.firstOffset[row] ?? -1);
      for (let last = token + (batch.count[row] ?? 0); token < last; token += 1) {
        const bytes = batch.textLength[token] ?? 0;
        stream.ids.push(batch.tokenId[token] ?? -1);
        stream.texts.push(batch.text.slice(byte, byte + bytes));
        byte += bytes;
      }
    }
  }

  ended(id: StreamId, result: { finishReason: 'stop' | 'length'; generated: number }): void {
    this.#note(id, 'ended').closed = { kind: 'ended', ...result };
  }

  halted(id: StreamId, generated: number): void {
    this.#note(id, 'halted').closed = { kind: 'halted', generated };
  }

  failed(subject: { stream: StreamId } | { op: number }, error: ReticleError): void {
    this.count += 1;
    this.failures.push(error);
    if ('stream' in subject) this.#note(subject.stream, 'failed').closed = { kind: 'failed', error };
  }

  broken(reason: string): void {
    this.count += 1;
    this.broke.push(reason);
  }

  #note(id: StreamId, event: string): LoggedStream {
    this.count += 1;
    const stream = this.stream(id);
    stream.order.push(event);
    return stream;
  }
}
