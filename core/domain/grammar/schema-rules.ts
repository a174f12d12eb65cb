/**
 * {@link SchemaNode} → {@link Rule}s. Every text of the rules is valid against the schema, and every text is finite:
 * schemas hold no cycle, and what a schema leaves open (strings, arrays) is bounded here.
 */
import { ReticleError } from '../reticle-error.ts';
import { firstMove, opening, Rule, textRule, tokensOf, type Move } from './rule.ts';
import type { SchemaNode, SchemaProperty } from './schema-node.ts';
import { stringRule } from './string-rule.ts';

/** Tokens of the shortest value of any part of a schema: what demands more is refused. */
const SHORTEST_TOKENS_MAX = 2_048;
/** Items of an array past the fewest that are allowed. */
const EXTRA_ITEMS = 3;

const wholes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '12', '24', '60', '128', '404', '1024'] as const;
const fractions = ['5', '25', '75', '125', '0625'] as const;

/** @throws ReticleError `schema_too_complex` for a schema whose shortest text is too long */
export function schemaRules(root: SchemaNode, param: string): Rule {
  return new SchemaRules(param).rule(root);
}

class SchemaRules {
  readonly #param: string;
  readonly #rules = new Map<SchemaNode, Rule>();

  constructor(param: string) {
    this.#param = param;
  }

  /** One rule per node, however often it is shared. */
  rule(node: SchemaNode): Rule {
    const known = this.#rules.get(node);
    if (known !== undefined) return known;
    const rule = this.#make(node);
    if (rule.minTokens > SHORTEST_TOKENS_MAX) {
      throw new ReticleError('schema_too_complex', 'the shortest text of the schema is too long', {
        param: this.#param,
        details: { limit: String(SHORTEST_TOKENS_MAX) },
      });
    }
    this.#rules.set(node, rule);
    return rule;
  }

  #make(node: SchemaNode): Rule {
    switch (node.kind) {
      case 'literal':
        return oneOf(node.texts.map(textRule));
      case 'string':
        return stringRule(node.min, node.max);
      case 'integer':
        return integer;
      case 'number':
        return number;
      case 'array':
        return arrayRule(this.rule(node.items), node.min, Math.min(node.max, node.min + EXTRA_ITEMS));
      case 'object':
        return objectRule(node.properties.map((property) => this.#entry(property)));
      case 'any-of':
        return oneOf(node.nodes.map((each) => this.rule(each)));
    }
  }

  #entry({ name, node, required }: SchemaProperty): Entry {
    return { name: textRule(`${JSON.stringify(name)}:`), value: this.rule(node), required };
  }
}

function oneOf(rules: readonly Rule[]): Rule {
  const tokens = rules.reduce((least, { minTokens }) => Math.min(least, minTokens), Infinity);
  return new Rule(tokens, () => rules.flatMap(({ moves }) => moves));
}

const integer = signed(textRule);
const fraction = oneOf(fractions.map(textRule));
const number = signed((whole) => new Rule(3, () => [opening(`${whole}.`, [fraction])]));

/** A number with or without a sign; none is -0. */
function signed(number: (whole: string) => Rule): Rule {
  const numbers = wholes.map(number);
  const positive = oneOf(numbers.slice(1));
  return oneOf([...numbers, new Rule(1 + positive.minTokens, () => [opening('-', [positive])])]);
}

function arrayRule(item: Rule, min: number, max: number): Rule {
  const items = (from: number): Rule => {
    const missing = Math.max(0, min - from);
    const commas = from === 0 ? Math.max(0, missing - 1) : missing;
    return new Rule(1 + missing * item.minTokens + commas, () => [
      ...(from >= min ? [opening(']', [])] : []),
      ...(from < max ? nextItem(item, from, items) : []),
    ]);
  };
  const first = items(0);
  return new Rule(1 + first.minTokens, () => [opening('[', [first])]);
}

function nextItem(item: Rule, from: number, items: (from: number) => Rule): readonly Move[] {
  const rest = items(from + 1);
  if (from > 0) return [opening(',', [item, rest])];
  return item.moves.map(({ piece, next }) => ({ piece, next: [...next, rest] }));
}

/** A property: its name and the colon, then its value. */
type Entry = { readonly name: Rule; readonly value: Rule; readonly required: boolean };

function objectRule(entries: readonly Entry[]): Rule {
  /** Tokens that are demanded from each index on: members with the comma before each, and the closing brace. */
  const demanded = [1];
  for (const { name, value, required } of entries.toReversed()) {
    demanded.unshift((demanded[0] ?? 1) + (required ? 1 + tokensOf([name, value]) : 0));
  }
  /** The members from index `from` on, and the closing brace. */
  const members = (from: number, isFirst: boolean): Rule => {
    const tokens = demanded[from] ?? 1;
    return new Rule(isFirst && tokens > 1 ? tokens - 1 : tokens, () =>
      nextMembers(entries, from, (index, { name, value }) => {
        const rest = members(index + 1, false);
        return isFirst ? firstMove(name, [value, rest]) : opening(',', [name, value, rest]);
      }),
    );
  };
  const first = members(0, true);
  return new Rule(1 + first.minTokens, () => [opening('{', [first])]);
}

/** What may come at a member's place: each property up to the next required one, and the end where none is left. */
function nextMembers(
  entries: readonly Entry[],
  from: number,
  move: (index: number, entry: Entry) => Move,
): readonly Move[] {
  const moves: Move[] = [];
  for (let index = from; index < entries.length; index += 1) {
    const entry = entries[index] as Entry;
    moves.push(move(index, entry));
    if (entry.required) return moves;
  }
  return [...moves, opening('}', [])];
}
