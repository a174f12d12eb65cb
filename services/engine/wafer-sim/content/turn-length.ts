import type { OracleKey } from './oracle-key.ts';
import type { TokenMode } from './turn-content.ts';

/** `natural`: as long as an answer tends to be. `max`: exactly as long as allowed. */
export type LengthMode = 'natural' | 'max';

/** Sixteen equally likely answer lengths in tokens: log-normal, P50 213, σ 1.2 (WAFER §6.2, assumption). */
const naturalTokens = [23, 44, 63, 84, 106, 131, 160, 194, 234, 283, 345, 427, 541, 716, 1036, 1991] as const;

/** Length of a code turn without a limit of its own: some four seconds, so that a person can interrupt. */
export const CODE_TOKENS_UNLIMITED = 8192;

export type TurnLengthOptions = {
  readonly mode: TokenMode;
  readonly length: LengthMode;
  readonly key: OracleKey;
  /** Tokens the turn may generate: the client's limit, or what the context and the engine leave. */
  readonly maxOutputTokens: number;
  /** Whether `maxOutputTokens` is the client's own limit. */
  readonly limited: boolean;
};

/** Tokens that a turn generates when nobody cuts it. */
export function turnLength({ mode, length, key, maxOutputTokens, limited }: TurnLengthOptions): number {
  if (mode === 'code' && !limited) return Math.min(maxOutputTokens, CODE_TOKENS_UNLIMITED);
  if (length === 'max') return maxOutputTokens;
  return Math.min(maxOutputTokens, naturalTokens[key.lengthByte >> 4] ?? 0);
}
