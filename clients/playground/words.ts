/** What the page says in words. */
import type { Ending, PlaygroundState, Turn } from './playground-state.ts';

const whole = new Intl.NumberFormat('en');

export function count(value: number): string {
  return whole.format(Math.round(value));
}

/** Tokens per second behind the first that came, until the last; undefined where that is no time. */
export function meanRate({ offset, askedMs, firstTokenMs, firstTokens, lastTokenMs }: Turn): number | undefined {
  const spanMs = firstTokenMs === undefined ? 0 : lastTokenMs - askedMs - firstTokenMs;
  return spanMs > 0 ? ((offset - firstTokens) * 1_000) / spanMs : undefined;
}

/** How a turn ended. */
export function endingWords(turn: Turn): string {
  const { ending, receipt, offset, fault } = turn;
  if (ending === undefined) return '';
  if (ending === 'failed') return fault === '' ? 'The answer failed.' : fault;
  const mean = meanRate(turn);
  const speed = mean === undefined ? '' : ` at ${count(mean)} tokens/s`;
  if (receipt === undefined) return `${ENDINGS[ending]}: ${count(offset)} tokens${speed}.`;
  const { effective_offset: kept, generated_offset: generated, wasted_tokens: wasted } = receipt;
  return `${ENDINGS[ending]} at token ${count(kept)}: ${count(generated)} generated, ${count(wasted)} discarded.`;
}

const ENDINGS: Readonly<Record<Exclude<Ending, 'failed'>, string>> = {
  completed: 'Complete',
  stopped: 'Cut',
  redirected: 'Redirected',
  length: 'Ended at its length',
};

/** One sentence for who cannot see the page: it changes a few times per turn, never per token. */
export function statusWords({ link, notice, turns }: PlaygroundState): string {
  if (link !== 'open') return notice;
  const turn = turns.findLast(({ id, ending }) => id !== undefined || ending !== undefined);
  if (turn === undefined) return notice;
  if (turn.ending !== undefined) return endingWords(turn);
  const mark = turn.marks.at(-1);
  return mark === undefined ? 'Answering.' : `Resumed at token ${count(mark.offset)}.`;
}
