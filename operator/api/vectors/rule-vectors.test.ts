import { describe, expect, test } from '@jest/globals';
import { decodeObject, kinds } from '../kinds.ts';
import type { SchemaNode } from '../schema.ts';
import { baseOf, judgeStates, ruleVectors, statesOf, type RuleVectors } from './rule-vectors.ts';

function ruleIds(node: SchemaNode): string[] {
  const own = node.rules.map((rule) => rule.id);
  if (node.kind === 'object') return [...own, ...Object.values(node.fields).flatMap((field) => ruleIds(field.node))];
  return node.kind === 'list' ? [...own, ...ruleIds(node.item.node)] : own;
}

const kindNames = Object.keys(kinds) as RuleVectors['kind'][];
const idsOf = (kind: RuleVectors['kind']) => [...ruleIds(kinds[kind].schema.node), ...ruleIds(kinds[kind].status.node)];

describe('rules', () => {
  test('have ids of their own and vectors that accept and refuse', () => {
    const declared = kindNames.flatMap((kind) => idsOf(kind).map((rule) => `${kind} ${rule}`));
    const covered = ruleVectors
      .filter((row) => row.accept.length > 0 && row.refuse.length > 0)
      .map((row) => `${row.kind} ${row.rule}`);
    expect(new Set(declared).size).toBe(declared.length);
    expect(covered.toSorted()).toEqual(declared.toSorted());
  });

  const cases = ruleVectors.flatMap((row) => [
    ...row.accept.map((vector, index) => ({
      name: `${row.rule} accepts ${index}`,
      row,
      vector,
      wantRules: [] as string[],
    })),
    ...row.refuse.map((vector, index) => ({
      name: `${row.rule} refuses ${index}`,
      row,
      vector,
      wantRules: [row.rule, ...(row.also ?? [])].toSorted(),
    })),
  ]);

  test.each(cases)('$name', ({ row, vector, wantRules }) => {
    const states = statesOf(row, vector);
    const verdicts = judgeStates(row, states);
    const refusedBy = verdicts.map((problems) => [
      ...new Set(problems.map((problem) => problem.rule ?? `${problem.path}: ${problem.message}`)),
    ]);
    expect(refusedBy.map((rules) => rules.toSorted())).toEqual(
      states.map((_, index) => (index === states.length - 1 ? wantRules : [])),
    );
  });

  test.each(kindNames)('have a base object of %s that decodes', (kind) => {
    expect(decodeObject(kinds, baseOf(kind)).problems).toBeUndefined();
  });

  test('say a way out in parentheses', () => {
    const refusals = ruleVectors.flatMap((row) =>
      row.refuse.flatMap((vector) => judgeStates(row, statesOf(row, vector)).flat()),
    );
    expect(refusals.filter(({ message }) => !/\(.+\)$/.test(message))).toEqual([]);
  });
});
