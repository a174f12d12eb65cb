/** JSON of Chat Completions (PROTOCOL §4.4). */
import type { Timing, TurnEnded } from '@reticle/services/session';
import { callObject } from './chat-tools.ts';
import { closedItems, itemText, reticleObject } from './response-object.ts';
import { tierWord, type ResponseProfile } from './response-profile.ts';
import { isCall, type ResponseRecord } from './response-record.ts';

/** Turns that answer one request, by the index of their choice. */
export type ChatAnswer = {
  readonly profile: ResponseProfile;
  readonly records: readonly ResponseRecord[];
};

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** The whole answer, once every turn has ended. */
export function chatCompletion({ profile, records }: ChatAnswer): object {
  return {
    ...chatHead({ profile, records }, 'chat.completion'),
    choices: records.map((record, index) => ({
      index,
      message: messageObject(record),
      logprobs: null,
      finish_reason: record.ended === undefined ? null : finishReason(record, record.ended),
    })),
    usage: chatUsage(records),
    reticle: chatReticle({ profile, records }, 0),
  };
}

/** What every object and chunk of an answer begins with. */
export function chatHead({ profile, records }: ChatAnswer, object: string): object {
  const started = records.find((record) => record.started !== undefined)?.started;
  return {
    id: chatId(profile),
    object,
    created: profile.createdAt,
    model: started?.model ?? profile.model,
    service_tier: started === undefined ? 'auto' : tierWord(started.servedTier),
  };
}

function chatId({ id }: ResponseProfile): string {
  return id.replace(/^resp_/, 'chatcmpl-');
}

/** Who served one choice, where and how. */
export function chatReticle({ profile, records }: ChatAnswer, choice: number): object {
  const record = records[choice];
  return record === undefined ? {} : reticleObject(profile, record);
}

function messageObject(record: ResponseRecord): object {
  const items = closedItems(record);
  const textOf = (kind: string): string =>
    items
      .filter((item) => item.kind === kind)
      .map(itemText)
      .join('');
  const calls = items.filter(({ kind }) => isCall(kind)).map((item) => callObject(item, itemText(item)));
  const reasoning = textOf('reasoning');
  const content = textOf('message');
  return {
    role: 'assistant',
    content: content === '' && calls.length > 0 ? null : content,
    refusal: null,
    ...(reasoning === '' ? {} : { reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/** A cut from outside the stream ends an answer as its own end would: Chat has no word for it. */
export function finishReason(record: ResponseRecord, { status, finishReason: reason }: TurnEnded): FinishReason {
  if (status === 'incomplete') return reason === 'content_filter' ? 'content_filter' : 'length';
  return closedItems(record).some(({ kind }) => isCall(kind)) ? 'tool_calls' : 'stop';
}

/** The prompt counts once, whatever the number of choices; their outputs add up. */
export function chatUsage(records: readonly ResponseRecord[]): object {
  const usages = records.flatMap(({ ended }) => (ended === undefined ? [] : [ended.usage]));
  const sum = (field: 'outputTokens' | 'reasoningTokens'): number =>
    usages.reduce((total, usage) => total + usage[field], 0);
  const [first] = usages;
  const promptTokens = first?.inputTokens ?? 0;
  const completionTokens = sum('outputTokens');
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: first?.cachedTokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: sum('reasoningTokens') },
  };
}

/** Seconds of the choice that took longest. */
export function timeInfo(records: readonly ResponseRecord[]): object {
  const timings = records.flatMap(({ ended }) => (ended === undefined ? [] : [ended.timing]));
  const totalMs = ({ queueMs, prefillMs, decodeMs }: Timing): number => queueMs + prefillMs + decodeMs;
  const [longest] = timings.toSorted((a, b) => totalMs(b) - totalMs(a));
  if (longest === undefined) return {};
  return {
    queue_time: longest.queueMs / 1_000,
    prompt_time: longest.prefillMs / 1_000,
    completion_time: longest.decodeMs / 1_000,
    total_time: totalMs(longest) / 1_000,
  };
}
