/** A token's position in its turn, counted from 0; the unit of every cursor, cut, receipt and bill. */
export type Offset = number & { readonly __offset?: never };

/** Largest offset the wire can carry (`uint32`). */
export const OFFSET_MAX = 0xffff_ffff;

export function isOffset(value: number): value is Offset {
  return Number.isInteger(value) && value >= 0 && value <= OFFSET_MAX;
}
