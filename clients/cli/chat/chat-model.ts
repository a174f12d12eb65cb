/**
 * The conversation at the keyboard as a value.
 *
 *     phase      Enter with text   Esc          Ctrl-C       turn over
 *     idle       → speaking, ask   clears line  armed        –
 *     speaking   redirect          → stopping   → stopping   → idle
 *     stopping   queued            –            exit 130     → idle, asks what was queued
 *
 * A second Ctrl-C without another key between exits 130, whatever the phase. Ctrl-D on an empty line exits 0.
 */
import { assertNever } from '@reticle/core/domain';
import { EMPTY_LINE, editLine, lineText, type Line } from './line-editor.ts';
import type { Key } from './keys.ts';

export type ChatModel = {
  readonly phase: 'idle' | 'speaking' | 'stopping';
  readonly line: Line;
  /** Ctrl-C was the last key. */
  readonly armed: boolean;
  /** Entered while a cut was under way. */
  readonly queued: string | undefined;
};

export type ChatEvent = { readonly kind: 'key'; readonly key: Key } | { readonly kind: 'turn-over' };

export type ChatEffect =
  | { readonly kind: 'ask'; readonly text: string }
  | { readonly kind: 'redirect'; readonly text: string }
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'exit'; readonly code: 0 | 130 };

export type ChatStep = { readonly model: ChatModel; readonly effects: readonly ChatEffect[] };

export const NEW_CHAT: ChatModel = { phase: 'idle', line: EMPTY_LINE, armed: false, queued: undefined };

export function stepChat(model: ChatModel, event: ChatEvent): ChatStep {
  if (event.kind === 'turn-over') return turnOver(model);
  const { key } = event;
  if (key.kind === 'interrupt') return interrupted(model);
  const calm = { ...model, armed: false };
  if (key.kind === 'enter') return entered(calm);
  if (key.kind === 'escape') return escaped(calm);
  if (key.kind === 'end-of-input') {
    return calm.line.points.length === 0 ? exit(calm, 0) : { model: calm, effects: [] };
  }
  return { model: { ...calm, line: editLine(calm.line, key) }, effects: [] };
}

function turnOver(model: ChatModel): ChatStep {
  const { queued } = model;
  if (queued === undefined) return { model: { ...model, phase: 'idle' }, effects: [] };
  return { model: { ...model, phase: 'speaking', queued: undefined }, effects: [{ kind: 'ask', text: queued }] };
}

function interrupted(model: ChatModel): ChatStep {
  if (model.armed || model.phase === 'stopping') return exit(model, 130);
  const armed = { ...model, armed: true };
  if (model.phase === 'speaking') return { model: { ...armed, phase: 'stopping' }, effects: [{ kind: 'interrupt' }] };
  return { model: { ...armed, line: EMPTY_LINE }, effects: [{ kind: 'say', text: 'Ctrl-C again to leave.' }] };
}

function entered(model: ChatModel): ChatStep {
  const text = lineText(model.line).trim();
  const empty = { ...model, line: EMPTY_LINE };
  if (text === '') return { model: empty, effects: [] };
  switch (model.phase) {
    case 'idle':
      return { model: { ...empty, phase: 'speaking' }, effects: [{ kind: 'ask', text }] };
    case 'speaking':
      return { model: empty, effects: [{ kind: 'redirect', text }] };
    case 'stopping':
      return { model: { ...empty, queued: text }, effects: [] };
    default:
      return assertNever(model.phase);
  }
}

function escaped(model: ChatModel): ChatStep {
  if (model.phase === 'speaking') return { model: { ...model, phase: 'stopping' }, effects: [{ kind: 'interrupt' }] };
  return { model: model.phase === 'idle' ? { ...model, line: EMPTY_LINE } : model, effects: [] };
}

function exit(model: ChatModel, code: 0 | 130): ChatStep {
  return { model, effects: [{ kind: 'exit', code }] };
}
