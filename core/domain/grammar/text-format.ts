import { ReticleError } from '../reticle-error.ts';
import { parseObject } from '../tokens/item-fields.ts';
import type { Grammar } from './grammar.ts';
import { parseSchema } from './parse-schema.ts';
import { schemaRules } from './schema-rules.ts';

/** Bytes of UTF-16 text are counted: no JSON text is shorter than that in UTF-8. */
const TEXT_FORMAT_CHARACTERS_MAX = 64 * 1024;

const formatFields: ReadonlySet<string> = new Set(['type', 'name', 'description', 'schema', 'strict']);

/** Any JSON object: some members that no one has asked for, each of them optional. */
const anyObject = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    count: { type: 'integer' },
    ratio: { type: 'number' },
    active: { type: 'boolean' },
    notes: { type: 'array', items: { type: 'string' } },
  },
};

/**
 * Grammar of `text.format` as the Responses API has it: `json_schema`, `json_object`, or `text`, which has none.
 * Bounded work for any input: one scan of the text, then one walk of the schema.
 *
 * @param param names the format in errors
 * @throws ReticleError `invalid_json`, `json_too_deep`, `schema_too_complex`, or `invalid_request`
 */
export function parseTextFormat(json: string, param: string): Grammar | undefined {
  const { type, schema, ...rest } = formatOf(json, param);
  if (type !== 'json_schema' && schema !== undefined) throw invalid('only json_schema has a schema', param);
  checkLabels(rest, param);
  switch (type) {
    case 'text':
      return undefined;
    case 'json_object':
      return schemaGrammar(anyObject, param);
    case 'json_schema':
      if (schema === undefined) throw new ReticleError('missing_required_parameter', 'no schema is given', { param });
      return schemaGrammar(schema, param);
    default:
      throw invalid('the format is text, json_object or json_schema', param);
  }
}

/**
 * Grammar of the JSON texts of a schema.
 *
 * @throws ReticleError `schema_too_complex`, or `invalid_request` for what is no schema
 */
export function schemaGrammar(schema: unknown, param: string): Grammar {
  return { root: schemaRules(parseSchema(schema, param), param) };
}

function formatOf(json: string, param: string): Readonly<Record<string, unknown>> {
  if (json.length > TEXT_FORMAT_CHARACTERS_MAX) {
    const details = { limit: String(TEXT_FORMAT_CHARACTERS_MAX) };
    throw new ReticleError('schema_too_complex', 'the schema is too long', { param, details });
  }
  const value = parseObject(json, param);
  if (Object.keys(value).some((name) => !formatFields.has(name))) throw invalid('a field is not known', param);
  return value;
}

/** Fields that say nothing about the output: every schema is kept strictly. */
function checkLabels({ name, description, strict }: Readonly<Record<string, unknown>>, param: string): void {
  for (const label of [name, description]) {
    if (label !== undefined && typeof label !== 'string') throw invalid('name and description are texts', param);
  }
  if (strict !== undefined && strict !== null && typeof strict !== 'boolean') {
    throw invalid('strict is true or false', param);
  }
}

function invalid(message: string, param: string): ReticleError {
  return new ReticleError('invalid_request', message, { param });
}
