/**
 * Bus subjects (PROTOCOL §3). Every part is checked against its alphabet, so that no wildcard, space or
 * line break of a caller can widen a subject.
 */
const CELL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const RANDOM_ID = /^[a-z2-7]{26}$/;

export const subjects = {
  presence: (cell: string, engineId: string): string =>
    `reticle.presence.${checked(CELL, cell)}.${checked(RANDOM_ID, engineId)}`,
  /** Subscription pattern of every engine's presence in a cell. */
  presenceOfCell: (cell: string): string => `reticle.presence.${checked(CELL, cell)}.*`,
  /** Request: a control of one session (PROTOCOL §3). */
  interrupt: (cell: string, engineId: string, sessionId: string): string =>
    `reticle.int.${checked(CELL, cell)}.${checked(RANDOM_ID, engineId)}.${checked(RANDOM_ID, sessionId)}`,
  /** Subscription pattern of every control for one engine. */
  interruptsOfEngine: (cell: string, engineId: string): string =>
    `reticle.int.${checked(CELL, cell)}.${checked(RANDOM_ID, engineId)}.*`,
  /** Request: asks one engine to drain. */
  drain: (cell: string, engineId: string): string =>
    `reticle.drain.${checked(CELL, cell)}.${checked(RANDOM_ID, engineId)}`,
  /** Request to every host of a cell; the owner of the session answers. */
  locate: (cell: string): string => `reticle.locate.${checked(CELL, cell)}`,
  /** Parts of the cell's serving snapshot (OPERATOR §16). */
  snapshot: (cell: string): string => `reticle.snapshot.${checked(CELL, cell)}`,
  /** Every second: which snapshot is in force. */
  snapshotHead: (cell: string): string => `reticle.snapshot.${checked(CELL, cell)}.head`,
  /** Request: answered with the head, then the parts are published once more. */
  snapshotGet: (cell: string): string => `reticle.snapshot.${checked(CELL, cell)}.get`,
} as const;

function checked(alphabet: RegExp, part: string): string {
  if (!alphabet.test(part)) throw new RangeError('a subject part is outside its alphabet');
  return part;
}
