/** A user key of NATS: `U` and 55 characters of base32. */
const NKEY = /^U[A-Z2-7]{55}$/;
/** Where a component of this system waits for answers; a foreign reply subject could make a host publish anywhere. */
const INBOX = /^_INBOX_U[A-Z2-7]{55}(\.[A-Za-z0-9]{1,64}){1,3}$/;

export function isUserNkey(text: string): boolean {
  return NKEY.test(text);
}

/** Replies go only there (PROTOCOL S7, PROMISES N3). */
export function isComponentInbox(subject: string): boolean {
  return subject.length <= 256 && INBOX.test(subject);
}

/** Private per component: a shared prefix would read everyone's replies (PROMISES §5.2). */
export function inboxPrefix(nkey: string): string {
  return `_INBOX_${nkey}`;
}
