import { count } from '../figures.ts';

export type Progress = {
  readonly done: number;
  readonly total: number;
  readonly tokens: number;
  readonly elapsedMs: number;
};

const BAR = 24;

/** `[#####                   ]  42/200 · 12,345 tokens · 3.1 s` */
export function progressText({ done, total, tokens, elapsedMs }: Progress): string {
  const filled = total === 0 ? BAR : Math.floor((done / total) * BAR);
  const bar = '#'.repeat(filled).padEnd(BAR);
  return `[${bar}] ${done}/${total} · ${count(tokens)} tokens · ${(elapsedMs / 1_000).toFixed(1)} s`;
}
