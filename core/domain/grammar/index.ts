export { GrammarWalk } from './grammar.ts';
export type { Grammar } from './grammar.ts';
export type { Move, Rule } from './rule.ts';
export { parseTextFormat } from './text-format.ts';
