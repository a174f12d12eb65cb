import fc from 'fast-check';
import { kinds, type SchemaNode } from '@reticle/operator/api';

/** Specs of a kind that keep its bounds, mostly, and not always its rules. */
export function arbitrarySpec(kind: keyof typeof kinds): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const root: SchemaNode = kinds[kind].schema.node;
  const spec = root.kind === 'object' ? root.fields['spec']?.node : undefined;
  if (spec === undefined) throw new Error(`${kind} has no spec`);
  return arbitrary(spec) as fc.Arbitrary<Readonly<Record<string, unknown>>>;
}

function arbitrary(node: SchemaNode): fc.Arbitrary<unknown> {
  switch (node.kind) {
    case 'string':
      return node.pattern === undefined
        ? fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
        : fc.stringMatching(new RegExp(node.pattern)).filter((text) => text.length <= node.maxLength + 3);
    case 'integer':
      return node.oneOf === undefined ? arbitraryInteger(node.min, node.max) : fc.constantFrom(...node.oneOf);
    case 'boolean':
      return fc.boolean();
    case 'enum':
      return fc.constantFrom(...node.values);
    case 'object':
      return arbitraryObject(node);
    case 'list':
      return arbitraryList(node);
    case 'map':
      return fc.dictionary(fc.constantFrom('a', 'tokens', 'seed', 'length'), arbitrary(node.value.node), {
        maxKeys: 2,
      });
  }
}

function arbitraryInteger(min: number, max: number): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min, max }),
    fc.constantFrom(min, max),
    fc.integer({ min, max: Math.min(max, min + 5) }),
  );
}

function arbitraryObject({ fields }: Extract<SchemaNode, { readonly kind: 'object' }>): fc.Arbitrary<unknown> {
  const entries = Object.entries(fields);
  const requiredKeys = entries.filter(([, { presence }]) => presence === 'required').map(([name]) => name);
  return fc.record(Object.fromEntries(entries.map(([name, field]) => [name, arbitrary(field.node)])), { requiredKeys });
}

function arbitraryList(node: Extract<SchemaNode, { readonly kind: 'list' }>): fc.Arbitrary<unknown> {
  const { listType, key, item, minItems, maxItems } = node;
  const bounds = { minLength: minItems, maxLength: Math.min(maxItems, minItems + 2) };
  if (listType === 'atomic') return fc.array(arbitrary(item.node), bounds);
  const identity = (value: unknown): unknown => (key === undefined ? value : (value as Record<string, unknown>)[key]);
  return fc.uniqueArray(arbitrary(item.node), { ...bounds, selector: identity });
}
