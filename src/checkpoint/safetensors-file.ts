// Reads safetensors files, also such as were written elsewhere, damaged or made up: nothing in one is believed before
// it is checked. The header is read when the file is opened, each tensor when it is asked for.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { systemReason, UserError } from '../errors.js';
import { type Dtype, ELEMENT_BYTES, toFloat32 } from './dtypes.js';
import { parseHeader, type TensorInfo } from './safetensors-header.js';

/** As in the format's own library. */
const MAX_HEADER_BYTES = 100_000_000;
/** The system reads 2 GiB at once at most. */
const MAX_READ_BYTES = 1 << 30;

export class SafetensorsFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #fd: number;
  /** Where the tensors' bytes begin in the file. */
  readonly #start: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    const { json, start, dataBytes } = readHeader(path, fd);
    this.#start = start;
    const { metadata, tensors } = parseHeader(json, dataBytes, path);
    this.metadata = metadata;
    this.tensors = tensors;
  }

  /** @throws UserError that names the file, and the tensor where it is about one */
  static open(path: string): SafetensorsFile {
    let fd: number | undefined;
    try {
      fd = openSync(path, 'r');
      return new SafetensorsFile(path, fd);
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      throw readError(path, error);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info === undefined) throw new UserError(`${this.path}: it has no tensor "${name}"`);
    return info;
  }

  /** A tensor's bytes [from, to), little-endian, at the start of a buffer of their own. */
  readBytes(name: string, from = 0, to = this.#bytesOf(name)): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(to - from);
    try {
      readAll(this.path, this.#fd, bytes, this.#start + this.info(name).begin + from);
    } catch (error) {
      throw readError(this.path, error);
    }
    return bytes;
  }

  /** A tensor of real numbers (F64, F32, F16, BF16), or its elements [from, to), as float32. */
  readFloat32(name: string, from = 0, to?: number): Float32Array<ArrayBuffer> {
    const { dtype } = this.info(name);
    const size = ELEMENT_BYTES[dtype];
    const values = toFloat32(dtype, this.readBytes(name, from * size, to === undefined ? undefined : to * size));
    if (values === undefined) throw this.#wrongType(name, dtype, 'F64, F32, F16 or BF16');
    return values;
  }

  /** A tensor's bytes where it must be of type `dtype`: what the caller wraps in its typed array. */
  readExactly(name: string, dtype: Dtype): ArrayBuffer {
    const found = this.info(name).dtype;
    if (found !== dtype) throw this.#wrongType(name, found, dtype);
    return this.readBytes(name).buffer;
  }

  #bytesOf(name: string): number {
    const { begin, end } = this.info(name);
    return end - begin;
  }

  #wrongType(name: string, found: Dtype, allowed: string): UserError {
    return new UserError(`${this.path}: tensor "${name}" is of type ${found}; ${allowed} is needed`);
  }
}

function readHeader(path: string, fd: number): { json: string; start: number; dataBytes: number } {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw new UserError(`${path}: it is no file; a safetensors file is needed`);
  const no = (why: string) => new UserError(`${path}: it is no safetensors file, or a damaged one: ${why}`);
  if (stat.size < 8) throw no(`${stat.size} bytes are too few`);
  const head = Buffer.alloc(8);
  readAll(path, fd, head, 0);
  const length = head.readBigUInt64LE();
  if (length > BigInt(MAX_HEADER_BYTES))
    throw no(`a header of ${length} bytes, at most ${MAX_HEADER_BYTES} are allowed`);
  const start = 8 + Number(length);
  if (start > stat.size) throw no(`a header of ${length} bytes in a file of ${stat.size}`);
  const bytes = new Uint8Array(Number(length));
  readAll(path, fd, bytes, 8);
  try {
    const json = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { json, start, dataBytes: stat.size - start };
  } catch {
    throw no('the header is not UTF-8');
  }
}

function readAll(path: string, fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(fd, bytes, done, Math.min(bytes.length - done, MAX_READ_BYTES), position + done);
    if (got === 0) throw new UserError(`${path}: the file became shorter while it was read`);
    done += got;
  }
}

function readError(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  return new UserError(`${path} cannot be read: ${systemReason(error)}`);
}
