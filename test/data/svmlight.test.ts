import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Growing } from '../../src/data/growing.js';
import type { ExampleLabels, SparseExamples } from '../../src/data/sparse-examples.js';
import { readSvmlight, readSvmlightFor, type SvmlightOptions } from '../../src/data/svmlight.js';
import type { Labels } from '../../src/data/svmlight-labels.js';
import { UserError } from '../../src/errors.js';
import { temporaryFolder } from './texts.js';

const { folder, file } = temporaryFolder();

const read = (content: string | Uint8Array, labels: Labels = 'classes', options: Partial<SvmlightOptions> = {}) =>
  readSvmlight(file('x.svm', content), { labels, zeroBased: false, ...options });

function refusal(open: () => unknown): string {
  try {
    open();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message.replaceAll(`${folder}/`, '');
  }
  throw new Error('accepted');
}

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

test('a decimal number is read to the nearest float, as JavaScript reads it', () => {
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

const BAD_VALUE = 'is not allowed; the value of a pair is a finite number such as 3, -0.5 or 1e-3, up to 3.4e38';

test.each(['1e400', '3.5e38', '0x10', '1_000', 'inf', 'nan', '', '.', '-', 'e5', '1e', '1e+', '1.2.3', '1,5', '1:2'])(
  '%j is no value',
  (text) => {
    expect(refusal(() => read(`2\n1 1:0 2:${text} 3:1`))).toBe(`x.svm:2:7: "2:${text}" ${BAD_VALUE}`);
  },
);

const PAIRS = 'is not allowed; after the label come pairs index:value, and';
const INDICES = 'indices are whole numbers, 1 to 2147483647';
const CLASS = 'a line begins with the number of one class, such as +1, -1 or 3';
const LABELS = 'labels are numbers with commas between them, such as 1,4,7; white space for none';
const NUMBERS = 'a line begins with finite numbers with commas between them, up to 3.4e38';
const QIDS = 'is not allowed; a qid is a whole number, 0 to 9007199254740991';

describe('what is wrong in a line is refused at its place, with what is allowed', () => {
  test.each([
    ['index 0', '1 0:1', `1:3: index 0 is not allowed; ${INDICES}, and --zero-based allows 0`],
    ['a negative index', '1 -1:1', `1:3: "-1:1" ${PAIRS} ${INDICES}`],
    ['an index that is not whole', '1 1.5:1', `1:3: "1.5:1" ${PAIRS} ${INDICES}`],
    ['an index with an exponent', '1 1e2:1', `1:3: "1e2:1" ${PAIRS} ${INDICES}`],
    ['an index that is too large', '1 2147483648:1', `1:3: index 2147483648 is not allowed; ${INDICES}`],
    ['no index', '1 :1', `1:3: ":1" ${PAIRS} ${INDICES}`],
    ['no value', '1 1:1 5', `1:7: "5" ${PAIRS} ${INDICES}`],
    ['a space before the value', '1 1: 5', `1:3: "1:" ${BAD_VALUE}`],
    ['unsorted indices', '1 7:1 3:1', '1:7: index 3 comes after 7; the indices of a line ascend: sort them'],
    ['an index twice', '2\n1 3:1 3:1', '2:7: index 3 comes twice; a line has each once'],
    ['a word', '1 abc', `1:3: "abc" ${PAIRS} ${INDICES}`],
    ['a long word', `1 ${'x'.repeat(99)}`, `1:3: "${'x'.repeat(32)}..." ${PAIRS} ${INDICES}`],
    ['a carriage return inside a line', '1 1:1\r2 1:1', `1:3: "1:1\\r2" ${BAD_VALUE}`],
    ['no label', '1:1 2:1', `1:1: the line has no label; ${CLASS}`],
    ['no label but a qid', ' qid:1 2:1', `1:2: the line has no label; ${CLASS}`],
    ['a label that is no number', 'yes 1:1', `1:1: "yes" is not allowed; ${CLASS}`],
    ['an infinite label', '1e999 1:1', `1:1: "1e999" is not allowed; ${CLASS}`],
    ['two classes', '1,2 1:1', `1:1: "1,2" is not allowed; ${CLASS}`],
    ['a qid behind a pair', '1 1:1 qid:3', `1:7: "qid:3" ${PAIRS} a qid stands before the first pair`],
    ['a qid that is not whole', '1 qid:1.5', `1:3: "qid:1.5" ${QIDS}`],
    ['a qid without a number', '1 qid:', `1:3: "qid:" ${QIDS}`],
    ['a negative qid', '1 qid:-1', `1:3: "qid:-1" ${QIDS}`],
    ['a qid that is too large', '1 qid:9007199254740993', `1:3: "qid:9007199254740993" ${QIDS}`],
    [
      'a qid missing',
      '1 qid:1\n2 1:1',
      '2:3: the line has no qid, and those before have; give one to all lines or to none',
    ],
    [
      'a qid missing at the end',
      '1 qid:1\n2',
      '2:2: the line has no qid, and those before have; give one to all lines or to none',
    ],
    [
      'a qid too many',
      '1 1:1\n2 qid:1',
      '2:3: the line has a qid, and those before have none; give one to all lines or to none',
    ],
    ['a qid again', '1 qid:1\n1 qid:2\n1 qid:1', '3:3: qid 1 comes again after others; put its lines together'],
  ])('%s', (_, content, message) => {
    expect(refusal(() => read(content))).toBe(`x.svm:${message}`);
  });

  test.each<[string, Labels, string, string]>([
    ['an empty label', 'multilabel', '1,,2 1:1', `1:1: "1,,2" is not allowed; ${LABELS}`],
    ['a comma at the end', 'multilabel', '1, 1:1', `1:1: "1," is not allowed; ${LABELS}`],
    ['a label twice', 'multilabel', '1 1:1\n1,2,1.0', '2:5: the line has the label 1 twice; give each once'],
    ['labels behind white space', 'multilabel', ' 1,2 1:1', `1:2: "1,2" ${PAIRS} ${INDICES}`],
    ['no numbers', 'numbers', '1:1', `1:1: the line has no label; ${NUMBERS}`],
    ['no float', 'numbers', '1e39', `1:1: "1e39" is not allowed; ${NUMBERS}`],
    ['a number too few', 'numbers', '1,2\n3', '2:1: the line has 1 number to predict; the lines before have 2'],
    ['a number too many', 'numbers', '1\n3,4', '2:1: the line has 2 numbers to predict; the lines before have 1'],
  ])('%s among %s', (_, labels, content, message) => {
    expect(refusal(() => read(content, labels))).toBe(`x.svm:${message}`);
  });

  test.each<[string, number[], string]>([
    ['a byte 0', [49, 32, 0, 10], '1:3: byte 0x00 is not allowed; svmlight files are text'],
    ['a byte 0 in a comment', [49, 32, 35, 120, 0], '1:5: byte 0x00 is not allowed; svmlight files are text'],
    ['a byte beyond ASCII', [49, 32, 49, 0xc3, 0xa9, 58, 49], '1:4: byte 0xc3 is not allowed; lines are ASCII'],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 49, 10], '1:1: byte 0xef is not allowed; lines are ASCII'],
  ])('%s', (_, content, message) => {
    expect(refusal(() => read(Uint8Array.from(content)))).toContain(`x.svm:${message}`);
  });

  test('a line of 10 MB, without holding it', () => {
    const message = 'x.svm:2:1: the line is longer than 4 MiB, which is the most; is this a file of examples?';
    expect(refusal(() => read(`1 1:1\n2 #${'x'.repeat(10e6)}\n`))).toBe(message);
    expect(read(`1 1:1\n2 #${'x'.repeat(4e6)}\n`).count).toBe(2);
  });

  test('more entries than are allowed', () => {
    const limits = { chunkBytes: 100, maxEntries: 3 };
    expect(read('1 1:1 2:1\n2 1:1', 'classes', { limits }).features.length).toBe(3);
    expect(refusal(() => read('1 1:1 2:1\n2 1:1 2:1', 'classes', { limits }))).toBe(
      'x.svm:2:10: the file has more than 3 index:value pairs up to here, which is the most; give a part of it',
    );
  });
});

describe('a file that cannot be learned from is refused by name', () => {
  test.each<[string, Labels, string]>([
    ['', 'classes', 'is empty; an example is a line such as: +1 3:0.5 7:1'],
    [
      '\n # x\n',
      'classes',
      'has no examples, only comments and blank lines; an example is a line such as: +1 3:0.5 7:1',
    ],
    ['1\n2\n', 'classes', 'has no index:value pair; there is nothing to learn from'],
    ['1 1:1\n1 2:1\n', 'classes', 'has the label 1 in all of its 2 examples; classes to learn are at least two'],
    ['-1 1:1', 'classes', 'has the label -1 in its only example; classes to learn are at least two'],
    ['1:1\n2:1\n', 'multilabel', 'has no label in any line; there is nothing to learn'],
  ])('%j as %s', (content, labels, message) => {
    expect(refusal(() => read(content, labels))).toBe(`--svmlight: x.svm ${message}`);
  });

  test('a folder, no file, and no regular file', () => {
    const open = (path: string) =>
      refusal(() => readSvmlight(path, { labels: 'classes', zeroBased: false, flag: '--data' }));
    mkdirSync(join(folder, 'sub'));
    expect(open(join(folder, 'sub'))).toBe('--data: sub is a folder; give a text file');
    expect(open(join(folder, 'absent'))).toBe('--data: absent cannot be read: it does not exist');
    expect(open('/dev/null')).toBe('--data: /dev/null is no regular file; give a text file');
  });

  test('3 GB of zeros: soon', () => {
    const path = join(folder, 'zeros');
    const fd = openSync(path, 'w');
    ftruncateSync(fd, 3e9);
    closeSync(fd);
    expect(refusal(() => readSvmlight(path, { labels: 'classes', zeroBased: false }))).toMatch(
      /^zeros:1:1: the line is longer/,
    );
  });

  test('more than memory can hold', () => {
    const full = new Growing((length) => (length > 2000 ? new Int32Array(2 ** 40) : new Int32Array(length)), 'x.svm');
    const fill = () => {
      for (let i = 0; i < 3000; i++) full.push(i);
    };
    expect(refusal(fill)).toBe('x.svm does not fit into memory: 2048 numbers in one array are too many');
  });
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

/** Pseudorandom whole numbers below n (Marsaglia 2003). */
function below(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

test('2000 mutations of a file are read or refused at a place, the same whatever the chunks are', () => {
  const random = below(20);
  const valid = Buffer.from(
    '+1 qid:1 3:0.5 17:1e-3 # a\n-1 qid:1 2:7\n\n3 qid:4 1:-.25 2147483647:12.5\r\n1 qid:5 9:0\n',
  );
  const pieces = ['0', '9', ':', '-', '.', 'e', ' ', '\n', '\r', '#', ',', 'qid:', '\0', 'é', '99999999999', '\t', '+'];
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const mutate = (bytes: Buffer): Buffer => {
      const at = random(bytes.length + 1);
      const piece = Buffer.from(random(3) === 0 ? '' : pieces[random(pieces.length)]);
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + random(3))]);
    };
    let content: Buffer = valid;
    for (let n = 1 + random(3); n > 0; n--) content = mutate(content);
    const labels = (['classes', 'multilabel', 'numbers'] as const)[i % 3];
    const outcome = (chunkBytes: number): unknown => {
      try {
        return read(content, labels, { limits: { chunkBytes, maxEntries: 100 } });
      } catch (error) {
        expect(error, `mutation ${i}: ${JSON.stringify(content.toString('latin1'))}`).toBeInstanceOf(UserError);
        expect((error as Error).message).toMatch(/x\.svm:[1-9]\d*:[1-9]\d*: ./);
        return (error as Error).message;
      }
    };
    const whole = outcome(1 << 20);
    if (typeof whole === 'string') refused++;
    expect(outcome(1 + (i % 7)), `mutation ${i}`).toEqual(whole);
  }
  expect(refused).toBeGreaterThan(500);
  expect(refused).toBeLessThan(1900);
});
