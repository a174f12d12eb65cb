import { count, span } from './figures.ts';
import type { TurnMeter } from './turn-meter.ts';

/** `240 tokens · 1,930 tokens/s · first token after 12 ms`, as far as it is known. */
export function speedLine({ tokens, tokensPerSecond, firstTokenMs }: TurnMeter): string {
  const parts = [`${count(tokens)} tokens`];
  if (tokensPerSecond !== undefined) parts.push(`${count(tokensPerSecond)} tokens/s`);
  if (firstTokenMs !== undefined) parts.push(`first token after ${span(firstTokenMs)}`);
  return parts.join(' · ');
}
