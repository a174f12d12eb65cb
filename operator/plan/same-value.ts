import { canonicalJson } from './digest/canonical-json.ts';

/** Whether two plain values say the same; absent fields count as not there. */
export function sameValue(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}
