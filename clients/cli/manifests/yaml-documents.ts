import { limits } from '@reticle/proto/contract';
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  type CST,
  type Document,
  type Node,
} from 'yaml';
import type { Segments } from '@reticle/operator/api';

/** A fault of YAML itself; lines and columns count from 1. */
type YamlFault = { readonly line: number; readonly column: number; readonly reason: string };

/** One document of a YAML stream. */
export type YamlDocument = {
  /** Plain data; undefined when the document has faults. */
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  /** Line on which a field stands, or of its nearest existing parent when the field is missing. */
  readonly lineOf: (segments: Segments) => number;
};

/** Reads every document of a text; empty ones are left out. Duplicate keys and unknown tags are faults. */
export function readYaml(text: string): readonly YamlDocument[] {
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const tooDeep = offsetBelow(tokens, limits.nestingDepthMax);
  if (tooDeep !== undefined) return [faulty([{ ...placeOf(lines, tooDeep), reason: NESTED }])];
  const composer = new Composer({ lineCounter: lines, prettyErrors: false });
  return [...composer.compose(tokens)].flatMap((document) => {
    const read = readDocument(document, lines);
    return read.value === null && read.faults.length === 0 ? [] : [read];
  });
}

const NESTED = `is nested more than ${limits.nestingDepthMax} levels deep (flatten it)`;

/**
 * Offset of a collection nested deeper than a limit. The library's parser works without recursion and its
 * composer does not: unchecked, deep nesting ends the process in the regular expression engine.
 */
function offsetBelow(tokens: readonly CST.Token[], depthMax: number): number | undefined {
  const open = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > depthMax) return token.offset;
    for (const child of childrenOf(token)) open.push({ token: child, depth: depth + 1 });
  }
  return undefined;
}

function childrenOf(token: CST.Token): readonly CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value];
  if (!('items' in token)) return [];
  return token.items.flatMap(({ key, value }) => [key, value].filter((child) => child !== undefined && child !== null));
}

function readDocument(document: Document.Parsed, lines: LineCounter): YamlDocument {
  const faults = [...document.errors, ...document.warnings].map((fault): YamlFault => {
    return { ...placeOf(lines, fault.pos[0]), reason: `is not valid YAML: ${fault.message}` };
  });
  if (faults.length > 0) return faulty(faults);
  try {
    const lineOf = (segments: Segments) => placeOf(lines, offsetOf(document.contents, segments)).line;
    return { value: document.toJS(), faults: [], lineOf };
  } catch (error) {
    // The library refuses aliases of nothing and those that expand too far by throwing.
    if (!(error instanceof ReferenceError)) throw error;
    const place = placeOf(lines, document.contents?.range[0] ?? 0);
    return faulty([{ ...place, reason: `is not usable YAML: ${error.message} (write it without aliases)` }]);
  }
}

const faulty = (faults: readonly YamlFault[]): YamlDocument => ({
  value: undefined,
  faults,
  lineOf: () => faults[0]?.line ?? 1,
});

function placeOf(lines: LineCounter, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Offset of the deepest node on the way to a field that exists; of its key where it has one. */
function offsetOf(root: Node | null, segments: Segments): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const segment of segments) {
    const next = stepInto(node, segment);
    if (next === undefined) return offset;
    node = next.node;
    offset = next.offset ?? offset;
  }
  return offset;
}

type Step = { readonly node: unknown; readonly offset: number | undefined };

function stepInto(node: unknown, segment: string | number): Step | undefined {
  if (isSeq(node)) {
    const item = typeof segment === 'number' ? node.items[segment] : undefined;
    return item === undefined ? undefined : { node: item, offset: startOf(item) };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
  return pair && { node: pair.value, offset: startOf(pair.key) };
}

function startOf(node: unknown): number | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[0] : undefined;
}
