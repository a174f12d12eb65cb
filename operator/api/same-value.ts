import { isRecord } from './decode.ts';
import type { ListNode, SchemaNode } from './schema.ts';

/** Whether two decoded values of one node are equal as the API server's rules see it: sets and maps of items have no order. */
export function sameValue(node: SchemaNode, a: unknown, b: unknown): boolean {
  if (isRecord(a) && isRecord(b)) return sameParts(node, a, b);
  if (Array.isArray(a) && Array.isArray(b) && node.kind === 'list') return sameItems(node, a, b);
  return a === b;
}

type Entries = Readonly<Record<string, unknown>>;

function sameParts(node: SchemaNode, a: Entries, b: Entries): boolean {
  if (node.kind !== 'object') return sameEntries(a, b);
  return Object.entries(node.fields).every(([name, field]) => sameValue(field.node, a[name], b[name]));
}

function sameEntries(a: Entries, b: Entries): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}

function sameItems(node: ListNode, a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  if (node.listType === 'atomic') return a.every((item, index) => sameValue(node.item.node, item, b[index]));
  const byIdentity = new Map(b.map((item) => [identityOf(node, item), item]));
  return a.every((item) => {
    const identity = identityOf(node, item);
    return byIdentity.has(identity) && sameValue(node.item.node, item, byIdentity.get(identity));
  });
}

/** What tells an item of a `map` or `set` list from the others: its key, or itself. */
export function identityOf(node: ListNode, item: unknown): unknown {
  if (node.key === undefined) return item;
  return isRecord(item) ? item[node.key] : undefined;
}
