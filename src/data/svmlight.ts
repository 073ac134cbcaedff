// Reads a file of svmlight / libsvm examples into memory: to learn, or for a model that has its features and labels already.
// The bytes are parsed while they are read, a chunk at a time; then the indices become numbers of the dictionary.

import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { UserError } from '../errors.js';
import { differentIndices, numberFeatures } from './feature-numbers.js';
import { type TextFile, withFile } from './open-file.js';
import type { LabelSpace, SparseExamples } from './sparse-examples.js';
import { type LabelReader, type Labels, labelReader } from './svmlight-labels.js';
import { MAX_LINE_BYTES, type Parsed, SvmlightParser } from './svmlight-parser.js';
import { NEWLINE } from './svmlight-scanner.js';
import { CHUNK_BYTES } from './utf8.js';

export interface SvmlightOptions {
  readonly labels: Labels;
  /** Index 0 is allowed. */
  readonly zeroBased: boolean;
  readonly flag?: string;
  readonly limits?: Limits;
}

/** What tests make small. */
export interface Limits {
  readonly chunkBytes: number;
  /** Entries of a file; where they begin is a 32-bit number. */
  readonly maxEntries: number;
}

const LIMITS: Limits = { chunkBytes: CHUNK_BYTES, maxEntries: 2 ** 31 - 1 };

/** What a model knows of the examples that it learned. */
export interface KnownExamples {
  readonly indices: Int32Array;
  readonly labels: LabelSpace;
}

/** Examples for a model, in its numbers of features and labels. */
export interface OpenedExamples extends SparseExamples {
  /** Entries of features that the model does not know, which were left out. */
  readonly skipped: number;
}

/** Reads examples to learn: their features and labels are what occurs in them. */
export function readSvmlight(path: string, options: SvmlightOptions): SparseExamples {
  const { flag = '--svmlight' } = options;
  return withFile(path, flag, (file) => {
    const source = `${flag}: ${path}`;
    const { parsed, checksum } = parseFile(file, source, labelReader(options.labels, source), options);
    const indices = differentIndices(parsed.features);
    if (indices.length === 0) throw new UserError(`${source} has no index:value pair; there is nothing to learn from`);
    checkLabels(parsed, source);
    numberFeatures(parsed, indices);
    return { ...parsed, count: parsed.starts.length - 1, indices, checksum };
  });
}

/** Reads examples for a model: entries of unknown features are left out and counted; an unknown label is an error. */
export function readSvmlightFor(
  path: string,
  known: KnownExamples,
  options: Omit<SvmlightOptions, 'labels'>,
): OpenedExamples {
  const { flag = '--svmlight' } = options;
  const { indices, labels } = known;
  return withFile(path, flag, (file) => {
    const source = `${flag}: ${path}`;
    const { parsed, checksum } = parseFile(file, source, labelReader(labels.kind, source, labels), options);
    const skipped = numberFeatures(parsed, indices);
    const kept = parsed.features.length - skipped;
    const [features, values] = [parsed.features.subarray(0, kept), parsed.values.subarray(0, kept)];
    return { ...parsed, features, values, count: parsed.starts.length - 1, indices, checksum, skipped };
  });
}

function checkLabels({ labels, starts }: Parsed, source: string): void {
  if (labels.kind === 'multilabel' && labels.names.length === 0) {
    throw new UserError(`${source} has no label in any line; there is nothing to learn`);
  }
  if (labels.kind === 'classes' && labels.names.length < 2) {
    const count = starts.length - 1;
    const lines = count === 1 ? 'its only example' : `all of its ${count} examples`;
    throw new UserError(`${source} has the label ${labels.names[0]} in ${lines}; classes to learn are at least two`);
  }
}

function parseFile(
  file: TextFile,
  source: string,
  labels: LabelReader,
  options: Omit<SvmlightOptions, 'labels'>,
): { readonly parsed: Parsed; readonly checksum: number } {
  const { zeroBased, limits = LIMITS } = options;
  const parser = new SvmlightParser(file.path, source, labels, { zeroBased, maxEntries: limits.maxEntries });
  const checksum = parseChunks(file, parser, limits.chunkBytes);
  const parsed = parser.finish();
  if (parsed.starts.length > 1) return { parsed, checksum };
  const found = file.sizeBytes === 0 ? 'is empty' : 'has no examples, only comments and blank lines';
  throw new UserError(`${source} ${found}; an example is a line such as: +1 3:0.5 7:1`);
}

/** Gives the parser the file's lines as they are complete. @returns the CRC-32 of all bytes */
function parseChunks(file: TextFile, parser: SvmlightParser, chunkBytes: number): number {
  let bytes = Buffer.alloc(2 * chunkBytes + 1);
  let held = 0; // bytes of an unfinished line, moved to the start of `bytes`
  let checksum = 0;
  for (let offset = 0; ; ) {
    if (bytes.length <= held + chunkBytes) bytes = Buffer.concat([bytes], 2 * bytes.length);
    const got = readSync(file.fd, bytes, held, chunkBytes, offset);
    if (got === 0) break;
    offset += got;
    const fresh = bytes.subarray(held, held + got);
    checksum = crc32(fresh, checksum);
    const newline = fresh.indexOf(NEWLINE);
    if (held + (newline < 0 ? got : newline) > MAX_LINE_BYTES) throw parser.lineTooLong();
    const lines = newline < 0 ? 0 : held + fresh.lastIndexOf(NEWLINE) + 1;
    if (lines > 0) parser.parse(bytes, lines);
    bytes.copyWithin(0, lines, held + got);
    held += got - lines;
  }
  if (held > 0) {
    bytes[held] = NEWLINE;
    parser.parse(bytes, held + 1);
  }
  return checksum;
}
