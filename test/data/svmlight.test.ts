import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ExampleLabels, SparseExamples } from '../../src/data/sparse-examples.js';
import { readSvmlight, readSvmlightFor, type SvmlightOptions } from '../../src/data/svmlight.js';
import type { Labels } from '../../src/data/svmlight-labels.js';
import { temporaryFolder } from './texts.js';

const { file, refusal } = temporaryFolder();

const read = (content: string | Uint8Array, labels: Labels = 'classes', options: Partial<SvmlightOptions> = {}) =>
  readSvmlight(file('x.svm', content), { labels, zeroBased: false, ...options });

/** Labels as a file has them. */
function labelsAt(labels: ExampleLabels, i: number): number[] {
  if (labels.kind === 'classes') return [labels.names[labels.classes[i]]];
  if (labels.kind === 'numbers') return [...labels.values.subarray(i * labels.outputs, (i + 1) * labels.outputs)];
  return [...labels.classes.subarray(labels.starts[i], labels.starts[i + 1])].map((number) => labels.names[number]);
}

/** An example as the line of a file has it. */
interface Line {
  readonly labels: readonly number[];
  readonly group: number | undefined;
  readonly entries: readonly (readonly [number, number])[];
}

function linesOf(examples: SparseExamples): Line[] {
  return Array.from({ length: examples.count }, (_, i) => ({
    labels: labelsAt(examples.labels, i),
    group: examples.groups?.[i],
    entries: Array.from({ length: examples.starts[i + 1] - examples.starts[i] }, (_, k) => {
      const at = examples.starts[i] + k;
      return [examples.indices[examples.features[at]], examples.values[at]] as const;
    }),
  }));
}

test('classes are the different labels, ascending; features are the different indices, ascending', () => {
  const content = '+1 3:0.5 7:1e-3 # first\n\n# only a comment\n -1\t7:2\t100:-0\r\n3 # no features\n1 3:0#x';
  const examples = read(content);
  expect(examples).toMatchObject({ count: 4, groups: undefined, checksum: crc32(content) });
  expect([...examples.indices]).toEqual([3, 7, 100]);
  expect([...examples.features]).toEqual([0, 1, 1, 2, 0]);
  expect([...examples.values]).toEqual([0.5, Math.fround(1e-3), 2, -0, 0]);
  expect([...examples.starts]).toEqual([0, 2, 4, 4, 5]);
  expect(examples.labels).toEqual({
    kind: 'classes',
    names: Float64Array.of(-1, 1, 3),
    classes: Int32Array.of(1, 0, 2, 1),
  });
});

test('multilabel lines have any number of labels: none where white space or a pair comes first', () => {
  const examples = read('7,2 qid:0 1:1\n qid:0 1:1\nqid:0 1:1\n\tqid:4\n2 qid:5\n', 'multilabel');
  expect(linesOf(examples).map(({ labels }) => labels)).toEqual([[7, 2], [], [], [], [2]]);
  expect(examples.labels).toMatchObject({ names: Float64Array.of(2, 7), starts: Int32Array.of(0, 2, 2, 2, 2, 3) });
  expect([...(examples.groups as Float64Array)]).toEqual([0, 0, 0, 4, 5]);
});

test('numbers to predict are as many in each line', () => {
  const { labels } = read('.5,-2e3 1:1\n1.,+7 2:1\n', 'numbers');
  expect(labels).toEqual({ kind: 'numbers', outputs: 2, values: Float32Array.of(0.5, -2000, 1, 7) });
});

test('indices from 0 are read where they are asked for', () => {
  expect([...read('1 0:1 2147483647:1\n2 5:1', 'classes', { zeroBased: true }).indices]).toEqual([0, 5, 2147483647]);
});

const anyValue = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -1000, max: 1000 }).map((n) => n / 100),
);
const numberForms = [String, (n: number) => n.toExponential(), (n: number) => `${n < 0 ? '' : '+'}${n.toFixed(5)}`];
/** A number and a way to write it. */
const written = fc.tuple(anyValue, fc.constantFrom(...numberForms)).map(([value, form]) => form(value));
const anyIndex = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }));
const anyLabels: Record<Labels, fc.Arbitrary<string[]>> = {
  classes: fc.array(fc.constantFrom('+1', '-1', '0', '2.5', '3'), { minLength: 1, maxLength: 1 }),
  multilabel: fc.uniqueArray(fc.constantFrom('5', '-1', '0', '2.5', '3'), { maxLength: 4 }),
  numbers: fc.array(written, { minLength: 2, maxLength: 2 }),
};

interface Written {
  readonly labels: readonly string[];
  readonly pairs: readonly (readonly [number, string])[];
}

const anyLines = (kind: Labels): fc.Arbitrary<Written[]> =>
  fc.array(
    fc.record({
      labels: anyLabels[kind],
      pairs: fc
        .uniqueArray(fc.tuple(anyIndex, written), { selector: ([index]) => index, maxLength: 8 })
        .map((pairs) => pairs.sort(([a], [b]) => a - b)),
    }),
    { minLength: 1, maxLength: 12 },
  );

const MEANINGFUL: Record<Labels, (lines: readonly Written[]) => boolean> = {
  classes: (lines) => new Set(lines.flatMap(({ labels }) => labels)).size > 1,
  multilabel: (lines) => lines.some(({ labels }) => labels.length > 0),
  numbers: () => true,
};

test.each<Labels>(['classes', 'multilabel', 'numbers'])('%s: what is written to a file is read back', (kind) => {
  const layouts = fc.record({
    end: fc.constantFrom('\n', '\r\n', ' \n', ' # é 1:1\n', '\n\n# x\n \t\n'),
    gap: fc.constantFrom(' ', '\t', '   '),
    grouped: fc.boolean(),
    last: fc.boolean(),
    chunkBytes: fc.integer({ min: 1, max: 100 }),
  });
  fc.assert(
    fc.property(anyLines(kind), layouts, (lines, { end, gap, grouped, last, chunkBytes }) => {
      fc.pre(MEANINGFUL[kind](lines) && lines.some(({ pairs }) => pairs.length > 0));
      // A line with neither labels nor pairs would be blank; the qid makes it an example.
      fc.pre(grouped || lines.every(({ labels, pairs }) => labels.length + pairs.length > 0));
      const group = (i: number) => (grouped ? 100 - Math.floor(i / 3) : undefined);
      const content = lines
        .map(({ labels, pairs }, i) =>
          [labels.join(), ...(grouped ? [`qid:${group(i)}`] : []), ...pairs.map((pair) => pair.join(':'))].join(gap),
        )
        .join(end);
      const examples = read(last ? content + end : content, kind, { limits: { chunkBytes, maxEntries: 1e6 } });
      const number = (text: string) => (kind === 'numbers' ? Math.fround(Number(text)) : Number(text));
      const expected = lines.map(({ labels, pairs }, i) => ({
        labels: labels.map(number),
        group: group(i),
        entries: pairs.map(([index, value]) => [index, Math.fround(Number(value))]),
      }));
      expect(linesOf(examples)).toEqual(expected);
    }),
    { seed: 11, numRuns: 300 },
  );
});

test('a decimal number is read to the nearest double of a label and float of a value, as JavaScript reads it', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 25 });
  const number = fc
    .tuple(fc.constantFrom('', '+', '-'), digits, fc.option(digits), fc.option(fc.integer({ min: -60, max: 30 })))
    .filter(([, whole, decimals]) => whole !== '' || (decimals ?? '') !== '')
    .map(([sign, whole, decimals, exponent]) => {
      return `${sign}${whole}${decimals === null ? '' : `.${decimals}`}${exponent === null ? '' : `E${exponent}`}`;
    })
    .filter((text) => Number.isFinite(Math.fround(Number(text))));
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 20 }), (texts) => {
      const { values } = read(`1 ${texts.map((text, i) => `${i + 1}:${text}`).join(' ')}\n2`);
      expect([...values]).toEqual(texts.map((text) => Math.fround(Number(text))));
      const labelled = read(`77 1:1\n${texts.map((text) => `${text} 1:1\n`).join('')}88 1:1`);
      expect(texts.map((_, i) => labelsAt(labelled.labels, i + 1)[0])).toEqual(texts.map((text) => Number(text) + 0));
    }),
    { seed: 12, numRuns: 500 },
  );
});

test.each<[string, number]>([
  ['1e-3', 1e-3],
  ['.5', 0.5],
  ['1.', 1],
  ['-0', -0],
  ['+2', 2],
  ['1E+2', 100],
  ['00012', 12],
  ['123456789012345678901', 1.2345678901234568e20],
  ['1e-400', 0],
  ['0e999', 0],
  ['9007199254740993', 9007199254740992],
  ['3.4028235e38', 3.4028234663852886e38],
])('%s is a value', (text, value) => {
  expect(read(`1 1:${text}\n2`).values[0]).toBe(Math.fround(value));
});

describe('examples for a model', () => {
  const model = () => read('-1 2:1 5:1\n4 9:1\n');
  const readFor = (content: string, known: Parameters<typeof readSvmlightFor>[1] = model()) =>
    readSvmlightFor(file('new.svm', content), known, { zeroBased: false });

  test('have the features and classes of the model; entries of unknown features are left out and counted', () => {
    const examples = readFor('4 1:7 2:1 9:3\n4 3:1 5:2 2147483647:1\n4 8:1');
    expect(examples).toMatchObject({ count: 3, skipped: 4, indices: Int32Array.of(2, 5, 9) });
    expect([...examples.starts]).toEqual([0, 2, 3, 3]);
    expect([...examples.features]).toEqual([0, 2, 1]);
    expect([...examples.values]).toEqual([1, 3, 2]);
    expect(examples.labels).toEqual({
      kind: 'classes',
      names: Float64Array.of(-1, 4),
      classes: Int32Array.of(1, 1, 1),
    });
  });

  test('have labels that the model learned', () => {
    const message = 'does not occur in what the model learned, which has';
    expect(refusal(() => readFor('4 2:1\n3 2:1'))).toBe(`new.svm:2:1: label 3 ${message} -1, 4`);
    const many = read(Array.from({ length: 9 }, (_, i) => `${i},${i + 1} 1:1`).join('\n'), 'multilabel');
    expect(linesOf(readFor('9,0 1:1', many))[0].labels).toEqual([9, 0]);
    expect(refusal(() => readFor('1,77', many))).toBe(
      `new.svm:1:3: label 77 ${message} 0, 1, 2, 3, 4, 5, ... (10 in all)`,
    );
  });

  test('have as many numbers as the model predicts', () => {
    const known = read('1,2 1:1', 'numbers');
    expect(readFor('3,4', known).labels).toMatchObject({ outputs: 2, values: Float32Array.of(3, 4) });
    expect(refusal(() => readFor('3', known))).toBe(
      'new.svm:1:1: the line has 1 number to predict; the model predicts 2',
    );
  });
});
