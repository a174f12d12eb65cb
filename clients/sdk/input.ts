import { assert, ReticleError } from '@reticle/core/domain';
import type { Role } from '@reticle/core/domain/tokens';
import type { InputItem__Input } from '@reticle/proto/gen/session/v1/InputItem';

/** One piece of input: a user message, a message of some role, or token ids of the model's own vocabulary. */
export type InputPiece =
  | string
  | { readonly role: Role; readonly content: string }
  | { readonly tokens: readonly number[] };

/** What a turn or a prefix appends to the context. */
export type Input = InputPiece | readonly InputPiece[];

/** The wire's items. Throws `invalid_request` for a shape that is none of `Input`'s. */
export function inputItems(input: Input): InputItem__Input[] {
  const pieces = isList(input) ? input : [input];
  return pieces.map(inputItem);
}

function inputItem(piece: InputPiece, index: number): InputItem__Input {
  if (typeof piece === 'string') return { itemJson: message('user', piece) };
  if (typeof piece === 'object' && piece !== null && 'tokens' in piece && Array.isArray(piece.tokens)) {
    return { tokens: { tokenIds: [...(piece.tokens as readonly number[])] } };
  }
  if (typeof piece === 'object' && piece !== null && 'role' in piece && typeof piece.content === 'string') {
    return { itemJson: message(piece.role, piece.content) };
  }
  throw new ReticleError('invalid_request', 'input is a text, { role, content } or { tokens }', {
    param: `input[${index}]`,
  });
}

function message(role: Role, content: string): string {
  const json = JSON.stringify({ type: 'message', role, content });
  assert(json !== undefined, 'a message is JSON');
  return json;
}

function isList(input: Input): input is readonly InputPiece[] {
  return Array.isArray(input);
}
