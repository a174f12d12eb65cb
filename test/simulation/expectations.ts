export type Expectation =
  | 'takeover'
  | 'failover'
  | 'signalsElsewhere'
  | 'idleTtlKept'
  | 'flowsSentAgain'
  | 'answersVerbatim'
  | 'localCutsSurvive'
  | 'signalledCutsSurvive'
  | 'contextsSurvive';

/** What the platform promises, in one place: the checks are as strict as this says. */
export const expectations: Readonly<Record<Expectation, boolean>> = {
  /** A session goes on at any gateway (PROTOCOL §7); else it is lost with the one that opened it. */
  takeover: true,
  /** A turn goes on at another engine (E6, E7); else it ends `engine_lost`, and so do its children. */
  failover: true,
  /** Calls from outside the stream are served by any gateway (PROTOCOL §3). */
  signalsElsewhere: true,
  /** A gateway that takes a session over knows its idle time; else such a session may be held for longer at an engine. */
  idleTtlKept: false,
  /** A client may send every unapplied message again, statements of credit for ended turns too (R7). */
  flowsSentAgain: true,
  /** Copies of a control get one answer, word by word, wherever they enter (S5); else the same E. */
  answersVerbatim: true,
  /**
   * A cut that a gateway made because the engine was out of reach (E7) binds the next gateway too; else a turn that
   * continues the cut one may begin where the engine had cut it.
   */
  localCutsSurvive: false,
  /**
   * An E that an engine told past the stream binds the turn, also when that engine is lost before the stream's gateway
   * has heard of it, or the session has left it; else the gateway goes on from its transcript (E6), or applies the
   * control in flight itself (E7).
   */
  signalledCutsSurvive: false,
  /** After a move, ended turns outlive the gateway that moved them; else their contexts die with it. */
  contextsSurvive: true,
};

/** Refusals after which a client comes again. */
const RETRIED: ReadonlySet<string> = new Set([
  'engine_lost',
  'no_capacity',
  'draining',
  'overloaded',
  'epoch_stale',
  'region_lost',
]);

export function isRetried(code: string): boolean {
  return RETRIED.has(code);
}

/** Errors with which a turn may end FAILED when something broke. */
export const LOST_CODES: ReadonlySet<string> = new Set(['engine_lost', 'region_lost', 'draining', 'no_capacity']);
