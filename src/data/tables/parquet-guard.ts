// Goes through the pages of a column before hyparquet does: in a damaged file it believes a count of two thousand million repeated
// values, and takes all memory for them. Only counts and lengths are looked at here.

import type { ColumnMetaData, Compressors, PageHeader, SchemaTree } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import { readVarInt } from 'hyparquet/src/thrift.js';

export interface ColumnChunk {
  readonly meta: ColumnMetaData;
  /** From the root to the values. */
  readonly path: SchemaTree[];
  readonly bytes: ArrayBuffer;
  readonly compressors: Compressors;
}

/**
 * A page in zlib's best case is 1,032 times as long as its compressed bytes; in Snappy's 22 times; in Zstandard's a block of 128 KiB has 4
 * bytes (RFC 8878, 3.1.1.2).
 */
const MAX_EXPANSION = 1100;
const MAX_EXPANSION_ZSTD = 1 << 15;
/** Writers make pages of about a megabyte. */
const MAX_PAGE_BYTES = 1 << 28;
/** Values of a bit-packed run that may be more than are left: runs come in eights, and some writers round up further. */
const PADDING = 512;
const MAX_WIDTH = 32;

/** @throws Error that says what is wrong */
export function checkPages(chunk: ColumnChunk): void {
  const { meta, bytes } = chunk;
  const reader = { view: new DataView(bytes), offset: 0 };
  const total = Number(meta.num_values);
  let values = 0;
  while (values < total && reader.offset < bytes.byteLength - 1) {
    const header = parquetHeader(reader);
    const size = header.compressed_page_size;
    const longer = header.uncompressed_page_size;
    expect(size >= 0 && reader.offset + size <= bytes.byteLength, 'a page is longer than its column');
    const most = Math.min(MAX_PAGE_BYTES, (meta.codec === 'ZSTD' ? MAX_EXPANSION_ZSTD : MAX_EXPANSION) * (size + 1));
    expect(longer >= 0 && longer <= most, 'a page is too long for its compressed bytes');
    const count = valuesIn(header);
    expect(count >= 0 && values + count <= total, 'pages have more values than their column');
    if (header.type === 'DICTIONARY_PAGE') checkDictionary(header);
    else values += count;
    const page = new Uint8Array(bytes, reader.offset, size);
    if (header.type === 'DATA_PAGE') checkPage(chunk, header, page);
    if (header.type === 'DATA_PAGE_V2') checkPage2(chunk, header, page);
    reader.offset += size;
  }
  expect(values === total, 'pages have fewer values than their column');
}

function valuesIn({ data_page_header: first, data_page_header_v2: second }: PageHeader): number {
  return (first ?? second)?.num_values ?? 0;
}

function checkDictionary({ dictionary_page_header: dictionary, uncompressed_page_size: size }: PageHeader): void {
  const count = dictionary?.num_values ?? 0;
  expect(count >= 0 && count <= 8 * size, 'a dictionary has more values than bits');
}

/** Levels and indices are compressed together, each behind its length. */
function checkPage({ meta, path, compressors }: ColumnChunk, header: PageHeader, compressed: Uint8Array): void {
  const page = decompressPage(compressed, header.uncompressed_page_size, meta.codec, compressors);
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const { num_values: count, encoding } = header.data_page_header!;
  let at = 0;
  for (const width of levelWidths(path)) {
    if (width > 0) at = checkRuns(view, at + 4, at + 4 + view.getUint32(at, true), width, count);
  }
  checkIndices(view, at, meta, encoding, count);
}

/** Levels come first and are not compressed; the header has their lengths. */
function checkPage2({ meta, path, compressors }: ColumnChunk, header: PageHeader, bytes: Uint8Array): void {
  const page = header.data_page_header_v2!;
  const { num_values: count, encoding } = page;
  const lengths = [page.repetition_levels_byte_length, page.definition_levels_byte_length];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  levelWidths(path).forEach((width, i) => {
    expect(lengths[i] >= 0, 'levels have a negative length');
    at = width > 0 ? checkRuns(view, at, at + lengths[i], width, count) : at + lengths[i];
  });
  const size = header.uncompressed_page_size - at;
  expect(page.num_nulls >= 0 && page.num_nulls <= count && page.num_rows >= 0, 'a page has more nulls than values');
  if (size === 0) return;
  const rest = bytes.subarray(at);
  const plain = page.is_compressed === false ? rest : decompressPage(rest, size, meta.codec, compressors);
  checkIndices(new DataView(plain.buffer, plain.byteOffset, plain.byteLength), 0, meta, encoding, count);
}

/** Bits of repetition and definition levels. */
function levelWidths(path: SchemaTree[]): readonly number[] {
  return [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)].map((level) => 32 - Math.clz32(level));
}

function checkIndices(view: DataView, at: number, meta: ColumnMetaData, encoding: string, count: number): void {
  const flags = meta.type === 'BOOLEAN';
  const dictionary = encoding?.endsWith('_DICTIONARY') === true;
  expect(!(flags && dictionary) && !(encoding === 'RLE' && !flags), 'a page has an encoding that its type has not');
  if (at >= view.byteLength) return;
  if (encoding === 'RLE') checkRuns(view, at + 4, view.byteLength, 1, count);
  else if (dictionary) checkRuns(view, at + 1, view.byteLength, view.getUint8(at), count);
}

/** Runs of equal values and of bit-packed ones, as far as they are read: up to `count`, wherever they should end. @returns `end` */
function checkRuns(view: DataView, start: number, end: number, width: number, count: number): number {
  expect(width <= MAX_WIDTH && end <= view.byteLength, 'levels or indices are longer than their page');
  const reader = { view, offset: start };
  for (let seen = 0; seen < count && reader.offset < view.byteLength; ) {
    const run = readVarInt(reader);
    const packed = (run & 1) === 1;
    const length = packed ? (run >>> 1) * 8 : run >>> 1;
    expect(length <= count - seen + PADDING, 'a run has more values than its page');
    reader.offset += packed ? Math.ceil((length * width) / 8) : Math.ceil(width / 8);
    seen += length;
  }
  return end;
}

function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}
