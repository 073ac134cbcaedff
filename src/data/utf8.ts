// UTF-8 in chunks: a strict decoder that says where a text stops being UTF-8.
// TextDecoder neither says where, nor gives code points without a string in between.

/** What some programs put before a text; it is no part of it. */
export const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Bytes of the mark that a text begins with; 0 where there is none. */
export const markBytes = (start: Uint8Array): number => {
  const { length } = BYTE_ORDER_MARK;
  return BYTE_ORDER_MARK.equals(start.subarray(0, length)) ? length : 0;
};

/** A chunk of this many bytes is read, decoded and let go. */
export const CHUNK_BYTES = 1 << 20;

export interface Decoded {
  /** Code points written. */
  readonly points: number;
  /** Bytes read. What is left is an unfinished character at the end, or begins with the fault. */
  readonly bytes: number;
  /** True where the bytes at `bytes` can't begin or go on a character. */
  readonly invalid: boolean;
}

/**
 * Decodes bytes[0, length) into code points, as far as it goes.
 *
 * @param into at least `length` long
 */
export function decodeUtf8(bytes: Uint8Array, length: number, into: Int32Array): Decoded {
  let points = 0;
  let i = 0;
  while (i < length) {
    const lead = bytes[i];
    if (lead < 0x80) {
      into[points++] = lead;
      i++;
      continue;
    }
    const size = sequenceLength(lead);
    if (size === 0) return { points, bytes: i, invalid: true };
    let point = lead & (0x7f >> size);
    for (let k = 1; k < size; k++) {
      if (i + k >= length) return { points, bytes: i, invalid: false };
      if (!continues(lead, k, bytes[i + k])) return { points, bytes: i, invalid: true };
      point = (point << 6) | (bytes[i + k] & 0x3f);
    }
    into[points++] = point;
    i += size;
  }
  return { points, bytes: i, invalid: false };
}

/** 0 for a byte that can't lead; C0, C1 and F5 to FF are in no well-formed text (Unicode, table 3-7). */
function sequenceLength(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Table 3-7: the second byte is narrower after E0 (overlong), ED (surrogates), F0 (overlong) and F4 (past U+10FFFF). */
function continues(lead: number, k: number, byte: number): boolean {
  if (k > 1) return byte >= 0x80 && byte <= 0xbf;
  if (lead === 0xe0) return byte >= 0xa0 && byte <= 0xbf;
  if (lead === 0xed) return byte >= 0x80 && byte <= 0x9f;
  if (lead === 0xf0) return byte >= 0x90 && byte <= 0xbf;
  if (lead === 0xf4) return byte >= 0x80 && byte <= 0x8f;
  return byte >= 0x80 && byte <= 0xbf;
}

/** Line and column, both from 1, counted in the symbols that pass by: where a message points to. */
export class Position {
  line = 1;
  column = 1;

  /** Moves past `count` symbols of `symbols`, from index 0. */
  pass(symbols: ArrayLike<number>, count: number): void {
    for (let i = 0; i < count; i++) {
      if (symbols[i] === NEWLINE) {
        this.line++;
        this.column = 1;
      } else {
        this.column++;
      }
    }
  }
}

const NEWLINE = 10;
