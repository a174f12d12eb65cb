/** A JSON schema within the supported subset, checked and without references; nodes may be shared. */
export type SchemaNode = {
  /** Levels of schema below and including this one. */
  readonly height: number;
  /** Branches of `anyOf`, all levels, and values of `enum` that a value may be. */
  readonly width: number;
} & SchemaShape;

export type SchemaShape =
  /** One of these JSON texts: `enum`, `const`, booleans and null. */
  | { readonly kind: 'literal'; readonly texts: readonly string[] }
  /** Bounds in code points. */
  | { readonly kind: 'string'; readonly min: number; readonly max: number }
  | { readonly kind: 'integer' }
  | { readonly kind: 'number' }
  | { readonly kind: 'array'; readonly items: SchemaNode; readonly min: number; readonly max: number }
  | { readonly kind: 'object'; readonly properties: readonly SchemaProperty[] }
  | { readonly kind: 'any-of'; readonly nodes: readonly SchemaNode[] };

export type SchemaProperty = { readonly name: string; readonly node: SchemaNode; readonly required: boolean };

/** A node with its measures. */
export function schemaNode(shape: SchemaShape): SchemaNode {
  return { ...shape, height: 1 + heightBelow(shape), width: widthOf(shape) };
}

function widthOf(shape: SchemaShape): number {
  if (shape.kind === 'literal') return shape.texts.length;
  return shape.kind === 'any-of' ? shape.nodes.reduce((sum, { width }) => sum + width, 0) : 1;
}

function heightBelow(shape: SchemaShape): number {
  switch (shape.kind) {
    case 'array':
      return shape.items.height;
    case 'object':
      return highest(shape.properties.map(({ node }) => node));
    case 'any-of':
      return highest(shape.nodes);
    default:
      return 0;
  }
}

function highest(nodes: readonly SchemaNode[]): number {
  let height = 0;
  for (const node of nodes) height = Math.max(height, node.height);
  return height;
}
