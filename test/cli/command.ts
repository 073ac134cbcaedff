// The real binary, run as a user runs it, in a folder of the test file's own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

export const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export const folder = mkdtempSync(join(tmpdir(), 'unroll-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param input what comes on the standard input */
export function unroll(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input = '',
): Outcome {
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
    input,
  });
  return { status, stdout, stderr };
}
