/** Form of a moment in manifests: RFC 3339 in UTC, with whole seconds or fractions of them. */
export const UTC_TIME =
  '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?Z$';

const DAY_MS = 86_400_000;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_DAYS = 719_468;

/** Unix milliseconds of a text that has the form {@link UTC_TIME}; undefined for a day that its month has not. */
export function utcMs(text: string): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = text.split(/[-T:]/, 5).map(Number);
  const [seconds = 0, fraction = ''] = text.slice(17, -1).split('.');
  // By digits: as a number, 0.754 s is a little less than 754 ms.
  const millis = Number(fraction.padEnd(3, '0').slice(0, 3));
  if (day > daysOf(year, month)) return undefined;
  return daysBefore(year, month, day) * DAY_MS + (hour * 60 + minute) * 60_000 + Number(seconds) * 1_000 + millis;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

/** Years begin in March, so that the leap day is a year's last one. */
function daysBefore(year: number, month: number, day: number): number {
  const from = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400);
  return from * 365 + leapDays + dayOfYear - EPOCH_DAYS;
}
