/**
 * Referent of the link: the same tokens in the same coder, but a gRPC stream per session instead of one for all.
 * Every row of a step is a `StepFrame` of its own on its session's stream.
 */
import * as grpc from '@grpc/grpc-js';
import { StepFrameWriter } from '@reticle/proto/wire';
import type { DriverEvents, StepBatch } from '@reticle/services/engine';

const identity = (bytes: Buffer): Buffer => bytes;

/** One server-streaming call per session; the request is the stream's number as u32 LE. */
export const streamPerSessionDefinition = {
  stream: {
    path: '/reticle.bench.v1.StreamPerSession/Stream',
    requestStream: false,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
} as const satisfies grpc.ServiceDefinition;

type Call = grpc.ServerWritableStream<Buffer, Buffer>;

export class StreamPerSessionServer {
  readonly #server = new grpc.Server();
  readonly #calls: (Call | undefined)[] = [];
  readonly #writer = new StepFrameWriter();
  #step = 0;
  messages = 0;

  constructor() {
    this.#server.addService(streamPerSessionDefinition, {
      stream: (call: Call) => {
        this.#calls[call.request.readUInt32LE(0)] = call;
        call.sendMetadata(new grpc.Metadata());
      },
    });
  }

  get connected(): number {
    return this.#calls.filter((call) => call !== undefined).length;
  }

  /** Listens on loopback; resolves to `host:port`. */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(`127.0.0.1:${port}`);
        else reject(error);
      });
    });
  }

  readonly step: DriverEvents['step'] = (batch: StepBatch) => {
    this.#step += 1;
    let token = 0;
    let text = 0;
    for (let row = 0; row < batch.rows; row += 1) {
      const count = batch.count[row] as number;
      let textEnd = text;
      for (let index = token; index < token + count; index += 1) textEnd += batch.textLength[index] as number;
      this.#write(batch, { row, count, token, text, textEnd });
      token += count;
      text = textEnd;
    }
  };

  #write(batch: StepBatch, at: { row: number; count: number; token: number; text: number; textEnd: number }): void {
    const stream = batch.stream[at.row] as number;
    this.#writer.begin(this.#step, batch.dueMicros[at.row] as number);
    this.#writer.row({
      lane: stream + 1,
      firstOffset: batch.firstOffset[at.row] as number,
      count: at.count,
      ids: batch.tokenId,
      lengths: batch.textLength,
      at: at.token,
      text: batch.text,
      textStart: at.text,
      textEnd: at.textEnd,
    });
    this.messages += 1;
    const bytes = this.#writer.finish();
    this.#calls[stream]?.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  close(): void {
    this.#server.forceShutdown();
  }
}
