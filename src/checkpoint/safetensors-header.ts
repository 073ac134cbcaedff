// The header of a safetensors file: checked against all that the format demands, and against the size of the file.

import { duplicateKey } from '../data/json-keys.js';
import { excerpt, UserError } from '../errors.js';
import { type Dtype, ELEMENT_BYTES, isDtype } from './dtypes.js';

export interface TensorInfo {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Bytes [begin, end) after the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** @throws UserError that names `path` and, where one is at fault, the tensor */
export function parseHeader(json: string, dataBytes: number, path: string): Header {
  const no = (why: string) => new UserError(`${path}: it is no safetensors file, or a damaged one: ${why}`);
  let root: unknown;
  try {
    root = JSON.parse(json);
  } catch {
    throw no('the header is not JSON');
  }
  if (!json.startsWith('{') || !isObject(root)) throw no('the header does not begin with {');
  const twice = duplicateKey(json);
  if (twice !== undefined) throw no(`${excerpt(twice)} stands in the header twice`);
  let metadata: Readonly<Record<string, string>> = {};
  const tensors = new Map<string, TensorInfo>();
  for (const [name, value] of Object.entries(root)) {
    if (name === '__metadata__') {
      if (!isObject(value) || !Object.values(value).every((text) => typeof text === 'string')) {
        throw no('its metadata holds something other than text');
      }
      metadata = value as Record<string, string>;
    } else {
      tensors.set(
        name,
        parseTensor(value, dataBytes, (why) => no(`tensor ${excerpt(name)} ${why}`)),
      );
    }
  }
  checkCoverage(tensors, dataBytes, no);
  return { metadata, tensors };
}

function parseTensor(value: unknown, dataBytes: number, no: (why: string) => UserError): TensorInfo {
  if (!isObject(value)) throw no('is not described');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) throw no(`has the type ${excerpt(dtype)}, which is unknown`);
  if (!Array.isArray(shape) || !shape.every(isSize)) throw no(`has the shape ${excerpt(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw no(`has the offsets ${excerpt(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataBytes) {
    throw no(`lies at bytes ${begin} to ${end} of ${dataBytes}; the file may have been cut off`);
  }
  // In bigint: a product of sizes may be past what a number holds exactly.
  const bytes = shape.reduce((size, n) => size * BigInt(n), BigInt(ELEMENT_BYTES[dtype]));
  if (bytes !== BigInt(end - begin))
    throw no(`of shape ${excerpt(shape)} and type ${dtype} needs ${bytes} bytes, not ${end - begin}`);
  return { dtype, shape, begin, end };
}

/** Tensors neither overlap nor leave a gap, and together are all of the data. */
function checkCoverage(
  tensors: ReadonlyMap<string, TensorInfo>,
  dataBytes: number,
  no: (why: string) => UserError,
): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [name, { begin, end }] of ordered) {
    if (begin < covered) throw no(`tensor ${excerpt(name)} overlaps another`);
    if (begin > covered) throw no(`bytes ${covered} to ${begin} before tensor ${excerpt(name)} belong to none`);
    covered = end;
  }
  if (covered !== dataBytes) throw no(`bytes ${covered} to ${dataBytes} belong to no tensor`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}
