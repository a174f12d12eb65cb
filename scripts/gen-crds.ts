/**
 * Custom resource definitions of every kind, made from the schemas that the operator itself decodes with (OPERATOR §6).
 * It knows only what structural schemas allow, and refuses a schema that would lose a rule on the way.
 */
import { assert } from '@reticle/core/domain';
import {
  decodeValue,
  GROUP,
  kinds,
  type Column,
  type NodeRule,
  type Schema,
  type SchemaNode,
} from '@reticle/operator/api';
import { yamlText, type YamlValue } from './yaml-text.ts';

const FOLDER = 'charts/reticle/templates/crds';
const VERSION = 'v1alpha1';

type AnyKind = (typeof kinds)[keyof typeof kinds];
type StringNode = Extract<SchemaNode, { readonly kind: 'string' }>;
type IntegerNode = Extract<SchemaNode, { readonly kind: 'integer' }>;
type ListNode = Extract<SchemaNode, { readonly kind: 'list' }>;
type JsonSchema = { readonly [key: string]: YamlValue | undefined };

/** Path of each definition's file, and its text. */
export function generateCrds(): Map<string, string> {
  return new Map(
    Object.values(kinds).map((kind) => {
      const text = `# Generated from operator/api by \`npm run gen\`.\n${yamlText(definitionOf(kind))}`;
      assert(!text.includes('{{'), 'Helm would read it as a template');
      return [`${FOLDER}/${kind.plural}.yaml`, text];
    }),
  );
}

/** The CustomResourceDefinition of a kind. */
export function definitionOf(kind: AnyKind): YamlValue {
  const { plural, shortName, scope } = kind;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}`, annotations: { 'helm.sh/resource-policy': 'keep' } },
    spec: {
      group: GROUP,
      scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural,
        singular: kind.kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['reticle'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: kind.columns.map(columnOf),
          ...(kind.selectable.length === 0
            ? {}
            : { selectableFields: kind.selectable.map((path) => ({ jsonPath: `.${path}` })) }),
          schema: { openAPIV3Schema: rootSchema(kind) },
        },
      ],
    },
  };
}

function columnOf({ name, type, path, wide }: Column): YamlValue {
  return { name, type, jsonPath: path, ...(wide === true ? { priority: 1 } : {}) };
}

/** Of `metadata` a schema may say nothing but what names are allowed. */
function rootSchema({ schema, status, purpose }: AnyKind): JsonSchema {
  const root = schema.node;
  assert(root.kind === 'object', 'an object of a kind is an object');
  const { metadata, spec } = root.fields;
  assert(metadata?.node.kind === 'object' && spec !== undefined, 'an object of a kind has metadata and spec');
  const { name } = metadata.node.fields;
  assert(name !== undefined, 'metadata has a name');
  return {
    type: 'object',
    description: purpose,
    // Without it `spec: null` would pass, and the next write would have no oldSelf to compare with (OPERATOR §23).
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object', properties: { name: schemaOf(name.node, true) } },
      spec: fieldSchema(spec, true),
      status: fieldSchema(status, true),
    },
    ...validations(root.rules, true),
  };
}

/** A field's schema with its default as a decoder would fill it in: the server checks defaults by the field's own rules. */
function fieldSchema(field: Schema<unknown>, isCompared: boolean): JsonSchema {
  const schema = schemaOf(field.node, isCompared);
  if (field.default === undefined) return schema;
  const { ok } = decodeValue(field, field.default);
  assert(ok !== undefined, 'a default is sound');
  return { ...schema, default: ok as YamlValue };
}

/** `isCompared`: the API server can pair a value of this node with the one before it. */
function schemaOf(node: SchemaNode, isCompared: boolean): JsonSchema {
  return { ...shapeOf(node, isCompared), ...validations(node.rules, isCompared) };
}

function shapeOf(node: SchemaNode, isCompared: boolean): JsonSchema {
  switch (node.kind) {
    case 'string':
      return stringShape(node);
    case 'integer':
      return integerShape(node);
    case 'boolean':
      return { type: 'boolean' };
    case 'enum':
      return { type: 'string', enum: node.values };
    case 'object':
      return objectShape(node.fields, isCompared);
    case 'list':
      return listShape(node, isCompared);
    case 'map':
      return { type: 'object', maxProperties: node.maxItems, additionalProperties: schemaOf(node.value.node, false) };
  }
}

function stringShape({ minLength, maxLength, pattern, format }: StringNode): JsonSchema {
  return { type: 'string', format, minLength, maxLength, pattern };
}

function integerShape({ min, max, oneOf }: IntegerNode): JsonSchema {
  const bounds = oneOf === undefined ? { minimum: min, maximum: max } : { enum: oneOf };
  return { type: 'integer', format: 'int64', ...bounds };
}

function listShape({ listType, key, minItems, maxItems, item }: ListNode, isCompared: boolean): JsonSchema {
  return {
    type: 'array',
    'x-kubernetes-list-type': listType,
    ...(key === undefined ? {} : { 'x-kubernetes-list-map-keys': [key] }),
    ...(minItems === 0 ? {} : { minItems }),
    maxItems,
    items: fieldSchema(item, isCompared && listType === 'map'),
  };
}

function objectShape(fields: Readonly<Record<string, Schema<unknown>>>, isCompared: boolean): JsonSchema {
  const entries = Object.entries(fields);
  const required = entries.filter(([, field]) => field.presence === 'required').map(([name]) => name);
  return {
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(entries.map(([name, field]) => [name, fieldSchema(field, isCompared)])),
  };
}

function validations(rules: readonly NodeRule[], isCompared: boolean): JsonSchema {
  if (rules.length === 0) return {};
  const listed = rules.map(({ id, cel, message, on }) => {
    assert(isCompared || on === 'state', 'a rule on changes stands where the server can compare');
    return { rule: cel, message: `${id}: ${message}`, ...(on === 'write' ? { optionalOldSelf: true } : {}) };
  });
  return { 'x-kubernetes-validations': listed };
}
