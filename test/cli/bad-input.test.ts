// Everything that may be wrong with what a user gives, through the real binary: exit code 2, one message that names flag or file
// and what is allowed, no stack trace, nothing on stdout, nothing written.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { folder, unroll } from './command.js';

const path = (name: string): string => join(folder, name);
const TEXT = 'The ship sails on, and the whale with it.\n'.repeat(60);
/** Settings of a small run, but for those that a row gives itself: a flag may be given once. */
const small = (flags: readonly string[]): string[] =>
  [
    ['--hidden', '8'],
    ['--batch', '4'],
    ['--window', '8'],
    ['--workers', '1'],
  ]
    .filter(([name]) => !flags.includes(name))
    .flat()
    .concat('--quiet');
/** What stands in the folder before a command is run. */
let before: readonly string[];

beforeAll(() => {
  writeFileSync(path('text.txt'), TEXT);
  writeFileSync(path('other.txt'), TEXT.replaceAll('whale', 'zebra'));
  writeFileSync(path('empty.txt'), '');
  writeFileSync(path('one.txt'), 'a');
  writeFileSync(path('same.txt'), 'a'.repeat(1000));
  writeFileSync(path('latin1.txt'), Buffer.concat([Buffer.from('caf'), Buffer.from([0xe9, 0x0a]), Buffer.from(TEXT)]));
  writeFileSync(path('binary.bin'), Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 37) % 256)));
  writeFileSync(path('zeros.bin'), '');
  truncateSync(path('zeros.bin'), 3 * 2 ** 30);
  mkdirSync(path('folder'));
  symlinkSync('circle', path('circle'));
  execFileSync('mkfifo', [path('pipe')]);
  writeFileSync(path('unknown.yaml'), 'text: text.txt\nhiden: 12\n');
  writeFileSync(path('type.yaml'), 'text: text.txt\nhidden: [1, 2]\n');
  writeFileSync(path('broken.yaml'), 'text: "text.txt\nhidden: 3\n');
  expect(unroll(['train', '--text', 'text.txt', ...small([]), '--steps', '5', '--out', 'run']).status).toBe(0);
  const model = path('run/latest/model.safetensors');
  cpSync(path('run'), path('flipped'), { recursive: true, verbatimSymlinks: true });
  const bytes = readFileSync(model);
  bytes[bytes.length - 5] ^= 1;
  writeFileSync(path('flipped/latest/model.safetensors'), bytes);
  cpSync(path('run'), path('cut'), { recursive: true, verbatimSymlinks: true });
  truncateSync(path('cut/latest/trainer.safetensors'), 700);
  copyFileSync(model, path('cut.safetensors'));
  truncateSync(path('cut.safetensors'), bytes.length - 100);
  writeFileSync(path('foreign.safetensors'), foreign());
  before = readdirSync(folder).sort();
});

/** A file in the format that holds one tensor of something else. */
function foreign(): Buffer {
  const header = Buffer.from(JSON.stringify({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }).padEnd(64));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4)]);
}

const train = (...flags: readonly string[]) => ['train', ...small(flags), '--out', 'new', ...flags];
const text = (...flags: readonly string[]) => train('--text', 'text.txt', ...flags);

const TABLE: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['no text', train(), /^--text: there is nothing to learn from; give --text FILE/],
  ['a missing text', train('--text', 'nowhere.txt'), /^--text: nowhere\.txt cannot be read: it does not exist$/],
  [
    'a link in a circle',
    train('--text', 'circle'),
    /^--text: circle cannot be read: its symbolic links go in a circle$/,
  ],
  [
    'a path below a file',
    train('--text', 'one.txt/x'),
    /^--text: one.txt\/x cannot be read: a part of the path is not a/,
  ],
  [
    'a run that goes on below a file',
    ['train', '--resume', 'run', '--steps', '9', '--out', 'one.txt/x'],
    /^--out: one.txt\/x cannot be written: a part of the path is not a folder; give a folder that can$/,
  ],
  ['an empty text', train('--text', 'empty.txt'), /^--text: empty\.txt is empty; .*at least two different symbols$/],
  ['a text of one byte', train('--text', 'one.txt'), /^--text: one\.txt has one symbol; .*two different symbols$/],
  ['a text of one symbol', train('--text', 'same.txt'), /^--text: same\.txt has 1000 symbols and all are the same;/],
  [
    'a folder of no texts',
    train('--text', 'folder'),
    /^--text: folder is a folder without a \.txt file; give a text file/,
  ],
  [
    'a pipe',
    train('--text', 'pipe'),
    /^--text: pipe is a pipe, which can be read only once; save it as a file and give that$/,
  ],
  ['the standard input', train('--text', '-'), /^--text: - would be the standard input, which can be read only once;/],
  ['a text in another encoding', train('--text', 'latin1.txt'), /^latin1\.txt:1:4: this is not UTF-8 .*--tokens byte/],
  ['a binary file as characters', train('--text', 'binary.bin'), /^binary\.bin:\d+:\d+: this is not UTF-8/],
  [
    '3 GB of zeros',
    train('--text', 'zeros.bin', '--tokens', 'byte'),
    /^--text: zeros\.bin has 3221225472 symbols and all/,
  ],
  ['no units', text('--hidden', '0'), /^--hidden: 0 is not allowed; it is the number of units, 1 to 65536$/],
  ['fewer units', text('--hidden', '-1'), /^--hidden: -1 is not allowed; it is the number of units, 1 to 65536$/],
  ['1e9 units', text('--hidden', '1e9'), /^--hidden: 1000000000 is not allowed; it is .*1 to 65536$/],
  ['units in letters', text('--hidden', 'abc'), /^--hidden: "abc" is not allowed; it is .*1 to 65536$/],
  ['a flag without its value', text('--lr'), /--lr/],
  ['a flag twice', text('--lr', '1', '--lr', '2'), /^--lr: /],
  [
    'more than fits',
    text('--hidden', '65536', '--layers', '8'),
    /^--hidden: the plan needs .* TB and this machine has .*lower/,
  ],
  ['a window longer than the text', text('--window', '5000'), /^--window: 5000 is longer than .*give 1 to \d+/],
  ['more streams than characters', text('--batch', '9999'), /^--batch: 9999 streams are more than .*give 1 to \d+/],
  ['a stride above the window', text('--stride', '9'), /^--stride: 9 is not allowed; .*1 to 8, the window$/],
  ['milestones that are missing', text('--schedule', 'step'), /^--milestones: --schedule step needs them; give/],
  ['a flag that is none', text('--hiden', '3'), /^--hiden: there is no such flag; did you mean --hidden\?/],
  ['a word too many', text('a', 'b'), /"b": that is one word too many/],
  ['a word behind --', text('--', 'settings.yaml'), /^"settings.yaml": that is one word too many; "unroll train/],
  ['an unknown data set', train('--dataset', 'moby'), /^--dataset: "moby" is not allowed; it is .*moby-dick/],
  [
    'an unknown key in a config',
    train('unknown.yaml'),
    /^unknown\.yaml:2:1: hiden: there is no such setting; did you mean hidden\?/,
  ],
  [
    'a wrong type in a config',
    ['train', 'type.yaml', '--out', 'new'],
    /^type\.yaml:2:1: hidden: \[1,2\] is not allowed/,
  ],
  ['a config that is no YAML', train('broken.yaml'), /^broken\.yaml:\d+:\d+: /],
  ['a config that is missing', train('nowhere.yaml'), /^nowhere\.yaml: the config cannot be read: it does not exist/],
  [
    'a file for --out',
    ['train', ...small([]), '--text', 'text.txt', '--out', 'one.txt'],
    /^--out: one\.txt is no folder/,
  ],
  [
    'a path below a file',
    ['train', ...small([]), '--text', 'text.txt', '--out', 'one.txt/x'],
    /^--out: one\.txt\/x cannot be written: a part of the path is not a folder/,
  ],
  [
    'a folder that cannot be',
    ['train', ...small([]), '--text', 'text.txt', '--out', '/proc/x'],
    /^--out: \/proc\/x cannot be written: /,
  ],
  [
    'a folder that holds a run',
    ['train', ...small([]), '--text', 'text.txt', '--out', 'run'],
    /^--out: run holds a run already; go on with it \(--resume run\)/,
  ],
  ['a resumed run that is missing', ['train', '--resume', 'nowhere'], /^--resume: nowhere does not exist/],
  [
    'a resumed run with other units',
    ['train', '--resume', 'run', '--hidden', '9'],
    /^--hidden: 9 is not allowed with --resume; in the run it is 8/,
  ],
  [
    'a damaged checkpoint',
    ['train', '--resume', 'flipped', '--steps', '9'],
    /model\.safetensors: its sha256 is not the manifest's/,
  ],
  [
    'a cut checkpoint',
    ['train', '--resume', 'cut', '--steps', '9'],
    /trainer\.safetensors: its sha256 is not the manifest's/,
  ],
  [
    'a start from a cut file',
    text('--init-from', 'cut.safetensors'),
    /^cut\.safetensors: it is no safetensors file, or a damaged one: /,
  ],
  [
    'a start from something else',
    text('--init-from', 'foreign.safetensors'),
    /^foreign\.safetensors: it has no tensor for rnn\.weight_ih_l0/,
  ],
  [
    'a start from another vocabulary',
    ['train', ...small([]), '--text', 'other.txt', '--out', 'new', '--init-from', 'run'],
    /^--init-from: run: the model's vocabulary is not that of the text/,
  ],
  ['no model', ['eval'], /^MODEL: it is missing; give/],
  ['a model that is missing', ['sample', 'nowhere'], /^MODEL: nowhere does not exist; give a run folder/],
  ['a text as a model', ['inspect', 'text.txt'], /^text\.txt: it is no safetensors file/],
  ['a foreign model', ['inspect', 'foreign.safetensors'], /^foreign\.safetensors: it is no model of unroll/],
  [
    'a damaged model',
    ['eval', 'flipped', '--text', 'text.txt'],
    /model\.safetensors: its sha256 is not the manifest's/,
  ],
  ['nothing to evaluate on', ['eval', 'run'], /^--text: it is missing; give --text FILE/],
  [
    'unknown symbols',
    ['eval', 'run', '--text', 'other.txt'],
    /^other\.txt:1:\d+: "?'?.*does not occur in the text that the model learned; --skip-unknown/,
  ],
  ['an unknown symbol in a prompt', ['sample', 'run', '--prompt', 'Zoë'], /^--prompt:1:1: .*does not occur/],
  [
    'a length of nothing',
    ['sample', 'run', '--length', '0'],
    /^--length: 0 is not allowed; it is the number of tokens to generate, 1 to/,
  ],
  ['a weight in letters', ['diagnose', '--weight', '1,x'], /^--weight: "x" is not allowed; it is recurrent weights/],
  [
    'a weight that is too large',
    ['diagnose', '--weight', '-5'],
    /^--weight: "-5" is not allowed; .*, -4 to 4, separated/,
  ],
  ['one step', ['diagnose', '--steps', '1'], /^--steps: 1 is not allowed; it is .*toy network, 2 to 400$/],
  ['a window beyond the steps', ['diagnose', '--window', '51'], /^--window: 51 is not allowed; .*cut off, 1 to 50$/],
  ['a text for the toy network', ['diagnose', '--text', 'text.txt'], /^--text: it has no effect on the toy network/],
  ['weights for a model', ['diagnose', 'run', '--weight', '2'], /^--weight: it has no effect on a MODEL/],
  ['a model to diagnose that is missing', ['diagnose', 'nowhere'], /^MODEL: nowhere does not exist; give a run folder/],
  [
    'a text shorter than the window',
    ['diagnose', 'run', '--text', 'one.txt'],
    /^--text: one\.txt has one token; a --window of 64 needs 65 or more$/,
  ],
  ['a chart in a folder', ['diagnose', '--svg', 'folder'], /^--svg: folder cannot be written: it is a folder; give/],
  ['a command that is none', ['trian'], /^trian: there is no such command; did you mean train\?/],
];

/** Reading 3 GB takes a second and more. */
const LONGEST_MS = 20_000;

describe('each exits with code 2, one message and nothing done', () => {
  test.each(TABLE)('%s', (_, args, message) => {
    const start = performance.now();
    const { status, stdout, stderr } = unroll(args);
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).not.toMatch(/\bat .*:\d+:\d+\)?$|this is a bug/m);
    expect([status, stdout]).toEqual([2, '']);
    expect(readdirSync(folder).sort()).toEqual(before);
    expect(performance.now() - start).toBeLessThan(LONGEST_MS);
  });

  test('kernels that the environment asks for and that are none', () => {
    const { status, stderr } = unroll(text(), { UNROLL_KERNELS: 'fast' });
    expect([status, stderr]).toEqual([
      2,
      'UNROLL_KERNELS: "fast" is not allowed; it is one of auto, native, wasm, reference\n',
    ]);
    expect(existsSync(path('new'))).toBe(false);
  });
});

test('a disk that is full from the start is refused, and one that fills up ends the run with code 1', () => {
  const disk = path('disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    return; // Only root may mount.
  }
  try {
    const full = ['train', '--text', 'text.txt', '--out', 'disk/run'];
    const refused = unroll([...full, ...small([]).slice(2), '--hidden', '200']);
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/^--out: disk\/run has .* free, a first checkpoint needs /),
    ]);
    expect(readdirSync(disk)).toEqual([]);
    const ended = unroll([...full, ...small([]), '--checkpoint-every', '1', '--epochs', '5']);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(
      /no space is left on the device; disk\/run holds everything up to step \d+; go on with: unroll train --resume disk\/run/,
    );
    expect(unroll(['inspect', 'disk/run']).status).toBe(0);
  } finally {
    execFileSync('umount', [disk]);
  }
});
