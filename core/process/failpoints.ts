/**
 * Every place in the code where a test may stop, delay or kill a process (PROMISES §3.4): a place is called by
 * `env.failpoint(name)`, and a name that is not here is a type error. What each line says is true at the moment of
 * the call, so a crash there leaves exactly that behind.
 */
export const failpoints = {
  // Gateway: the twelve moments of PROMISES P2.
  'gateway.created': 'a session is open at its engine; CreateSession has not been answered',
  'gateway.opened': 'the engine answered Open of an attach; Attached has not been written',
  'gateway.attached': 'Attached was written; no command of this stream has been read',
  'gateway.admitted': 'a turn was admitted; its Start has not gone to the engine',
  'gateway.start-sent': 'Start went to the engine; nothing has come back',
  'gateway.before-first-byte': 'the first tokens of a turn arrived; none has been written to the client',
  'gateway.mid-frame': 'a token frame is encoded and about to be written; later ones wait behind it',
  'gateway.cut-sent': 'a cut went to the engine; the client has no receipt',
  'gateway.before-ack': 'the engine answered a cut; ControlAck has not been written',
  'gateway.after-ack': 'ControlAck was written; the terminal of the cut turn has not',
  'gateway.before-terminal': 'the engine ended a turn; TurnEnded has not been written',
  'gateway.after-terminal': 'TurnEnded was written; its usage has not been settled',
  'gateway.failover': 'an engine was given up; its turns have not been opened elsewhere',
  // Engine host.
  'engine.opened': 'a session was opened at a new epoch; Opened has not been sent',
  'engine.before-started': 'prefill of a turn is done; Started has not been sent',
  'engine.before-frame': 'a step was put into the rings; its frame has not been sent',
  'engine.cut-stored': 'a cut took effect and its answer is kept; CutDone has not been sent',
  'engine.before-ended': 'a turn is over; Ended has not been sent',
} as const;

export type FailpointName = keyof typeof failpoints;

export function isFailpointName(name: string): name is FailpointName {
  return Object.hasOwn(failpoints, name);
}
