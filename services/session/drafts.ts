/**
 * Drafts: a message that is still being typed (PROTOCOL §1.2), buffered at the gateway. Prefill of drafts
 * is not part of this; `DraftState.prefilledTokens` is always 0.
 */
import { limits, type ErrorCode } from '@reticle/proto/contract';
import { encodeUtf8 } from '@reticle/core/domain/tokens';
import type { Draft, ServerEvent, StartTurn, TurnInput } from './commands.ts';

/** Drafts kept per session; the least recently touched one makes room. */
const DRAFTS_MAX = 8;
/** A draft that nobody touches is wiped (PROTOCOL §1.2). */
const DRAFT_TTL_MS = 60_000;

export type DraftBuffer = {
  readonly revision: number;
  readonly prefix: readonly TurnInput[];
  readonly text: string;
  readonly bytes: number;
  readonly touchedMs: number;
};

/** Stands for a draft that nobody has begun; no edit has revision 0. */
const EMPTY: DraftBuffer = { revision: 0, prefix: [], text: '', bytes: 0, touchedMs: 0 };

export type Drafts = ReadonlyMap<string, DraftBuffer>;
type DraftState = Extract<ServerEvent, { kind: 'draft-state' }>;

/** Applies one edit; `state` is undefined for a repeat, which is ignored. */
export function editDraft(
  drafts: Drafts,
  edit: Draft,
  nowMs: number,
): { drafts: Drafts; state: DraftState | undefined } {
  const fresh = sweep(drafts, nowMs);
  const held = fresh.get(edit.draftId) ?? EMPTY;
  if (edit.discard) return { drafts: without(fresh, edit.draftId), state: draftState(edit, 0, '') };
  if (held !== EMPTY && edit.revision === held.revision) return { drafts: fresh, state: undefined };
  const next = applyEdit(held, edit, nowMs);
  if (typeof next === 'string') return { drafts: fresh, state: draftState(edit, held.bytes, next) };
  const stored = new Map(without(fresh, edit.draftId)).set(edit.draftId, next);
  return { drafts: bounded(stored), state: draftState(edit, next.bytes, '') };
}

/** The draft after an edit, or why it is refused. */
function applyEdit(held: DraftBuffer, edit: Draft, nowMs: number): DraftBuffer | ErrorCode {
  const refusal = refusedEdit(held, edit);
  if (refusal !== undefined) return refusal;
  const before = edit.revision === 1 ? EMPTY : held;
  const kept = keepBytes(before.text, edit.keepBytes);
  if (kept === undefined) return 'invalid_request';
  const text = kept + edit.append;
  const bytes = encodeUtf8(text).length;
  if (bytes > limits.draftBytesMax) return 'request_too_large';
  const prefix = edit.revision === 1 ? edit.prefix : held.prefix;
  return { revision: edit.revision, prefix, text, bytes, touchedMs: nowMs };
}

function refusedEdit(held: DraftBuffer, edit: Draft): ErrorCode | undefined {
  if (edit.revision === 1) return edit.keepBytes === 0 ? undefined : 'invalid_request';
  if (held.revision === 0 || edit.revision !== held.revision + 1) return 'draft_not_found';
  return edit.prefix.length === 0 ? undefined : 'invalid_request';
}

/** The input of a turn that submits a draft: its prefix, the typed message, then the turn's own items. */
export function submitDraft(
  drafts: Drafts,
  start: StartTurn,
  nowMs: number,
): { input: readonly TurnInput[]; drafts: Drafts } | undefined {
  if (start.draft === undefined) return { input: start.input, drafts };
  const fresh = sweep(drafts, nowMs);
  const held = fresh.get(start.draft.draftId);
  if (held === undefined || held.revision !== start.draft.revision) return undefined;
  const message: TurnInput = {
    kind: 'item',
    json: JSON.stringify({ type: 'message', role: 'user', content: held.text }),
  };
  return { input: [...held.prefix, message, ...start.input], drafts: without(fresh, start.draft.draftId) };
}

function draftState(edit: Draft, stableBytes: number, code: string): DraftState {
  return { kind: 'draft-state', draftId: edit.draftId, revision: edit.revision, prefilledTokens: 0, stableBytes, code };
}

/** The first `bytes` bytes of a text, or undefined when that is no border of a code point of it. */
function keepBytes(text: string, bytes: number): string | undefined {
  let size = 0;
  let at = 0;
  while (size < bytes && at < text.length) {
    const point = text.codePointAt(at) ?? 0;
    size += utf8Size(point);
    at += point > 0xffff ? 2 : 1;
  }
  return size === bytes ? text.slice(0, at) : undefined;
}

function utf8Size(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}

function sweep(drafts: Drafts, nowMs: number): Drafts {
  return new Map([...drafts].filter(([, draft]) => nowMs - draft.touchedMs < DRAFT_TTL_MS));
}

function without(drafts: Drafts, draftId: string): Drafts {
  return new Map([...drafts].filter(([id]) => id !== draftId));
}

function bounded(drafts: Map<string, DraftBuffer>): Drafts {
  for (const oldest of drafts.keys()) {
    if (drafts.size <= DRAFTS_MAX) break;
    drafts.delete(oldest);
  }
  return drafts;
}
