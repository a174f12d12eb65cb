import type { Failpoint } from '@reticle/core/process';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Caller, SessionFront } from '@reticle/services/stream';
import { decodeReplayTurn } from './decode.ts';
import { eventEncoder } from './encode.ts';
import type { StatusOf } from './errors.ts';
import type { ReplayTurnRequest } from './messages.ts';
import type { FlushGroups } from './flush-groups.ts';
import { GrpcSink } from './sink.ts';

export type ReplayCall = ServerWritableStream<ReplayTurnRequest, Buffer>;
export type ReplayOptions = {
  readonly front: SessionFront;
  readonly statusOf: StatusOf;
  readonly flushGroups: FlushGroups;
  readonly failpoint: Failpoint;
};

type Replay = Awaited<ReturnType<SessionFront['replayTurn']>>;

/** One ReplayTurn stream: read-only, so its end changes nothing. Returns a way to end it from outside. */
export function serveReplay(call: ReplayCall, caller: Caller, options: ReplayOptions): (error: unknown) => void {
  const { front, statusOf, flushGroups, failpoint } = options;
  let replay: Replay | undefined;
  let drainedEarly = false;
  let sink: GrpcSink | undefined;
  const stop = (): void => {
    replay?.close();
    replay = undefined;
  };
  // grpc-js says `cancelled` after every end; only one that nobody here made is a client that left.
  call.on('cancelled', () => {
    if (sink === undefined || sink.ended) return;
    sink.abandon();
    stop();
  });
  const drained = (): void => {
    if (replay === undefined) drainedEarly = true;
    else replay.drained();
  };
  const open = async (): Promise<void> => {
    const request = decodeReplayTurn(call.request);
    sink = new GrpcSink({
      call,
      group: flushGroups.of(call.getPeer()),
      drained,
      stream: 'replay',
      encodeEvent: eventEncoder('replay'),
      frames: request.framePolicy,
      statusOf,
      failpoint,
    });
    const opened = await front.replayTurn(caller, request, sink);
    if (sink.ended) {
      opened.close();
      return;
    }
    replay = opened;
    if (drainedEarly) opened.drained();
  };
  const refuse = (error: unknown): void => {
    stop();
    if (sink === undefined) call.emit('error', statusOf(error));
    else sink.fail(error);
  };
  open().catch(refuse);
  return refuse;
}
