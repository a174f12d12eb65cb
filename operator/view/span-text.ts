const UNITS = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'min', ms: 60_000 },
  { name: 's', ms: 1_000 },
] as const;

/** A span for people, rounded down to its largest unit: `3 s`, `4 min`, `2 h`, `9 d`. */
export function spanText(ms: number): string {
  const unit = UNITS.find((each) => ms >= each.ms) ?? UNITS[UNITS.length - 1];
  return `${Math.max(0, Math.floor(ms / (unit?.ms ?? 1_000)))} ${unit?.name ?? 's'}`;
}
