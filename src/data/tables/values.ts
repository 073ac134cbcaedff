// What the values of tables mean: which stand for a missing one, and which are dates (ISO 8601).

const SLASH = 0x2f;
const QUESTION = 0x3f;
const LETTER_A = 0x61;
const LETTER_N = 0x6e;
const LETTER_L = 0x6c;
const LETTER_U = 0x75;
/** Makes a small letter of a capital one, and leaves "/" and "?" as they are. */
const SMALL = 0x20;

/** How a file writes numbers and dates, where it is not 1234.5 and 2024-12-31. */
export interface Writing {
  /** 1234,5 or 1.234,5. */
  readonly decimal?: ',';
  /** 31/12/2024, or 12/31/2024; a point or dash may stand for the slash. */
  readonly dates?: 'dmy' | 'mdy';
}

/** The kinds that a value by itself may be of. */
export type Plain = 'number' | 'date' | 'text';

/** What messages say is allowed in a column. */
export const ALLOWED: Readonly<Record<Plain, string>> = {
  number: 'a finite decimal number such as 3, -0.5 or 1e-3',
  date: 'a date such as 2024-03-09, 2024-03-09 16:30 or 2024-03-09T16:30:00Z',
  text: 'text',
};

/** The same, in a file that writes them in another way. */
export function allowedIn(kind: Plain, { decimal, dates }: Writing): string {
  if (kind === 'number' && decimal === ',') return 'a finite number with a decimal comma, such as 3, -0,5 or 1.234,5';
  if (kind === 'date' && dates !== undefined)
    return `a date such as ${dates === 'dmy' ? '31/12/2024' : '12/31/2024'}, with 16:30 behind it or not`;
  return ALLOWED[kind];
}

const COMMA_NUMBER = /^[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)?(?:(?<=\d),|,\d+)?(?:(?<=[\d,])e[+-]?\d+)?$/i;

/** The number that a text with a decimal comma is; NaN where it is none. */
export function commaNumber(text: string): number {
  return /\d/.test(text) && COMMA_NUMBER.test(text) ? Number(text.replaceAll('.', '').replace(',', '.')) : Number.NaN;
}

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

const DASH = 0x2d;
const ZERO = 0x30;
const DATE_LENGTH = 'YYYY-MM-DD'.length;
const TIME = /^[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d)?)?$/;
const MINUTE_MS = 60_000;
/** The calendar comes again after so many years and days. Date.UTC takes the years 0 to 99 for 1900 to 1999. */
const CYCLE = { years: 400, ms: 146_097 * 24 * 60 * MINUTE_MS } as const;

/** 31/12/2024, 31.12.2024, 31-12-2024, and what comes behind it. */
const SLASH_DATE = /^(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(.*)$/;

/** Milliseconds since 1970 of a date as the file writes them; NaN where it is none. */
export function dateIn(text: string, dates: Writing['dates']): number {
  if (dates === undefined) return dateOf(text);
  const [, first, , second, year, rest] = SLASH_DATE.exec(text) ?? [];
  if (first === undefined) return dateOf(text);
  const [day, month] = dates === 'dmy' ? [first, second] : [second, first];
  return dateOf(`${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}${rest.replace(/^ (?=\d:)/, ' 0')}`);
}

/** Milliseconds since 1970 of a date with an optional time, in UTC where it names no zone; NaN where it is none. */
export function dateOf(text: string): number {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return Number.NaN;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, DATE_LENGTH);
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return Number.NaN;
  const midnight = Date.UTC(year + CYCLE.years, month - 1, day) - CYCLE.ms;
  return text.length === DATE_LENGTH ? midnight : midnight + timeOf(text.slice(DATE_LENGTH));
}

function timeOf(text: string): number {
  const match = TIME.exec(text);
  if (match === null) return Number.NaN;
  const [hour, minute, second, , , zoneHours, zoneMinutes] = match.slice(1).map((part) => Number(part ?? 0));
  if (hour > 23 || minute > 59 || second > 59 || zoneHours > 23 || zoneMinutes > 59) return Number.NaN;
  const ms = Number((match[4] ?? '').padEnd(3, '0').slice(0, 3));
  const zone = (zoneHours * 60 + zoneMinutes) * MINUTE_MS;
  return (hour * 60 + minute) * MINUTE_MS + second * 1000 + ms + (match[5] === '-' ? zone : -zone);
}

/** The number of which text[from, to) has the digits; NaN where one is none. */
function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : Number.NaN;
  }
  return number;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
