import { limits } from '@reticle/proto/contract';

/** Parts of ids and cells only: no wildcard, space, line break, dot or letter outside ASCII can enter one (PROMISES N2). */
const SUBJECT = /^[a-z0-9-]{1,64}(\.[a-z0-9-]{1,64}){0,7}$/;
/** A subject in which `*` may stand for a whole part; never `>`, which would take in subjects of later versions. */
const PATTERN = /^([a-z0-9-]{1,64}|\*)(\.([a-z0-9-]{1,64}|\*)){0,7}$/;
/** Longest subject that is looked at; 8 parts of 64 characters with their dots. */
const SUBJECT_CHARACTERS_MAX = 519;

/** Largest message of any kind; the server is configured with the same bound. */
export const BUS_BYTES_MAX = 64 * 1024;

/** Throws `RangeError`; the text never repeats what was refused. */
export function checkSubject(subject: string): void {
  if (subject.length > SUBJECT_CHARACTERS_MAX || !SUBJECT.test(subject)) {
    throw new RangeError('a bus subject is outside its alphabet');
  }
}

export function checkPattern(pattern: string): void {
  if (pattern.length > SUBJECT_CHARACTERS_MAX || !PATTERN.test(pattern)) {
    throw new RangeError('a bus pattern is outside its alphabet');
  }
}

export function checkPublish(subject: string, payload: Uint8Array): void {
  checkSubject(subject);
  if (payload.length > BUS_BYTES_MAX) throw new RangeError(`a bus message is larger than ${BUS_BYTES_MAX} bytes`);
}

/** Requests carry signals and look-ups, so their bound is that of a signal. */
export function checkRequest(subject: string, payload: Uint8Array): void {
  checkSubject(subject);
  if (payload.length > limits.signalBytesMax) {
    throw new RangeError(`a bus request is larger than ${limits.signalBytesMax} bytes`);
  }
}
