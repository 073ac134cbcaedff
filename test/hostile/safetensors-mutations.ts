// Mutations of safetensors files: of the header as JSON, of its length, of all bytes up to some way into the numbers.
import { mutateBytes } from './byte-mutations.js';
import { mutateJson } from './json-mutations.js';
import type { Choices } from './random.js';

const LENGTH_BYTES = 8;
/** How far into the numbers mutations go: one is like the other. */
const NUMBERS_BYTES = 64;

/** A header has at most 100 million bytes. */
const LENGTHS = [0n, 1n, 2n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 100_000_000n, 100_000_001n];

/** A file of such a header and such numbers. */
export function safetensors(header: string, numbers: Uint8Array, length?: bigint): Buffer {
  const json = Buffer.from(header);
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  const size = Buffer.alloc(LENGTH_BYTES);
  size.writeBigUInt64LE(BigInt.asUintN(64, length ?? BigInt(padded.length)));
  return Buffer.concat([size, padded, numbers]);
}

export function headerOf(file: Buffer): { readonly json: string; readonly numbers: Buffer } {
  const end = LENGTH_BYTES + Number(file.readBigUInt64LE());
  return { json: file.toString('utf8', LENGTH_BYTES, end).trimEnd(), numbers: file.subarray(end) };
}

export function mutateSafetensors(file: Buffer, choices: Choices): Buffer {
  const { json, numbers } = headerOf(file);
  switch (choices.below(10)) {
    case 0:
      return mutateBytes(file, choices, file.length - numbers.length + NUMBERS_BYTES);
    case 1:
      return safetensors(mutateBytes(Buffer.from(json), choices).toString(), numbers);
    case 2:
      return safetensors(json, withNonsense(numbers, choices));
    case 3:
      return safetensors(json, numbers, choices.pick(LENGTHS));
    case 4:
    case 5:
      return safetensors(mutateJson(json, choices), numbers);
    default:
      return safetensors(mutateMetadata(json, choices), numbers);
  }
}

/** One of the texts beside the tensors, which hold JSON themselves. */
function mutateMetadata(json: string, choices: Choices): string {
  const header = JSON.parse(json);
  const names = Object.keys(header.__metadata__ ?? {}).filter((name) => /^[[{]/.test(header.__metadata__[name]));
  if (names.length === 0) return mutateJson(json, choices);
  const name = choices.pick(names);
  return JSON.stringify({
    ...header,
    __metadata__: { ...header.__metadata__, [name]: mutateJson(header.__metadata__[name], choices) },
  });
}

/** Not numbers, infinities and very large ones among the numbers. */
function withNonsense(numbers: Buffer, choices: Choices): Buffer {
  const out = Buffer.from(numbers);
  const floats = Math.floor(out.length / 4);
  for (let left = 1 + choices.below(3); left > 0 && floats > 0; left--)
    out.writeFloatLE(choices.pick([Number.NaN, Infinity, -Infinity, 3e38, -3e38, 1e-45]), 4 * choices.below(floats));
  return out;
}
