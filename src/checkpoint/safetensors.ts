// Writes safetensors files: equal tensors and metadata give equal bytes. The format: 8 bytes with the length of the
// header, the header as JSON, then the tensors' bytes, little-endian, without gaps.

import { writeAll } from './atomic.js';
import { type Dtype, ELEMENT_BYTES } from './dtypes.js';

export interface TensorToWrite {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** All bytes, little-endian, row-major; or pieces of them that are made as they are written. */
  readonly data: ArrayBufferView | Iterable<ArrayBufferView>;
}

/** The header is padded so that tensors begin at a multiple of this, in the file and in memory it is mapped to. */
const ALIGNMENT = 8;

/** Writes a whole file to `fd`, from where it stands; returns its size. A tensor's data is asked for once, in turn. */
export function writeSafetensors(
  fd: number,
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>>,
): number {
  const ordered = inFileOrder(tensors);
  const header = encodeHeader(ordered, metadata);
  writeAll(fd, header);
  let sizeBytes = header.length;
  for (const [name, tensor] of ordered) {
    const expected = byteLength(tensor);
    let written = 0;
    for (const piece of ArrayBuffer.isView(tensor.data) ? [tensor.data] : tensor.data) {
      writeAll(fd, new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
      written += piece.byteLength;
    }
    if (written !== expected) throw new RangeError(`tensor ${name}: ${written} bytes were given for ${expected}`);
    sizeBytes += expected;
  }
  return sizeBytes;
}

/** The size of the file that writeSafetensors writes. */
export function safetensorsBytes(
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>>,
): number {
  const ordered = inFileOrder(tensors);
  return ordered.reduce((size, [, tensor]) => size + byteLength(tensor), encodeHeader(ordered, metadata).length);
}

/** Wide elements first, so that each tensor is aligned to its element; then by name, in code order. */
function inFileOrder(tensors: ReadonlyMap<string, TensorToWrite>): readonly (readonly [string, TensorToWrite])[] {
  return [...tensors].sort(([nameA, a], [nameB, b]) => {
    return ELEMENT_BYTES[b.dtype] - ELEMENT_BYTES[a.dtype] || (nameA < nameB ? -1 : 1);
  });
}

function encodeHeader(
  tensors: readonly (readonly [string, TensorToWrite])[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: string[] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    entries.push(`"__metadata__":{${pairs.join(',')}}`);
  }
  let offset = 0;
  for (const [name, tensor] of tensors) {
    const end = offset + byteLength(tensor);
    const about = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] };
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(about)}`);
    offset = end;
  }
  const json = Buffer.from(`{${entries.join(',')}}`);
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(8 + length, ' ');
  header.writeBigUInt64LE(BigInt(length));
  json.copy(header, 8);
  return header;
}

function byteLength({ dtype, shape }: TensorToWrite): number {
  return shape.reduce((size, n) => size * n, ELEMENT_BYTES[dtype]);
}
