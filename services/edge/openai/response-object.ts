/** The `response` object of PROTOCOL §4.2 and the JSON of its items. */
import { errorRegistry } from '@reticle/proto/contract';
import type { TurnEnded, TurnError, Usage } from '@reticle/services/session';
import { stopCode } from './dialect.ts';
import { requestParam } from './json-fields.ts';
import { tierWord, type ResponseProfile } from './response-profile.ts';
import type { OutputItem, ResponseRecord } from './response-record.ts';

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled';

/**
 * The whole object as it stands. `output` has what is closed: open items are told by their own events.
 *
 * @param over the end that is told, where it is not the record's
 */
export function responseObject(
  profile: ResponseProfile,
  record: ResponseRecord,
  status: ResponseStatus,
  over: TurnEnded | undefined = record.ended,
): object {
  const { started } = record;
  // A replay tells `created` of a turn that has long ended.
  const ended = status === 'queued' || status === 'in_progress' ? undefined : over;
  return {
    id: profile.id,
    object: 'response',
    created_at: profile.createdAt,
    status,
    model: started?.model ?? profile.model,
    service_tier: started === undefined ? 'auto' : tierWord(started.servedTier),
    store: false,
    truncation: 'disabled',
    previous_response_id: profile.previousResponseId ?? null,
    ...requestEcho(profile),
    ...(ended === undefined ? RUNNING : endObject(profile, record, ended)),
    reticle: reticleObject(profile, record, over),
  };
}

/** What the request set, or its default. */
function requestEcho(profile: ResponseProfile): object {
  return {
    background: profile.background,
    max_output_tokens: profile.maxOutputTokens ?? null,
    metadata: profile.metadata,
    parallel_tool_calls: profile.parallelToolCalls,
    reasoning: profile.reasoning ?? { effort: null, summary: null },
    temperature: profile.temperature ?? null,
    text: profile.text ?? { format: { type: 'text' } },
    tool_choice: profile.toolChoice ?? 'auto',
    top_p: profile.topP ?? null,
  };
}

/** Long echoes stand in the terminal only (§4.1a). */
const RUNNING = { error: null, incomplete_details: null, instructions: null, output: [], tools: [], usage: null };

function endObject(profile: ResponseProfile, record: ResponseRecord, ended: TurnEnded): object {
  return {
    error: ended.error === undefined ? null : responseError(profile, ended.error),
    incomplete_details: terminalStatus(ended) === 'incomplete' ? { reason: incompleteReason(record, ended) } : null,
    instructions: profile.instructions ?? null,
    output: closedItems(record).map((item) => itemObject(item, 'completed')),
    tools: profile.tools,
    usage: usageObject(ended.usage),
  };
}

export function terminalStatus({ status }: TurnEnded): Extract<ResponseStatus, 'completed' | 'incomplete' | 'failed'> {
  if (status === 'completed') return 'completed';
  return status === 'failed' ? 'failed' : 'incomplete';
}

/** Items that are part of the answer. */
export function closedItems(record: ResponseRecord): readonly OutputItem[] {
  return record.items.filter(({ closedAt, discarded }) => closedAt !== undefined && !discarded);
}

export function itemText({ text }: OutputItem): string {
  return text.slice(0, text.border(text.bytes));
}

/** An item as `output_item.added` (empty) and `.done` have it. */
export function itemObject(item: OutputItem, status: 'in_progress' | 'completed'): object {
  const { id, callId, toolName } = item;
  const text = status === 'completed' ? itemText(item) : '';
  switch (item.kind) {
    case 'message':
      return {
        id,
        type: 'message',
        status,
        role: 'assistant',
        content: status === 'completed' ? [partObject(item, text)] : [],
      };
    case 'reasoning': {
      const content = status === 'completed' ? [partObject(item, text)] : [];
      return { id, type: 'reasoning', status, summary: [], content, encrypted_content: null };
    }
    case 'function-call':
      return { id, type: 'function_call', status, call_id: callId, name: toolName, arguments: text };
    case 'custom-tool-call':
      return { id, type: 'custom_tool_call', status, call_id: callId, name: toolName, input: text };
  }
}

/** The one content part of a message or of reasoning. */
export function partObject({ kind }: OutputItem, text: string): object {
  if (kind === 'reasoning') return { type: 'reasoning_text', text };
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

export function usageObject(usage: Usage): object {
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: {
      cached_tokens: usage.cachedTokens,
      cache_write_tokens: usage.inputTokens - usage.cachedTokens,
    },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}

function responseError({ dialect }: ResponseProfile, { code, message }: TurnError): object {
  return { code: stopCode(dialect, code) ?? errorRegistry[code].alias ?? code, message };
}

function incompleteReason({ cutBy }: ResponseRecord, { status, finishReason }: TurnEnded): string {
  if (status === 'interrupted' || status === 'redirected') return cutBy === 'steer' ? 'steered' : 'interrupted';
  return finishReason === 'content_filter' ? 'content_filter' : 'max_output_tokens';
}

/** What OpenAI's objects have no place for: who served, where, how, and what a cut came to. */
export function reticleObject(
  profile: ResponseProfile,
  record: ResponseRecord,
  ended: TurnEnded | undefined = record.ended,
): object {
  const { started, receipt } = record;
  return {
    session_id: profile.sessionId,
    ...(started === undefined
      ? {}
      : {
          epoch: ended?.epoch ?? started.epoch,
          requested_tier: started.requestedTier,
          served_tier: started.servedTier,
          reason: started.reason,
          region: started.region,
          model_digest: started.modelDigest,
          replica: started.replica,
          resume_token: started.resumeToken,
        }),
    ...(receipt === undefined ? {} : { receipt: receiptObject(receipt) }),
    ...(ended?.error === undefined ? {} : { error: turnErrorObject(ended.error) }),
    ...(profile.ignored.length === 0 ? {} : { ignored: profile.ignored }),
    ...(profile.defaults.length === 0 ? {} : { defaults: profile.defaults }),
  };
}

/** The receipt of a control (R2), in the words of the wire. */
export function receiptObject(receipt: NonNullable<ResponseRecord['receipt']>): object {
  return {
    effective_offset: receipt.effectiveOffset,
    generated_offset: receipt.generatedOffset,
    delivered_offset: receipt.deliveredOffset,
    wasted_tokens: receipt.wastedTokens,
    kv_action: receipt.kvAction,
    kv_kept_tokens: receipt.kvKeptTokens,
  };
}

function turnErrorObject({ code, message, param, retryDelayMs, details }: TurnError): object {
  return {
    code,
    message,
    param: param === '' ? null : requestParam(param),
    retry_after_ms: retryDelayMs ?? null,
    ...details,
  };
}
