import { assert } from '@reticle/core/domain';
import { isRecord, refusals } from './decode.ts';
import type { Problem, Segments } from './problem.ts';
import { identityOf, sameValue } from './same-value.ts';
import { updateRule, withRules, type Finding, type Presence, type Schema, type SchemaNode } from './schema.ts';

/**
 * What the rules on writes refuse: of a change when `oldSelf` is the decoded value before, of a creation when it is
 * undefined. Rules on states alone ran when the values were decoded.
 */
export function refuseWrite<T>(
  schema: Schema<T>,
  self: T,
  oldSelf: T | undefined,
  at: Segments = [],
): readonly Problem[] {
  const problems: Problem[] = [];
  walk(schema.node, { self, oldSelf, at }, problems);
  return problems;
}

type Pair = { readonly self: unknown; readonly oldSelf: unknown; readonly at: Segments };

function walk(node: SchemaNode, pair: Pair, problems: Problem[]): void {
  for (const rule of node.rules) {
    if (rule.on === 'write' || (rule.on === 'update' && pair.oldSelf !== undefined)) {
      problems.push(...refusals(rule, pair.at, rule.twin(pair.self, pair.oldSelf)));
    }
  }
  for (const [child, below] of childPairs(node, pair)) walk(child, below, problems);
}

function childPairs(node: SchemaNode, { self, oldSelf, at }: Pair): readonly (readonly [SchemaNode, Pair])[] {
  if (node.kind === 'object' && isRecord(self)) {
    const old = isRecord(oldSelf) ? oldSelf : {};
    return Object.entries(node.fields).flatMap(([name, field]) =>
      self[name] === undefined
        ? []
        : [[field.node, { self: self[name], oldSelf: old[name], at: [...at, name] }] as const],
    );
  }
  if (node.kind !== 'list' || node.listType !== 'map' || !Array.isArray(self)) return [];
  // Items of other lists have no identity: the API server compares nothing below them.
  const old = new Map((Array.isArray(oldSelf) ? oldSelf : []).map((item) => [identityOf(node, item), item]));
  return self.map((item: unknown, index) => [
    node.item.node,
    { self: item, oldSelf: old.get(identityOf(node, item)), at: [...at, index] },
  ]);
}

/** Makes fields of an object immutable by one rule; `wayOut` says what to do instead. */
export function withFrozen<T, P extends Presence>(
  schema: Schema<T, P>,
  id: string,
  names: readonly (keyof NoInfer<T> & string)[],
  wayOut: string,
): Schema<T, P> {
  const { node } = schema;
  assert(node.kind === 'object', 'only fields of an object can be frozen');
  const fields = names.map((name) => {
    const field = node.fields[name];
    assert(field !== undefined, 'a frozen field is a field of the object');
    const same = `self.${name} == oldSelf.${name}`;
    const optional = `has(self.${name}) == has(oldSelf.${name}) && (!has(self.${name}) || ${same})`;
    return { name, node: field.node, cel: field.presence === 'optional' ? optional : same };
  });
  const listed = names.join(', ');
  const message = `${listed} ${names.length === 1 ? 'is' : 'are'} immutable (${wayOut})`;
  const cel = fields.map((field) => field.cel).join(' && ');
  return withRules(
    schema,
    updateRule<T>(id, cel, message, (self, oldSelf) =>
      fields.flatMap(({ name, node: field }): Finding[] =>
        sameValue(field, self[name], oldSelf[name]) ? [] : [{ at: [name], message: `is immutable (${wayOut})` }],
      ),
    ),
  );
}
