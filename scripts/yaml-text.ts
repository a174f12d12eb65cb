/** A JSON value, and what a generated file may leave out. */
export type YamlValue =
  | boolean
  | number
  | string
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue | undefined };

/** Words that YAML readers of some version take for something else than a text. */
const AMBIGUOUS = /^(true|false|yes|no|on|off|y|n|null|~)$/i;
const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*$/;

/** Block-style YAML of a JSON value; keys keep their order, undefined ones are left out, texts are quoted where in doubt. */
export function yamlText(value: YamlValue): string {
  return `${lines(value).join('\n')}\n`;
}

function lines(value: YamlValue): readonly string[] {
  if (isList(value)) return value.length === 0 ? ['[]'] : value.flatMap((item) => indented(lines(item), '- '));
  if (typeof value !== 'object') return [scalar(value)];
  const entries = Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, item] as const]));
  return entries.length === 0 ? ['{}'] : entries.flatMap(([key, item]) => entry(scalar(key), item));
}

function entry(key: string, value: YamlValue): readonly string[] {
  const below = lines(value);
  const isBlock = typeof value === 'object' && (isList(value) ? value.length : Object.keys(value).length) > 0;
  if (!isBlock) return [`${key}: ${below[0] ?? ''}`];
  return [`${key}:`, ...below.map((line) => `  ${line}`)];
}

function indented(block: readonly string[], mark: string): readonly string[] {
  return block.map((line, index) => `${index === 0 ? mark : '  '}${line}`);
}

function scalar(value: boolean | number | string): string {
  if (typeof value !== 'string') return String(value);
  return PLAIN.test(value) && !AMBIGUOUS.test(value) ? value : JSON.stringify(value);
}

function isList(value: YamlValue): value is readonly YamlValue[] {
  return Array.isArray(value);
}
