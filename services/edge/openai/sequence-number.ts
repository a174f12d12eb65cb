/**
 * `sequence_number` = 64 · offset + slot, where the offset is the end of the tokens so far (PROTOCOL §4.2): a number that
 * a client has seen names the offset at which it goes on, and no store is needed to resume.
 */
const SLOTS = 64;

export const slot = {
  delta: 0,
  textDone: 1,
  partDone: 2,
  itemDone: 3,
  created: 16,
  queued: 17,
  inProgress: 18,
  itemAdded: 24,
  partAdded: 25,
  /** Closing events of an item that opened at the same offset: their numbers must not fall (§4.1a). */
  emptyTextDone: 32,
  emptyPartDone: 33,
  emptyItemDone: 34,
  terminal: 63,
} as const;

export function sequenceNumber(offset: number, place: number): number {
  return offset * SLOTS + place;
}

/** The offset that a number names. */
export function offsetOfSequence(sequence: number): number {
  return Math.floor(sequence / SLOTS);
}
