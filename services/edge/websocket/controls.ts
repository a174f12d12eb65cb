/** `response.interrupt` and `response.steer` (PROTOCOL §4.3). A control never answers with `error`: it would end Codex's turn. */
import { assertNever, base32, isReticleError, RANDOM_ID_BYTES } from '@reticle/core/domain';
import type { Random } from '@reticle/core/flow';
import type { ControlAck, CutMode } from '@reticle/services/session';
import type { Caller } from '@reticle/services/stream';
import { counted, isLong } from '../openai/counted.ts';
import type { CreateResponse } from '../openai/create-response.ts';
import type { Fields } from '../openai/json-fields.ts';
import { receiptObject } from '../openai/response-object.ts';
import { isCall, type ResponseRecord } from '../openai/response-record.ts';
import type { Responses, ServedResponse } from '../openai/responses.ts';
import { sequenceNumber, slot } from '../openai/sequence-number.ts';
import { decodeInterrupt, decodeSteer, decodeSuccessor, type InterruptFrame, type SteerFrame } from './client-frame.ts';
import type { Following, ResponseStream } from './response-stream.ts';
import { controlError, controlWord, failedFrame, type ControlError } from './server-frame.ts';

/** What becomes of an open message that is cut: nothing, or what the client has of it (§5.3). */
export type PartialOnInterrupt = 'discard' | 'keep';

export type ControlsOptions = {
  readonly responses: Responses;
  readonly caller: Caller;
  readonly random: Random;
  readonly partialOnInterrupt: PartialOnInterrupt;
  /** Responses that run on this socket, by id. */
  readonly streams: ReadonlyMap<string, ResponseStream>;
  /** True for a response that was over when it was told. */
  readonly isPrewarm: (responseId: string) => boolean;
  /** True once the socket's client has left. */
  readonly isOver: () => boolean;
  readonly write: (message: string) => void;
  /** Told what is nobody's refusal. */
  readonly defect: (error: unknown) => void;
};

const INTERRUPT = 'response.interrupt';
const STEER = 'response.steer';
const PENDING_MAX = 8;
/** Of ids, in characters. */
const NAME_MAX = 256;

type Fail = (error: ControlError) => void;
type RedirectOrder = {
  readonly frame: InterruptFrame;
  readonly create: CreateResponse;
  readonly continues: boolean;
  readonly fail: Fail;
};
type Cut = { readonly mode: CutMode; readonly keepThroughOffset?: number };

export class Controls {
  readonly #options: ControlsOptions;

  constructor(options: ControlsOptions) {
    this.#options = options;
  }

  /** The promise is of a long successor, which is counted first. It never rejects with a refusal. */
  interrupt(fields: Fields): Promise<void> | undefined {
    const asked = { ...echo(fields, 'response_id'), ...echo(fields, 'stream_id') };
    const fail: Fail = (error) => this.#options.write(failedFrame(INTERRUPT, error, asked));
    try {
      const frame = decodeInterrupt(fields);
      const stream = this.#running(frame);
      if (stream === undefined) this.#interruptElsewhere(frame, fail);
      else if (frame.successor === undefined) this.#cut(stream, frame, fail);
      else {
        const { create, continues = stream.continues } = decodeSuccessor(frame.successor, stream.served.profile);
        // What runs when the successor is counted may be another response.
        const order = { frame: { ...frame, responseId: stream.id }, create, continues, fail };
        if (isLong(create)) return this.#redirectLong(order);
        this.#redirect(stream, order);
      }
    } catch (error) {
      fail(refusalOf(error));
    }
    return undefined;
  }

  steer(fields: Fields): void {
    const given = { previous_response_id: null, ...echo(fields, 'previous_response_id') };
    const fail: Fail = (error) => {
      const steer = { ...given, input: fields['input'] ?? null };
      this.#options.write(failedFrame(STEER, error, { steer }));
    };
    try {
      this.#steer(decodeSteer(fields), fail);
    } catch (error) {
      const { message, ...more } = refusalOf(error);
      fail({ ...more, ...controlWord('invalid_input', message) });
    }
  }

  /** What becomes of the steers of a response that is over: the input of its successor, or nothing. */
  settle(stream: ResponseStream): readonly SteerFrame[] {
    const steers = stream.steers.splice(0);
    const { ended } = stream.served.record;
    if (steers.length === 0) return steers;
    const isOn = ended?.status === 'completed' || (ended?.status === 'interrupted' && !stream.isInterrupted);
    if (isOn && stream.following === undefined) return steers;
    for (const { input, previousResponseId } of steers) {
      const error = controlWord('successor_creation_failed', 'the response ended before the steer took effect');
      const steer = { previous_response_id: previousResponseId, input };
      this.#options.write(failedFrame(STEER, error, { steer }));
    }
    return [];
  }

  /** Tells what refused a cut; one that came too late is answered by the response's own terminal. */
  #settle(
    receipt: Promise<ControlAck | undefined>,
    refused: Fail,
    applied: (ack: ControlAck) => void = () => {},
  ): void {
    receipt.then(
      (ack) => {
        if (ack?.outcome === 'applied') applied(ack);
        const error = ack === undefined ? undefined : refusalIn(ack);
        if (error !== undefined) refused(error);
      },
      (error: unknown) => {
        // A session that is lost has told its end in the record.
        if (!isReticleError(error)) this.#options.defect(error);
      },
    );
  }

  /** The response that is named, or the one that the named lane runs, or the only one. */
  #running({ responseId, streamId }: InterruptFrame): ResponseStream | undefined {
    const { streams } = this.#options;
    if (responseId !== undefined) return streams.get(responseId);
    const all = [...streams.values()];
    if (streamId !== undefined) return all.find((stream) => stream.streamId === streamId);
    return all.length === 1 ? all[0] : undefined;
  }

  #cut(stream: ResponseStream, frame: InterruptFrame, fail: Fail): void {
    const { responses } = this.#options;
    const again = stream.isInterrupted && !stream.waitsForBorder;
    stream.served.record.cutBy = 'interrupt';
    stream.expectReceipt();
    // A repeat has the answer of the first.
    if (again) return;
    const { mode, keepThroughOffset } = this.#cutOf(stream, frame);
    stream.waitsForBorder = mode === 'at-item-boundary';
    this.#settle(responses.cut(stream.served, mode, keepThroughOffset), (refused) => {
      stream.forgetReceipt();
      fail(refused);
    });
  }

  async #redirectLong(order: RedirectOrder): Promise<void> {
    const { frame, create, fail } = order;
    try {
      const known = await counted(create);
      const stream = this.#running(frame);
      if (this.#options.isOver()) return;
      if (stream === undefined) this.#interruptElsewhere(frame, fail);
      else this.#redirect(stream, { ...order, create: known });
    } catch (error) {
      fail(refusalOf(error));
    }
  }

  #redirect(stream: ResponseStream, order: RedirectOrder): void {
    const { fail } = order;
    const apply = (target: ResponseStream): void => this.#applyRedirect(target, order);
    if (stream.following === undefined && !stream.isInterrupted) apply(stream);
    else if (stream.following === undefined) fail(NOT_ACTIVE);
    else if (stream.redirects.length + 1 >= PENDING_MAX) fail(TOO_MANY);
    else stream.redirects.push(apply);
  }

  #applyRedirect(stream: ResponseStream, { frame, create, continues, fail }: RedirectOrder): void {
    const { responses, caller } = this.#options;
    stream.served.record.cutBy = 'interrupt';
    stream.expectReceipt();
    const redirect = { ...this.#cutOf(stream, frame), create };
    const { successor, receipt } = responses.redirect(caller, stream.served, redirect);
    const following: Following = { served: successor, create, continues };
    stream.following = following;
    this.#settle(receipt, (refused) => {
      stream.forgetReceipt();
      if (stream.following === following) stream.following = undefined;
      fail(refused);
    });
  }

  /** A response that runs for another reader is cut as well: whoever has the key has the say. */
  #interruptElsewhere({ responseId, mode, keepThroughOffset }: InterruptFrame, fail: Fail): void {
    const { responses, caller, isPrewarm, write } = this.#options;
    const served = responseId === undefined ? undefined : found(() => responses.find(caller, responseId));
    if (responseId === undefined) fail(NOT_ACTIVE);
    else if (served === undefined) fail(NOT_FOUND);
    else if (served.record.ended !== undefined || isPrewarm(responseId)) fail(COMPLETED);
    else {
      const cutMode = mode === 'partial' ? 'discard-partial-items' : mode;
      this.#settle(responses.cut(served, cutMode, keepThroughOffset), fail, (ack) => {
        const sequence_number = sequenceNumber(ack.deliveredOffset, slot.delta);
        const told = { response_id: responseId, sequence_number, receipt: receiptObject(ack) };
        write(JSON.stringify({ type: 'response.interrupt.accepted', ...told }));
      });
    }
  }

  #cutOf(stream: ResponseStream, { mode, keepThroughOffset }: InterruptFrame): Cut {
    switch (mode) {
      case 'partial':
        if (this.#options.partialOnInterrupt === 'discard' || stream.openItem?.kind !== 'message') {
          return { mode: 'discard-partial-items' };
        }
        return { mode: 'keep-through-offset', keepThroughOffset: stream.border };
      case 'keep-through-offset':
        return { mode, keepThroughOffset: keepThroughOffset ?? stream.border };
      case 'keep-generated':
      case 'at-item-boundary':
        return { mode };
      default:
        return assertNever(mode);
    }
  }

  #steer(frame: SteerFrame, fail: Fail): void {
    const { streams, responses, caller, random, write } = this.#options;
    const { previousResponseId } = frame;
    const stream = streams.get(previousResponseId);
    if (stream === undefined) {
      fail(found(() => responses.find(caller, previousResponseId)) === undefined ? NOT_FOUND : COMPLETED);
      return;
    }
    if (stream.isInterrupted) {
      fail(NOT_ACTIVE);
      return;
    }
    if (stream.steers.length >= PENDING_MAX) {
      fail(TOO_MANY);
      return;
    }
    stream.steers.push(frame);
    const id = `steer_${base32(random.bytes(RANDOM_ID_BYTES))}`;
    const steer = { id, previous_response_id: previousResponseId };
    write(JSON.stringify({ type: 'response.steer.accepted', steer }));
    if (stream.steers.length > 1) return;
    stream.served.record.cutBy = 'steer';
    // An engine that cannot cut there lets the response end by itself; the steer follows either way.
    this.#settle(responses.cut(stream.served, 'at-item-boundary'), () => {});
  }
}

/** Calls of an answer whose results only the client can give. */
export function outstandingCalls({ items }: ResponseRecord): readonly { readonly call_id: string }[] {
  return items
    .filter(({ kind, discarded }) => isCall(kind) && !discarded)
    .map(({ callId, kind }) => ({
      type: kind === 'function-call' ? 'function_call_output' : 'custom_tool_call_output',
      call_id: callId,
    }));
}

export function steerPendingFrame(previousResponseId: string, calls: readonly object[]): string {
  const reason = 'waiting_for_required_input';
  const steer = { previous_response_id: previousResponseId };
  return JSON.stringify({ type: `${STEER}.pending`, steer, reason, required_input: calls });
}

const NOT_FOUND = controlWord('response_not_found', 'no response has this id');
const NOT_ACTIVE: ControlError = { code: 'response_not_active', message: 'no such response runs' };
const COMPLETED: ControlError = { code: 'response_already_completed', message: 'the response is over' };
const TOO_MANY: ControlError = {
  code: 'too_many_pending_steers',
  message: `at most ${PENDING_MAX} wait for one response`,
};
const UNSUPPORTED: ControlError = { code: 'interrupt_not_supported', message: 'the engine cannot cut this way' };

/** A name of the client's own, where it is short enough to be one. */
function echo(fields: Fields, name: string): object {
  const value = fields[name];
  return typeof value === 'string' && value.length <= NAME_MAX ? { [name]: value } : {};
}

function refusalIn({ outcome, code = 'internal' }: ControlAck): ControlError | undefined {
  if (outcome === 'refused') return { code, message: 'the control was refused' };
  if (outcome === 'not-found') return NOT_FOUND;
  if (outcome === 'stale') return COMPLETED;
  return outcome === 'unsupported' ? UNSUPPORTED : undefined;
}

/** Foreign and unknown ids are one. */
function found(find: () => ServedResponse): ServedResponse | undefined {
  try {
    return find();
  } catch (error) {
    if (isReticleError(error)) return undefined;
    throw error;
  }
}

function refusalOf(error: unknown): ControlError {
  if (!isReticleError(error)) throw error;
  return controlError(error);
}
