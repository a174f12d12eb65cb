export { GrammarWalk } from './grammar.ts';
export type { Grammar } from './grammar.ts';
export type { Move, Rule } from './rule.ts';
export { parseTextFormat, schemaGrammar } from './text-format.ts';
