/** Access classes, fastest first; the wire's `ServiceTier` numbers stand beside the words. */
export const tiers = ['ultrafast', 'fast', 'default', 'flex'] as const;
export type Tier = (typeof tiers)[number];

/** `ServiceTier` number of a tier (0 is "unspecified" on the wire). */
export function tierNumber(tier: Tier): number {
  return tiers.indexOf(tier) + 1;
}

/** The tier of a `ServiceTier` number; undefined for 0 and for numbers outside the enum. */
export function tierOfNumber(value: number): Tier | undefined {
  return tiers[value - 1];
}

export function isTier(text: string): text is Tier {
  return (tiers as readonly string[]).includes(text);
}
