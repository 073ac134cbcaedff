// One process at a time trains in a folder. The lock is an empty file whose name says which process it belongs to: what a process
// that is gone has left says so by itself, and is removed. No clock is asked.
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../errors.js';

/** `.lock-HOST-BOOT-PID-START`: a process number comes again, but not with the same start since the same boot. */
const NAME = /^\.lock-(?<host>.*)-(?<boot>[^-]*)-(?<pid>\d+)-(?<start>\d*)$/;

/** Two that begin at once see each other, and both step back: one of them is first the next time. */
const TRIES = 5;
const MOST_WAIT_MS = 80;

interface Holder {
  /** The file's. */
  readonly name: string;
  readonly host: string;
  readonly boot: string;
  readonly pid: number;
  readonly start: string;
}

export class RunLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws UserError when another process trains in the folder, or may; nothing is written */
  static refuseHeld(folder: string): void {
    let locks: readonly Holder[] = [];
    try {
      locks = locksOfOthers(folder);
    } catch {
      // It is not there, or whoever makes it says what is wrong.
    }
    const held = locks.find(mayLive);
    if (held !== undefined) throw refusal(folder, held);
  }

  /** @param folder that can be written @throws UserError when another process, or another training of this one, has it */
  static take(folder: string): RunLock {
    const own = ownName();
    const path = join(folder, own);
    for (let tries = 1; ; tries++) {
      try {
        closeSync(openSync(path, 'wx'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        throw new UserError(`--out: this process trains in ${folder} already; give another folder`);
      }
      // Whoever begins makes its file before it looks: of two at least one sees the other.
      const others = locksOfOthers(folder);
      for (const stale of others.filter((lock) => !mayLive(lock))) rmSync(join(folder, stale.name), { force: true });
      const other = others.find(mayLive);
      if (other === undefined) return new RunLock(path);
      rmSync(path, { force: true });
      if (tries === TRIES) throw refusal(folder, other);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * MOST_WAIT_MS);
    }
  }

  release(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // The folder cannot be written any more; once this process is gone the file says so.
    }
  }
}

function ownName(): string {
  const host = hostname()
    .replaceAll(/[^\w.-]/g, '_')
    .slice(0, 80);
  return `.lock-${host}-${bootOf()}-${process.pid}-${startOf(process.pid) ?? ''}`;
}

const locksOfOthers = (folder: string): readonly Holder[] =>
  readdirSync(folder).flatMap((name) => (name === ownName() ? [] : (holderOf(name) ?? [])));

function holderOf(name: string): Holder | undefined {
  const groups = NAME.exec(name)?.groups;
  return groups && { name, host: groups.host, boot: groups.boot, pid: Number(groups.pid), start: groups.start };
}

/** What another machine does cannot be seen from here. */
function mayLive({ host, boot, pid, start }: Holder): boolean {
  const own = holderOf(ownName());
  if (host !== own?.host) return true;
  if (boot !== own.boot) return false;
  const found = startOf(pid);
  if (found !== undefined) return found === start;
  if (start !== '') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function refusal(folder: string, { name, host, pid }: Holder): UserError {
  const isHere = host === holderOf(ownName())?.host;
  return new UserError(
    isHere
      ? `--out: process ${pid} is training in ${folder}; wait for it, or give another folder`
      : `--out: process ${pid} of the machine ${host} is training in ${folder}; if it is gone, remove ${join(folder, name)}`,
  );
}

const STATE = 0;
/** Fields of /proc/PID/stat behind the program's name; numbers of proc(5) less 3. */
const START_TIME = 19;

/** When the process began, in ticks since boot; undefined where it is gone, or where the system does not tell. */
function startOf(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // The name may hold anything, brackets too.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || 'ZX'.includes(fields[STATE]) ? undefined : fields[START_TIME];
}

/** A name for the time since the machine was started; empty where the system does not tell. */
const bootOf = (): string => readIfThere('/proc/sys/kernel/random/boot_id')?.slice(0, 8) ?? '';

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
