// The element types of safetensors files, and how those that hold real numbers become float32.

export type Dtype = keyof typeof ELEMENT_BYTES;

export const ELEMENT_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

export function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(ELEMENT_BYTES, value);
}

/** Bytes as float32; undefined for types that hold no real numbers of 16 bits or more. Float64 is rounded. */
export function toFloat32(dtype: Dtype, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> | undefined {
  const { buffer, byteOffset, byteLength } = bytes;
  const count = byteLength / ELEMENT_BYTES[dtype];
  if (dtype === 'F32') return new Float32Array(buffer, byteOffset, count);
  if (dtype === 'F64') return Float32Array.from(new Float64Array(buffer, byteOffset, count));
  if (dtype !== 'F16' && dtype !== 'BF16') return undefined;
  const halves = new Uint16Array(buffer, byteOffset, count);
  if (dtype === 'F16') return Float32Array.from(halves, fromHalf);
  // bfloat16 is the upper half of a float32.
  const words = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(words.buffer);
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
