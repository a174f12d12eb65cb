/**
 * Faults of a simulated chain (WAFER §6.5), by the names of that page. `forMs` ends a fault by itself; without it the
 * fault stays. A crash, a garbled batch and dead tiles do not end.
 */
export type Fault =
  /** The wafer of a stage is gone: after three missed ring pings the chain is broken. */
  | { readonly kind: 'stageCrash'; readonly stage: number }
  /** A layer of the stage takes `factor` times as long. */
  | { readonly kind: 'stageSlow'; readonly stage: number; readonly factor: number; readonly forMs?: number }
  /** The hop behind stage `edge` takes so much longer. */
  | { readonly kind: 'hopSlow'; readonly edge: number; readonly addMicros: number; readonly forMs?: number }
  /** Restore and park take `factor` times as long. */
  | { readonly kind: 'ioSlow'; readonly factor: number; readonly forMs?: number }
  /** No tokens and no events, while calls are accepted and `load` answers. */
  | { readonly kind: 'hang'; readonly forMs?: number }
  /** One batch with a row that has a wrong offset, or a token that has a wrong id. */
  | { readonly kind: 'garble'; readonly what: GarbledField }
  /** K shrinks to `factor` of itself. */
  | { readonly kind: 'kvPressure'; readonly factor: number; readonly forMs?: number }
  /** The drafter is off: α is 1. */
  | { readonly kind: 'alphaDrop'; readonly forMs?: number }
  /** So many of the 900 tiles of a stage's wafer die. */
  | { readonly kind: 'defect'; readonly stage: number; readonly tiles: number };

export type FaultKind = Fault['kind'];

export type GarbledField = 'offset' | 'token-id';

/** When a fault begins; counted from the making of the driver. */
export type FaultTrigger =
  | { readonly afterMs: number }
  /** Decode steps of all streams together. */
  | { readonly afterSteps: number }
  /** When any stream generates the token at this offset. */
  | { readonly atTokenOffset: number };

export type ScriptedFault = Fault & { readonly at: FaultTrigger };

/** The same script and seed do the same on every run of the same work. */
export type FaultScript = {
  /** Decides which row of a batch is garbled, and how; default 0. */
  readonly seed?: number;
  readonly faults: readonly ScriptedFault[];
};

export type FaultLogEntry = {
  readonly atMs: number;
  /** Steps of all streams at that time. */
  readonly steps: number;
  readonly phase: 'begins' | 'ends';
  readonly fault: Fault;
};
