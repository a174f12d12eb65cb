export { tokeniseInput } from './input.ts';
export type { InputPiece, TokenisedInput, TokeniseInputOptions } from './input.ts';
export { parseItem, roles } from './item.ts';
export type { MessageItem, Role } from './item.ts';
export { renderItems, renderTurnInput } from './template.ts';
export type { TurnInput } from './template.ts';
export { countTokens, fnv1a, FNV_BASIS, TOKEN_BYTES_MAX, tokenise, tokeniseBytes } from './tokeniser.ts';
export type { Tokens } from './tokeniser.ts';
export { encodeUtf8 } from './utf8.ts';
