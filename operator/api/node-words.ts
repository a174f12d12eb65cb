import type { IntegerNode, SchemaNode } from './schema.ts';

/** Words for what a node takes, such as `a whole number from 1 to 256`. */
export function wanted(node: SchemaNode): string {
  switch (node.kind) {
    case 'string':
      return 'a string';
    case 'integer':
      return `a whole number ${rangeWords(node)}`;
    case 'boolean':
      return 'true or false';
    case 'enum':
      return `one of ${node.values.join(', ')}`;
    case 'object':
      return `an object with ${Object.keys(node.fields).join(', ')}`;
    case 'list':
      return 'a list';
    case 'map':
      return 'an object of strings';
  }
}

/** `from 1 to 256`, `of at least 1`, `out of 4, 8, 16`. */
export function rangeWords(node: IntegerNode): string {
  if (node.oneOf !== undefined) return `out of ${node.oneOf.join(', ')}`;
  return node.max === Number.MAX_SAFE_INTEGER ? `of at least ${node.min}` : `from ${node.min} to ${node.max}`;
}

/** How to turn a value of a neighbouring type into the wanted one; empty when there is no such hint. */
export function typeHint(node: SchemaNode, raw: unknown): string {
  if (typeof raw === 'string') return hintForText(node, raw);
  const isText = node.kind === 'string' || node.kind === 'enum';
  const isScalar = typeof raw === 'number' || typeof raw === 'boolean';
  return isText && isScalar ? ` (put it in quotes: "${raw}")` : '';
}

function hintForText(node: SchemaNode, text: string): string {
  if (node.kind === 'integer' && /^-?[0-9]+$/.test(text)) return ' (remove the quotes)';
  const isWord = /^(true|false|yes|no|on|off)$/i.test(text);
  return node.kind === 'boolean' && isWord ? ' (write true or false without quotes)' : '';
}
