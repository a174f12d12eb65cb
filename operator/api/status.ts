import { conditionTypes, reasonNames, type Condition } from './reasons.ts';
import { enumOf, int, list, listMap, obj, opt, str, time, type Schema } from './schema.ts';

/** A condition of one kind: the questions that this kind answers. */
const condition = obj({
  type: enumOf(conditionTypes),
  status: enumOf(['True', 'False', 'Unknown']),
  reason: enumOf(reasonNames),
  message: str({ maxLength: 1_024 }),
  observedGeneration: int(0),
  lastTransitionTime: time(),
});

/** What every status has. All of it may be absent: a status can be deleted and is rebuilt (OPERATOR §1 rule 2). */
export const statusFields = () => ({
  observedGeneration: opt(int(0)),
  conditions: opt(listMap(condition satisfies Schema<Condition>, 'type', { maxItems: 8 })),
});

/** A count in a status. */
export const count = () => int(0, 1_000_000_000);

/** Who keeps an object from going away, as `Kind/name` or `Kind/namespace/name`. */
export const holders = () => list(str(), { maxItems: 16 });

/** What a constant rests on. */
export const evidence = (source: { readonly maxLength: number } = { maxLength: 1_024 }) =>
  obj({ field: str(), source: str(source), confidence: enumOf(['High', 'Medium', 'Low']) });
