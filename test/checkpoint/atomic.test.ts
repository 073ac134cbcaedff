import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  removeTemporaries,
  replaceSymlink,
  writeFileAtomic,
  writeFileAtomicWith,
  writeFolderAtomic,
} from '../../src/checkpoint/atomic.js';
import { RunError } from '../../src/errors.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroll-atomic-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const inside = (...names: string[]) => join(folder, ...names);

test('a file is written whole, over an older one too, and nothing is left beside it', () => {
  writeFileAtomic(inside('a'), 'one');
  writeFileAtomic(inside('a'), Uint8Array.of(50, 51));
  expect(readFileSync(inside('a'), 'utf8')).toBe('23');
  expect(readdirSync(folder)).toEqual(['a']);
});

test('a file whose writing fails is as it was', () => {
  writeFileAtomic(inside('a'), 'one');
  const fail = () => {
    throw new TypeError('a bug');
  };
  expect(() => writeFileAtomicWith(inside('a'), fail)).toThrow(TypeError);
  expect(readFileSync(inside('a'), 'utf8')).toBe('one');
  expect(readdirSync(folder)).toEqual(['a']);
});

test('a folder appears with all that is in it, and replaces an older one', () => {
  const path = inside('checkpoints', 'step-1');
  writeFolderAtomic(path, (temporary) => {
    mkdirSync(join(temporary, 'deep'));
    writeFileSync(join(temporary, 'deep', 'a'), '1');
    expect(existsSync(path)).toBe(false);
  });
  expect(readFileSync(join(path, 'deep', 'a'), 'utf8')).toBe('1');
  writeFolderAtomic(path, (temporary) => writeFileSync(join(temporary, 'b'), '2'));
  expect(readdirSync(path)).toEqual(['b']);
  expect(readdirSync(inside('checkpoints'))).toEqual(['step-1']);
});

test('a folder whose filling fails is as it was', () => {
  const path = inside('step-1');
  writeFolderAtomic(path, (temporary) => writeFileSync(join(temporary, 'a'), '1'));
  const fail = (temporary: string) => {
    writeFileSync(join(temporary, 'b'), '2');
    throw new TypeError('a bug');
  };
  expect(() => writeFolderAtomic(path, fail)).toThrow(TypeError);
  expect(readdirSync(path)).toEqual(['a']);
  expect(readdirSync(folder)).toEqual(['step-1']);
});

test('a link is set, moved, and left alone where it is right', () => {
  replaceSymlink(inside('latest'), 'step-1');
  replaceSymlink(inside('latest'), 'step-2');
  expect(readlinkSync(inside('latest'))).toBe('step-2');
  const before = lstatSync(inside('latest')).ino;
  replaceSymlink(inside('latest'), 'step-2');
  expect(lstatSync(inside('latest')).ino).toBe(before);
  expect(readdirSync(folder)).toEqual(['latest']);
});

test('what cannot be written is named with the reason', () => {
  writeFileSync(inside('file'), '');
  expect(() => writeFileAtomic(inside('file', 'a'), '1')).toThrow(RunError);
  expect(() => writeFileAtomic(inside('file', 'a'), '1')).toThrow(
    `${inside('file', 'a')} cannot be written: a part of the path is not a folder`,
  );
  expect(() => writeFolderAtomic(inside('file', 'a'), () => {})).toThrow(
    /cannot be written: a part of the path is not a folder/,
  );
  expect(() => writeFileAtomic(inside('absent', 'a'), '1')).toThrow(/cannot be written: it does not exist/);
  mkdirSync(inside('taken'));
  writeFileSync(inside('taken', 'x'), '');
  expect(() => replaceSymlink(inside('taken'), 'a')).toThrow(RunError);
  expect(readdirSync(folder).sort()).toEqual(['file', 'taken']);
});

test.runIf(existsSync('/dev/full'))('a full disk is named', () => {
  symlinkSync('/dev/full', inside('full'));
  expect(() => writeFolderAtomic(inside('step-1'), () => writeFileSync(inside('full'), 'x'))).toThrow(
    /step-1 cannot be written: no space is left on the device/,
  );
  expect(readdirSync(folder)).toEqual(['full']);
});

test.runIf(process.getuid?.() !== 0)('a folder without permission is named', () => {
  chmodSync(folder, 0o500);
  expect(() => writeFileAtomic(inside('a'), '1')).toThrow(/cannot be written: permission denied/);
  chmodSync(folder, 0o700);
});

test('a process killed at any time leaves the old folder or a new one, and what else it left can be removed', async () => {
  // The compiled module would need a build, so the process writes as writeFolderAtomic does up to its rename, and hangs.
  const script = `
    const { mkdirSync, writeFileSync } = require('node:fs');
    const temporary = process.argv[1] + '/.step-1.tmp-0123456789ab';
    mkdirSync(temporary);
    writeFileSync(temporary + '/a', 'half');
    console.log('written');
    setInterval(() => {}, 1000);`;
  writeFolderAtomic(inside('step-1'), (temporary) => writeFileSync(join(temporary, 'a'), 'whole'));
  const child = spawn(process.execPath, ['-e', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(readdirSync(folder).sort()).toEqual(['.step-1.tmp-0123456789ab', 'step-1']);
  removeTemporaries(folder);
  expect(readdirSync(folder)).toEqual(['step-1']);
  expect(readFileSync(inside('step-1', 'a'), 'utf8')).toBe('whole');
});

test('only what has the form of a temporary name is removed', () => {
  for (const name of ['.a.tmp-0123456789ab', '.a.tmp-xyz', 'a.tmp-0123456789ab', '.hidden'])
    writeFileSync(inside(name), '');
  removeTemporaries(folder);
  expect(readdirSync(folder).sort()).toEqual(['.a.tmp-xyz', '.hidden', 'a.tmp-0123456789ab']);
  removeTemporaries(inside('absent'));
});
