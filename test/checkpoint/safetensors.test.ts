import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dtype } from '../../src/checkpoint/dtypes.js';
import { safetensorsBytes, type TensorToWrite, writeSafetensors } from '../../src/checkpoint/safetensors.js';
import { SafetensorsFile } from '../../src/checkpoint/safetensors-file.js';
import { UserError } from '../../src/errors.js';

let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroll-safetensors-'));
  path = join(folder, 'x.safetensors');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function write(tensors: Record<string, TensorToWrite>, metadata: Record<string, string> = {}): Buffer {
  const fd = openSync(path, 'w');
  const sizeBytes = writeSafetensors(fd, new Map(Object.entries(tensors)), metadata);
  closeSync(fd);
  const bytes = readFileSync(path);
  expect(sizeBytes).toBe(bytes.length);
  expect(safetensorsBytes(new Map(Object.entries(tensors)), metadata)).toBe(bytes.length);
  return bytes;
}

function headerOf(bytes: Buffer): string {
  return bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()));
}

function reading<T>(use: (file: SafetensorsFile) => T): T {
  const file = SafetensorsFile.open(path);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

const floats = (...values: number[]): TensorToWrite => ({
  dtype: 'F32',
  shape: [values.length],
  data: Float32Array.from(values),
});

test('the bytes are those of the format: length, header padded to 8, tensors by name', () => {
  const bytes = write({ b: floats(1), a: floats(2, 3) }, { z: '1', format: 'pt' });
  const header =
    '{"__metadata__":{"format":"pt","z":"1"},' +
    '"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}';
  expect(headerOf(bytes).trimEnd()).toBe(header);
  expect((8 + headerOf(bytes).length) % 8).toBe(0);
  expect([...new Float32Array(Uint8Array.from(bytes.subarray(-12)).buffer)]).toEqual([2, 3, 1]);
});

test('equal content gives equal bytes, in whatever order it is given', () => {
  const one = write({ a: floats(1), b: floats(2) }, { x: '1', y: '2' });
  expect(write({ b: floats(2), a: floats(1) }, { y: '2', x: '1' }).equals(one)).toBe(true);
});

test('each tensor is aligned to its element, whatever stands beside it', () => {
  const bytes = write({
    a: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
    b: { dtype: 'F64', shape: [1], data: Float64Array.of(0.1) },
    c: floats(1),
    d: { dtype: 'I64', shape: [2], data: BigInt64Array.of(-1n, 2n) },
  });
  const header = JSON.parse(headerOf(bytes));
  expect(header.b.data_offsets[0] % 8).toBe(0);
  expect(header.d.data_offsets[0] % 8).toBe(0);
  expect(header.c.data_offsets[0] % 4).toBe(0);
  reading((file) => {
    expect(new Float64Array(file.readExactly('b', 'F64'))).toEqual(Float64Array.of(0.1));
    expect(new BigInt64Array(file.readExactly('d', 'I64'))).toEqual(BigInt64Array.of(-1n, 2n));
  });
});

test('a tensor may be given in pieces, and from shared memory', () => {
  const shared = new Float32Array(new SharedArrayBuffer(16));
  shared.set([1, 2, 3, 4]);
  function* pieces() {
    yield shared.subarray(0, 1);
    yield shared.subarray(1, 4);
  }
  const whole = write({ a: { dtype: 'F32', shape: [2, 2], data: shared } });
  expect(write({ a: { dtype: 'F32', shape: [2, 2], data: pieces() } }).equals(whole)).toBe(true);
  expect(() => write({ a: { dtype: 'F32', shape: [5], data: shared } })).toThrow(RangeError);
});

const names = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((name) => name !== '__metadata__');
const tensor = fc
  .record({
    dtype: fc.constantFrom<Dtype>('F64', 'F32', 'I64', 'I32', 'I16', 'U8', 'BF16', 'BOOL'),
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
    fill: fc.nat(255),
  })
  .map(({ dtype, shape, fill }): TensorToWrite & { data: Uint8Array } => {
    const width = { F64: 8, I64: 8, F32: 4, I32: 4, I16: 2, BF16: 2, U8: 1, BOOL: 1 }[dtype as 'F32'];
    const data = new Uint8Array(shape.reduce((size, n) => size * n, width)).map((_, i) => fill + i);
    return { dtype, shape, data };
  });

test('what is written is what is read, whatever the names, types and shapes', () => {
  const files = fc.array(fc.tuple(names, tensor), { maxLength: 5 });
  fc.assert(
    fc.property(files, fc.dictionary(fc.string(), fc.string()), (entries, metadata) => {
      const tensors = new Map(entries);
      const fd = openSync(path, 'w');
      writeSafetensors(fd, tensors, metadata);
      closeSync(fd);
      reading((file) => {
        expect([...file.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
        expect(Object.entries(file.metadata).sort()).toEqual(Object.entries(metadata).sort());
        for (const [name, { dtype, shape, data }] of tensors) {
          expect(file.info(name)).toMatchObject({ dtype, shape });
          expect(file.readBytes(name)).toEqual(data);
        }
      });
    }),
    { seed: 13 },
  );
});

test('real numbers of every width are read as float32', () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000, 0x0400);
  write({
    f64: { dtype: 'F64', shape: [2], data: Float64Array.of(0.1, -2) },
    f32: floats(0.5, Number.NaN),
    f16: { dtype: 'F16', shape: [9], data: halves },
    bf16: { dtype: 'BF16', shape: [3], data: Uint16Array.of(0x3f80, 0xc0a0, 0x7f80) },
    i32: { dtype: 'I32', shape: [1], data: Int32Array.of(1) },
  });
  reading((file) => {
    expect(file.readFloat32('f64')).toEqual(Float32Array.of(0.1, -2));
    expect(file.readFloat32('f32')).toEqual(Float32Array.of(0.5, Number.NaN));
    const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
    const values = [1, -2, 2 ** -24, 65504, POSITIVE_INFINITY, NEGATIVE_INFINITY, Number.NaN, -0, 2 ** -14];
    expect(file.readFloat32('f16')).toEqual(Float32Array.from(values));
    expect(file.readFloat32('bf16')).toEqual(Float32Array.of(1, -5, POSITIVE_INFINITY));
    expect(() => file.readFloat32('i32')).toThrow(
      `${path}: tensor "i32" is of type I32; F64, F32, F16 or BF16 is needed`,
    );
    expect(() => file.readExactly('f16', 'F32')).toThrow(/tensor "f16" is of type F16; F32 is needed/);
    expect(() => file.readBytes('none')).toThrow(`${path}: it has no tensor "none"`);
  });
});

describe('a file that is not what the format demands is refused', () => {
  function refusal(): string {
    try {
      SafetensorsFile.open(path).close();
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return (error as Error).message;
    }
    throw new Error('accepted');
  }

  function make(header: string | Uint8Array, dataBytes: number, length?: bigint): void {
    const json = Buffer.from(header as string);
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(length ?? BigInt(json.length));
    writeFileSync(path, Buffer.concat([head, json, Buffer.alloc(dataBytes)]));
  }

  const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) =>
    JSON.stringify({ dtype: 'F32', shape, data_offsets: [begin, end] });

  test.each<[string, string, number, RegExp]>([
    ['no JSON', '{"a":', 0, /the header is not JSON/],
    ['a list', '[]', 0, /does not begin with \{/],
    ['a space first', ' {}', 0, /does not begin with \{/],
    ['a name twice', `{"a":${f32(0, 4)},"a":${f32(0, 4)}}`, 4, /"a" stands in the header twice/],
    [
      'a name twice, written in two ways',
      `{"a":${f32(0, 4)},"\\u0061":${f32(0, 4)}}`,
      4,
      /"a" stands in the header twice/,
    ],
    ['a field twice', '{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4, /"dtype" stands/],
    ['metadata that is no text', '{"__metadata__":{"a":1}}', 0, /metadata holds something other than text/],
    ['metadata that is no object', '{"__metadata__":"a"}', 0, /metadata holds something other than text/],
    ['no description', '{"a":3}', 0, /tensor "a" is not described/],
    ['an unknown type', '{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}', 4, /"a" has the type "F31"/],
    ['an inherited type', '{"a":{"dtype":"toString","shape":[1],"data_offsets":[0,4]}}', 4, /has the type "toString"/],
    ['a negative size', `{"a":${f32(0, 4, [-1])}}`, 4, /"a" has the shape \[-1\]/],
    ['a broken size', `{"a":${f32(0, 4, [1.5])}}`, 4, /"a" has the shape/],
    ['a shape of another type', '{"a":{"dtype":"F32","shape":"1","data_offsets":[0,4]}}', 4, /"a" has the shape/],
    ['one offset', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}', 4, /"a" has the offsets/],
    ['offsets backwards', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', 4, /"a" lies at bytes 4 to 0/],
    ['an end past the file', `{"a":${f32(0, 8)}}`, 4, /"a" lies at bytes 0 to 8 of 4; the file may have been cut off/],
    ['another size', `{"a":${f32(0, 4, [2])}}`, 4, /of shape \[2\] and type F32 needs 8 bytes, not 4/],
    ['a size past all numbers', `{"a":${f32(0, 4, [2 ** 40, 2 ** 40])}}`, 4, /needs \d{25} bytes, not 4/],
    ['an overlap', `{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, 12, /tensor "b" overlaps another/],
    ['a hole', `{"a":${f32(0, 4)},"b":${f32(8, 12)}}`, 12, /bytes 4 to 8 before tensor "b" belong to none/],
    ['a hole at the start', `{"a":${f32(4, 8)}}`, 8, /bytes 0 to 4 before tensor "a"/],
    ['bytes left over', `{"a":${f32(0, 4)}}`, 5, /bytes 4 to 5 belong to no tensor/],
  ])('%s', (_, header, dataBytes, message) => {
    make(header, dataBytes);
    expect(refusal()).toMatch(message);
    expect(refusal().startsWith(`${path}: it is no safetensors file, or a damaged one: `)).toBe(true);
  });

  test('by what it is at all', () => {
    writeFileSync(path, 'short');
    expect(refusal()).toMatch(/5 bytes are too few/);
    writeFileSync(path, 'Call me Ishmael. Some years ago');
    expect(refusal()).toMatch(/a header of \d+ bytes, at most 100000000 are allowed/);
    make('{}', 0, 3n);
    expect(refusal()).toMatch(/a header of 3 bytes in a file of 10/);
    make(Uint8Array.of(0x7b, 0xff, 0x7d), 0);
    expect(refusal()).toMatch(/the header is not UTF-8/);
    rmSync(path);
    expect(refusal()).toBe(`${path} cannot be read: it does not exist`);
    mkdirSync(path);
    expect(refusal()).toBe(`${path}: it is no file; a safetensors file is needed`);
    rmSync(path, { recursive: true });
  });

  test('wherever it is cut off', () => {
    const bytes = write({ a: floats(1, 2), b: floats(3) }, { format: 'pt' });
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(() => refusal()).not.toThrow();
    }
  });

  test('or is read as it stands, whichever byte is changed: nothing else is thrown', () => {
    const bytes = write({ 'rnn.weight': floats(1, 2), b: floats(3) }, { format: 'pt' });
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        writeFileSync(path, changed);
        try {
          reading((file) => [...file.tensors.keys()].map((name) => file.readBytes(name)));
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { seed: 17, numRuns: 500 },
    );
  });
});

test('a header with a megabyte of escaped text is read', () => {
  const text = '"\\\n'.repeat(300_000);
  write({}, { vocabulary: text });
  expect(reading((file) => file.metadata.vocabulary)).toBe(text);
});

test('empty tensors and scalars have their place', () => {
  write({ none: { dtype: 'F32', shape: [0, 3], data: new Float32Array(0) }, one: { ...floats(7), shape: [] } });
  reading((file) => {
    expect(file.readFloat32('none')).toEqual(new Float32Array(0));
    expect(file.readFloat32('one')).toEqual(Float32Array.of(7));
  });
});

/** Whether Python has the format's own library here. */
function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import safetensors, numpy'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.runIf(hasPython())("the format's own library reads what we write, and we read what it writes", () => {
  write(
    { a: { ...floats(1, 2, 3, 4), shape: [2, 2] }, b: { dtype: 'I64', shape: [1], data: BigInt64Array.of(5n) } },
    { k: 'v' },
  );
  const script = [
    'import sys, safetensors.numpy as s, numpy as n',
    't = s.load_file(sys.argv[1])',
    'assert t["a"].tolist() == [[1, 2], [3, 4]] and t["b"].tolist() == [5]',
    's.save_file({"x": n.array([[0.5], [2]], dtype="float32"), "h": n.array([1], dtype="uint8")}, sys.argv[1])',
  ].join('\n');
  execFileSync('python3', ['-c', script, path]);
  reading((file) => {
    expect(file.info('x').shape).toEqual([2, 1]);
    expect(file.readFloat32('x')).toEqual(Float32Array.of(0.5, 2));
    expect(file.readBytes('h')).toEqual(Uint8Array.of(1));
  });
});
