/**
 * JSON schema → {@link SchemaNode}: one walk that is linear in the schema's text. References within the document are
 * followed once each, nothing is fetched, and no text of the client becomes a pattern (PROMISES §7.2 H15).
 */
import { ReticleError } from '../reticle-error.ts';
import { schemaNode, type SchemaNode, type SchemaProperty, type SchemaShape } from './schema-node.ts';

/** Levels of schema, references included. */
const DEPTH_MAX = 16;
/** Schemas of all levels together, each definition once. */
const SCHEMAS_MAX = 1_000;
/** Properties of all objects together. */
const PROPERTIES_MAX = 200;
/** Values of all `enum`s together. */
const ENUM_VALUES_MAX = 1_000;

/** Ways in which one value may begin; shared branches count each time. */
const WIDTH_MAX = 2_000;

type Fields = Readonly<Record<string, unknown>>;

const annotations = words(
  'title description default examples deprecated readOnly writeOnly $schema $comment $defs definitions',
);
const handled = words(
  'type properties required additionalProperties items enum const minItems maxItems minLength maxLength anyOf $ref',
);
/** Keywords of JSON schema that would change what is valid, and that no grammar here expresses. */
const tooComplex = words(`pattern format allOf oneOf not if then else patternProperties propertyNames minProperties
  maxProperties dependentRequired dependentSchemas dependencies contains minContains maxContains uniqueItems prefixItems
  additionalItems multipleOf minimum maximum exclusiveMinimum exclusiveMaximum unevaluatedItems unevaluatedProperties
  contentEncoding contentMediaType contentSchema $id $anchor $dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor
  $vocabulary`);
const types = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
type TypeName = (typeof types)[number];

/**
 * @param param names the schema in errors
 * @throws ReticleError `schema_too_complex`, or `invalid_request` for what is no schema or admits nothing
 */
export function parseSchema(document: unknown, param: string): SchemaNode {
  return new SchemaParser(document, param).node(document, 1);
}

/** Stands for a schema that admits everything. */
const anyScalar = schemaNode({
  kind: 'any-of',
  nodes: [
    schemaNode({ kind: 'string', min: 0, max: Number.MAX_SAFE_INTEGER }),
    schemaNode({ kind: 'integer' }),
    schemaNode({ kind: 'literal', texts: ['false', 'true', 'null'] }),
  ],
});

class SchemaParser {
  readonly #document: unknown;
  readonly #param: string;
  /** Node of a reference; undefined while it is being read. */
  readonly #references = new Map<string, SchemaNode | undefined>();
  #schemas = 0;
  #properties = 0;
  #enumValues = 0;

  constructor(document: unknown, param: string) {
    this.#document = document;
    this.#param = param;
  }

  node(schema: unknown, depth: number): SchemaNode {
    if (depth > DEPTH_MAX) throw this.#complex(`more than ${DEPTH_MAX} levels`);
    this.#schemas += 1;
    if (this.#schemas > SCHEMAS_MAX) throw this.#complex(`more than ${SCHEMAS_MAX} schemas`);
    const fields = this.#fields(schema);
    if (fields['$ref'] !== undefined) return this.#reference(fields, depth);
    if (fields['anyOf'] !== undefined) return this.#anyOf(fields, depth);
    if (fields['enum'] !== undefined || fields['const'] !== undefined) return this.#literals(fields);
    const named = this.#typesOf(fields);
    return named === undefined ? anyScalar : oneOf(named.map((type) => schemaNode(this.#shape(type, fields, depth))));
  }

  #fields(schema: unknown): Fields {
    if (!isFields(schema)) throw this.#invalid('a schema is a JSON object');
    for (const name of Object.keys(schema)) {
      if (tooComplex.has(name)) throw this.#complex(`the keyword ${name}`);
      if (!handled.has(name) && !annotations.has(name)) throw this.#invalid('a schema has a keyword that is not known');
    }
    return schema;
  }

  #shape(type: TypeName, fields: Fields, depth: number): SchemaShape {
    switch (type) {
      case 'object':
        return { kind: 'object', properties: this.#propertiesOf(fields, depth) };
      case 'array': {
        const items = this.node(fields['items'] ?? {}, depth + 1);
        return { kind: 'array', items, ...this.#bounds(fields, 'minItems', 'maxItems') };
      }
      case 'string':
        return { kind: 'string', ...this.#bounds(fields, 'minLength', 'maxLength') };
      case 'boolean':
        return { kind: 'literal', texts: ['false', 'true'] };
      case 'null':
        return { kind: 'literal', texts: ['null'] };
      default:
        return { kind: type };
    }
  }

  /** Types that the schema names, else those that its keywords speak of; undefined where it says neither. */
  #typesOf({
    type,
    properties,
    required,
    items,
    minItems,
    maxItems,
    minLength,
    maxLength,
  }: Fields): readonly TypeName[] | undefined {
    if (type !== undefined) return this.#namedTypes(type);
    if ([properties, required].some((field) => field !== undefined)) return ['object'];
    if ([items, minItems, maxItems].some((field) => field !== undefined)) return ['array'];
    if ([minLength, maxLength].some((field) => field !== undefined)) return ['string'];
    return undefined;
  }

  #namedTypes(type: unknown): readonly TypeName[] {
    const names: readonly unknown[] = Array.isArray(type) ? type : [type];
    const known = types.filter((name) => names.includes(name));
    if (known.length === 0 || known.length !== names.length) throw this.#invalid('a type is not known');
    return known;
  }

  #propertiesOf(fields: Fields, depth: number): readonly SchemaProperty[] {
    const { properties = {}, required = [], additionalProperties } = fields;
    if (!isFields(properties)) throw this.#invalid('properties is a JSON object');
    if (!Array.isArray(required)) throw this.#invalid('required is a list of names');
    if (isFields(additionalProperties)) throw this.#complex('a schema for additional properties');
    if (additionalProperties !== undefined && typeof additionalProperties !== 'boolean') {
      throw this.#invalid('additionalProperties is true or false');
    }
    const demanded = new Set<unknown>(required);
    const names = Object.keys(properties);
    this.#properties += names.length;
    if (this.#properties > PROPERTIES_MAX) throw this.#complex(`more than ${PROPERTIES_MAX} properties`);
    const known = names.map((name) => ({
      name,
      node: this.node(properties[name], depth + 1),
      required: demanded.delete(name),
    }));
    if (demanded.size > 0) throw this.#invalid('a required property is not among the properties');
    return known;
  }

  #bounds(fields: Fields, minName: string, maxName: string): { min: number; max: number } {
    const min = this.#bound(fields[minName] ?? 0);
    const max = this.#bound(fields[maxName] ?? Number.MAX_SAFE_INTEGER);
    if (min > max) throw this.#invalid(`${minName} is above ${maxName}`);
    return { min, max };
  }

  #bound(value: unknown): number {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#invalid('a length or count is a whole number from 0');
  }

  #literals(fields: Fields): SchemaNode {
    this.#alone(fields, ['enum', 'const', 'type']);
    if (fields['enum'] !== undefined && fields['const'] !== undefined) throw this.#complex('enum beside const');
    const values: unknown = fields['enum'] ?? [fields['const']];
    if (!Array.isArray(values)) throw this.#invalid('enum is a list');
    this.#enumValues += values.length;
    if (this.#enumValues > ENUM_VALUES_MAX) throw this.#complex(`more than ${ENUM_VALUES_MAX} enum values`);
    const allowed = fields['type'] === undefined ? types : this.#namedTypes(fields['type']);
    const admitted = values.filter((value) => allowed.some((type) => isOfType(value, type)));
    if (admitted.length === 0) throw this.#invalid('no value of an enum is of its type');
    return schemaNode({ kind: 'literal', texts: admitted.map((value) => this.#jsonText(value)) });
  }

  #jsonText(value: unknown): string {
    return JSON.stringify(value, (_name, part: unknown) => {
      if (typeof part === 'number' && !Number.isFinite(part)) throw this.#invalid('a number is out of range');
      return part;
    });
  }

  #anyOf(fields: Fields, depth: number): SchemaNode {
    this.#alone(fields, ['anyOf']);
    const branches = fields['anyOf'];
    if (!Array.isArray(branches) || branches.length === 0) throw this.#invalid('anyOf is a list of schemas');
    const nodes = branches.map((branch) => this.node(branch, depth + 1));
    if (nodes.reduce((sum, { width }) => sum + width, 0) > WIDTH_MAX) throw this.#complex('too many branches');
    return oneOf(nodes);
  }

  #reference(fields: Fields, depth: number): SchemaNode {
    this.#alone(fields, ['$ref']);
    const pointer = fields['$ref'];
    if (typeof pointer !== 'string') throw this.#invalid('a reference is a string');
    const known = this.#references.get(pointer);
    if (known === undefined && this.#references.has(pointer)) throw this.#complex('a schema that contains itself');
    if (known !== undefined) {
      if (depth + known.height > DEPTH_MAX) throw this.#complex(`more than ${DEPTH_MAX} levels`);
      return known;
    }
    this.#references.set(pointer, undefined);
    const node = this.node(this.#target(pointer), depth + 1);
    this.#references.set(pointer, node);
    return node;
  }

  #target(pointer: string): unknown {
    const [document, table, name, ...rest] = pointer.split('/');
    if (document !== '#' || (table !== '$defs' && table !== 'definitions') || rest.length > 0) {
      throw this.#complex('a reference to anything but a definition of the schema itself');
    }
    const definitions = isFields(this.#document) ? this.#document[table] : undefined;
    const key = name?.replaceAll('~1', '/').replaceAll('~0', '~') ?? '';
    if (!isFields(definitions) || !Object.hasOwn(definitions, key)) throw this.#invalid('a reference leads nowhere');
    return definitions[key];
  }

  /** Refuses keywords whose meaning together is a conjunction. */
  #alone(fields: Fields, allowed: readonly string[]): void {
    const other = Object.keys(fields).find((name) => !allowed.includes(name) && !annotations.has(name));
    if (other !== undefined) throw this.#complex(`${other} beside ${allowed[0]}`);
  }

  #complex(what: string): ReticleError {
    return new ReticleError('schema_too_complex', `the schema holds ${what}, which is not supported`, {
      param: this.#param,
    });
  }

  #invalid(message: string): ReticleError {
    return new ReticleError('invalid_request', message, { param: this.#param });
  }
}

function oneOf(nodes: readonly SchemaNode[]): SchemaNode {
  const [first] = nodes;
  return first !== undefined && nodes.length === 1 ? first : schemaNode({ kind: 'any-of', nodes });
}

function isOfType(value: unknown, type: TypeName): boolean {
  switch (type) {
    case 'object':
      return isFields(value);
    case 'array':
      return Array.isArray(value);
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}
