const REGION = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A region name: a DNS label, so that it can stand in a bus subject and in a resume token. */
export function isRegion(text: string): boolean {
  return REGION.test(text);
}
