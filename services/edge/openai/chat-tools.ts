/** Tools on the Chat surface: every mapping of them, both ways. */
import { ReticleError } from '@reticle/core/domain';
import type { Fields } from './json-fields.ts';
import type { OutputItem } from './response-record.ts';

/** Fields of the body; `functions` and `function_call` are the older form. */
const TOOL_FIELDS = ['tools', 'tool_choice', 'functions', 'function_call'] as const;
const TOOL_MESSAGE_FIELDS = ['tool_calls', 'function_call', 'tool_call_id'] as const;

/**
 * Tools cannot be declared, and an empty list declares none.
 *
 * @throws ReticleError `unknown_parameter`
 */
export function refuseTools(fields: Fields): void {
  const set = TOOL_FIELDS.find((name) => !isNothing(fields[name]) && fields[name] !== 'none');
  if (set !== undefined) throw unsupported(set);
}

/** @throws ReticleError `unknown_parameter` for a message that is a call or its output */
export function refuseToolMessage(message: Fields, param: string): void {
  if (message['role'] === 'tool' || message['role'] === 'function') throw unsupported(`${param}.role`);
  const set = TOOL_MESSAGE_FIELDS.find((name) => !isNothing(message[name]));
  if (set !== undefined) throw unsupported(`${param}.${set}`);
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function unsupported(param: string): ReticleError {
  return new ReticleError('unknown_parameter', 'tools are not supported on this surface', { param });
}

/** The first delta of a call: its name, and no arguments yet. */
export function callStart({ callId, toolName, kind }: OutputItem, index: number): object {
  if (kind === 'custom-tool-call')
    return { tool_calls: [{ index, id: callId, type: 'custom', custom: { name: toolName, input: '' } }] };
  return { tool_calls: [{ index, id: callId, type: 'function', function: { name: toolName, arguments: '' } }] };
}

/** A delta with more of a call's text. */
export function callText({ kind }: OutputItem, index: number, text: string): object {
  const more = kind === 'custom-tool-call' ? { custom: { input: text } } : { function: { arguments: text } };
  return { tool_calls: [{ index, ...more }] };
}

/** A whole call, as a message has it. */
export function callObject({ callId, toolName, kind }: OutputItem, text: string): object {
  if (kind === 'custom-tool-call') return { id: callId, type: 'custom', custom: { name: toolName, input: text } };
  return { id: callId, type: 'function', function: { name: toolName, arguments: text } };
}
