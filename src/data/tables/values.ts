// What the values of tables mean: which stand for a missing one, and which are dates (ISO 8601).

const SLASH = 0x2f;
const QUESTION = 0x3f;
const LETTER_A = 0x61;
const LETTER_N = 0x6e;
const LETTER_L = 0x6c;
const LETTER_U = 0x75;
/** Makes a small letter of a capital one, and leaves "/" and "?" as they are. */
const SMALL = 0x20;

/** The kinds that a value by itself may be of. */
export type Plain = 'number' | 'date' | 'text';

/** What messages say is allowed in a column. */
export const ALLOWED: Readonly<Record<Plain, string>> = {
  number: 'a finite decimal number such as 3, -0.5 or 1e-3',
  date: 'a date such as 2024-03-09, 2024-03-09 16:30 or 2024-03-09T16:30:00Z',
  text: 'text',
};

/** So many values of one kind, and at most one in so many of another: the other ones are faults, and no text is meant. */
const MOSTLY = 100;

/** Whether `count` of `present` values of a column say what it is, against the others. */
export function isFault(count: number, present: number): boolean {
  return count >= MOSTLY && count < present && (present - count) * MOSTLY <= present;
}

/** What messages say of missing values in text files. */
export const MISSING = 'nothing, NA, N/A, NaN, null or ? where it is missing';

/** Whether bytes[start, end) stand for a missing value: nothing, ?, NA, N/A, NaN or null, in any case. */
export function isMissing(bytes: Uint8Array, start: number, end: number): boolean {
  switch (end - start) {
    case 0:
      return true;
    case 1:
      return bytes[start] === QUESTION;
    case 2:
      return (bytes[start] | SMALL) === LETTER_N && (bytes[start + 1] | SMALL) === LETTER_A;
    case 3:
      if ((bytes[start] | SMALL) !== LETTER_N) return false;
      return bytes[start + 1] === SLASH
        ? (bytes[start + 2] | SMALL) === LETTER_A
        : (bytes[start + 1] | SMALL) === LETTER_A && (bytes[start + 2] | SMALL) === LETTER_N;
    case 4:
      return (
        (bytes[start] | SMALL) === LETTER_N &&
        (bytes[start + 1] | SMALL) === LETTER_U &&
        (bytes[start + 2] | SMALL) === LETTER_L &&
        (bytes[start + 3] | SMALL) === LETTER_L
      );
    default:
      return false;
  }
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d)?)?)?$/;
/** Most texts are no dates, and show it here. */
const DASH_AT = 4;
const MINUTE_MS = 60_000;

/** Milliseconds since 1970 of a date with an optional time, in UTC where it names no zone; NaN where it is none. */
export function dateOf(text: string): number {
  const match = text[DASH_AT] === '-' ? DATE.exec(text) : null;
  if (match === null) return Number.NaN;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => Number(digits ?? 0));
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return Number.NaN;
  const milliseconds = Number((match[7] ?? '0').padEnd(3, '0').slice(0, 3));
  const date = new Date(Date.UTC(2000, month - 1, day, hour, minute, second, milliseconds));
  // Date.UTC takes the years 0 to 99 for 1900 to 1999, and the 31st of a short month for the next one's first.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return Number.NaN;
  const offset = (offsetHours * 60 + offsetMinutes) * MINUTE_MS;
  return date.getTime() + (match[8] === '-' ? offset : -offset);
}
