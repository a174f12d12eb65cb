/** What a client says over a WebSocket → values (PROTOCOL §4.3). */
import { ReticleError } from '@reticle/core/domain';
import type { CutMode, ItemInput } from '@reticle/services/session';
import type { CreateResponse } from '../openai/create-response.ts';
import { itemInput } from '../openai/decode-input.ts';
import { decodeResponse } from '../openai/decode-response.ts';
import {
  integerIn,
  invalid,
  isFields,
  list,
  object,
  parseBody,
  parseLargeBody,
  requiredText,
  text,
  type Fields,
} from '../openai/json-fields.ts';
import { offsetOfSequence } from '../openai/sequence-number.ts';

/** One message; `type` is undefined when it names none. */
export type ClientFrame = { readonly type: string | undefined; readonly fields: Fields };

export type CreateFrame = {
  readonly create: CreateResponse;
  readonly streamId: string | undefined;
  /** What the client that leaves wants of the running turn; undefined: as its connection says. */
  readonly continues: boolean | undefined;
  /** Size of the message. */
  readonly bytes: number;
};

export type InterruptFrame = {
  /** Undefined: what runs. */
  readonly responseId: string | undefined;
  /** Where it runs, when the response is not named. */
  readonly streamId: string | undefined;
  /** `partial`: as the tenant keeps partial answers (§5.3). */
  readonly mode: 'partial' | Exclude<CutMode, 'discard-partial-items'>;
  readonly keepThroughOffset: number | undefined;
  readonly successor: Fields | undefined;
};

export type SteerFrame = {
  readonly previousResponseId: string;
  /** User messages, in order. */
  readonly items: readonly ItemInput[];
  /** As it came: a steer that fails gives it back. */
  readonly input: unknown;
};

export type ResumeFrame = {
  readonly responseId: string;
  /** Sequence number of the last event that the client has; undefined: it has none. */
  readonly startingAfter: number | undefined;
  /** The newest of the session that the client has. */
  readonly resumeToken: string | undefined;
  readonly streamId: string | undefined;
};

const STREAM_ID = /^[A-Za-z0-9_.-]{1,256}$/;
const OFFSET_MAX = 2 ** 32 - 1;
const SEQUENCE_MAX = Number.MAX_SAFE_INTEGER;

/** @throws ReticleError as {@link parseBody} */
export function readFrame(message: string): ClientFrame {
  if (message.trim() === '') throw new ReticleError('invalid_json', 'the message is empty');
  return frameOf(parseBody(message));
}

/** As {@link readFrame}, for a long message, in steps. */
export async function readLongFrame(message: string): Promise<ClientFrame> {
  return frameOf(await parseLargeBody(message));
}

function frameOf(fields: Fields): ClientFrame {
  const { type } = fields;
  return { type: typeof type === 'string' && type !== '' ? type : undefined, fields };
}

/** @throws ReticleError for a value outside its alphabet */
export function streamIdOf(fields: Fields): string | undefined {
  const streamId = text(fields, 'stream_id');
  if (streamId !== undefined && !STREAM_ID.test(streamId)) {
    throw invalid('1 to 256 letters, digits, dots, dashes or underscores', 'stream_id');
  }
  return streamId;
}

/** @throws ReticleError naming the first field that is wrong */
export function decodeCreate(fields: Fields, bytes: number): CreateFrame {
  if (fields['draft'] !== undefined && fields['draft'] !== null) {
    throw new ReticleError('unknown_parameter', 'the parameter is not supported', { param: 'draft' });
  }
  const create = decodeResponse(fields);
  if (create.background) throw invalid('responses of a WebSocket do not run in the background', 'background');
  const isPrewarm = object(fields, 'prompt_cache_options')?.['prewarm'] === true;
  return {
    create: { ...create, stream: true, generate: create.generate && !isPrewarm },
    streamId: streamIdOf(fields),
    continues: continuesOf(fields),
    bytes,
  };
}

function continuesOf(fields: Fields): boolean | undefined {
  const word = text(object(fields, 'reticle') ?? {}, 'on_disconnect');
  if (word === undefined) return undefined;
  if (word !== 'continue' && word !== 'cut') throw invalid('"continue" or "cut"', 'reticle.on_disconnect');
  return word === 'continue';
}

const MODES: Readonly<Record<string, InterruptFrame['mode']>> = {
  discard_partial_items: 'partial',
  keep_through_offset: 'keep-through-offset',
  keep_generated: 'keep-generated',
  at_item_boundary: 'at-item-boundary',
};

/** @throws ReticleError; `interrupt_not_supported` for a mode that there is not */
export function decodeInterrupt(fields: Fields): InterruptFrame {
  const word = text(fields, 'mode') ?? 'discard_partial_items';
  const mode = Object.hasOwn(MODES, word) ? MODES[word] : undefined;
  if (mode === undefined) throw new ReticleError('interrupt_not_supported', 'the mode is not known', { param: 'mode' });
  const sequence = integerIn(fields, 'keep_through_sequence', { min: 0, max: SEQUENCE_MAX });
  const offset = integerIn(fields, 'keep_through_offset', { min: 0, max: OFFSET_MAX });
  return {
    responseId: text(fields, 'response_id'),
    streamId: streamIdOf(fields),
    mode,
    keepThroughOffset: offset ?? (sequence === undefined ? undefined : offsetOfSequence(sequence)),
    successor: object(fields, 'successor'),
  };
}

/**
 * A successor is a `response.create` body that need not repeat what it follows.
 *
 * @throws ReticleError naming the first field that is wrong
 */
export function decodeSuccessor(fields: Fields, follows: { readonly id: string; readonly model: string }): CreateFrame {
  const frame = decodeCreate({ ...fields, model: fields['model'] ?? follows.model }, 0);
  const { previousResponseId = follows.id, generate } = frame.create;
  if (previousResponseId !== follows.id) throw invalid('the response that is cut', 'successor.previous_response_id');
  if (!generate) throw invalid('a successor generates', 'successor.generate');
  return frame;
}

/** @throws ReticleError naming the first field that is wrong */
export function decodeResume(fields: Fields): ResumeFrame {
  return {
    responseId: requiredText(fields, 'response_id'),
    startingAfter: integerIn(fields, 'starting_after', { min: 0, max: SEQUENCE_MAX }),
    resumeToken: text(fields, 'resume_token'),
    streamId: streamIdOf(fields),
  };
}

/** @throws ReticleError naming the first field that is wrong */
export function decodeSteer(fields: Fields): SteerFrame {
  const previousResponseId = requiredText(fields, 'previous_response_id');
  const { input } = fields;
  if (typeof input === 'string' && input !== '' && input.isWellFormed()) {
    return { previousResponseId, input, items: [itemInput({ type: 'message', role: 'user', content: input })] };
  }
  const items = list(fields, 'input') ?? [];
  if (items.length === 0) throw invalid('at least one user message', 'input');
  return { previousResponseId, input, items: items.map((item, index) => userMessage(item, `input[${index}]`)) };
}

function userMessage(item: unknown, param: string): ItemInput {
  const isMessage = isFields(item) && (item['type'] ?? 'message') === 'message' && item['role'] === 'user';
  if (!isMessage) throw invalid('a steer carries user messages only', param);
  return itemInput({ type: 'message', ...item });
}
