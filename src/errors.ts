// The two failures that a person meets. Whatever else is thrown is a bug of ours and is reported as one.

/** Signs that end a line, move the cursor or turn the direction of writing: names out of a file may hold them. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** On one line that a terminal shows as it is written. */
export const printable = (text: string): string =>
  text.replaceAll(UNPRINTABLE, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Characters of a value that a message shows. */
const LONGEST_SHOWN = 60;

export const shortened = (text: string): string =>
  text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}...`;

/** A word of a command to copy, as a shell takes it: in quotes where it has more than letters, digits and a few signs that mean nothing there. */
export const inShell = (word: string): string =>
  /^[\p{L}\p{N}_./:@%+=,-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** Whatever a file holds in the place of a value, as messages show it. */
export function excerpt(value: unknown): string {
  try {
    // A number is shown as it is: JSON has none that is not finite.
    return shortened(typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value)));
  } catch {
    return 'lists in lists that go too deep';
  }
}

/** Bad usage, configuration or data: the message names the flag or the place, what was found and what is allowed. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitCode = 2;

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}

/** A failure while running: the message says what happened, what was saved and how to go on. */
export class RunError extends Error {
  override readonly name = 'RunError';
  readonly exitCode = 1;

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}

/** Numbers grew until they were not finite: to go on from where they still were finite would end in the same way. */
export class NotFinite extends RunError {}

/** A worker loops inside native code. It cannot be ended, and a process that has it cannot end in the usual way. */
export class WorkerStuck extends RunError {}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than the system allows',
  EIO: 'the device reports an input/output error',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  ENOENT: 'it does not exist',
  EEXIST: 'it exists already',
  ELOOP: 'its symbolic links go in a circle',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'too many files are open',
};

/** The reason of a failed system call in words: "no space is left on the device". */
export function systemReason(error: unknown): string {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  // Folders that exist are no fault: there is a file in the place of one.
  if (code === 'EEXIST' && syscall === 'mkdir') return SYSTEM_REASONS.ENOTDIR;
  const known = code === undefined ? undefined : SYSTEM_REASONS[code];
  return known ?? (error instanceof Error ? error.message : String(error));
}
