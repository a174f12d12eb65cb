/** What a reconcile came to. A throw is a defect and no outcome: it is logged and the key backs off. */
export type Outcome =
  | { readonly kind: 'done' }
  /** Look again after this time, though nothing may have changed. */
  | { readonly kind: 'after'; readonly ms: number; readonly why: string }
  /** Own writes are not in the cache yet; their events wake the key. */
  | { readonly kind: 'wait'; readonly expectation: string }
  /** Nothing more can be done until the object changes. */
  | { readonly kind: 'terminal'; readonly reason: string };

export const done: Outcome = { kind: 'done' };

export function after(ms: number, why: string): Outcome {
  return { kind: 'after', ms, why };
}

export function wait(expectation: string): Outcome {
  return { kind: 'wait', expectation };
}

export function terminal(reason: string): Outcome {
  return { kind: 'terminal', reason };
}
