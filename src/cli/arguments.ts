// The command line before yargs reads it, and what is said where yargs finds something that it does not know.

import { didYouMean } from '../config/suggest.js';
import { UserError } from '../errors.js';

const NEGATIVE = /^-(\d|\.\d)/;

/**
 * `--lr -1e-3` -> `--lr=-1e-3`: yargs takes `-1e-3` for flags, so that the message would be about them. `--text -` -> `--text=-`: it
 * takes `-` for a positional.
 */
export function bindNegatives(args: readonly string[], valued: ReadonlySet<string>): string[] {
  const bound: string[] = [];
  for (const arg of args) {
    const last = bound.at(-1);
    if (last?.startsWith('--') && valued.has(last.slice(2)) && (arg === '-' || NEGATIVE.test(arg)))
      bound[bound.length - 1] = `${last}=${arg}`;
    else bound.push(arg);
  }
  return bound;
}

/** @throws UserError for `--json=maybe`, which yargs takes for false */
export function checkSwitches(args: readonly string[], switches: ReadonlySet<string>): void {
  for (const arg of args) {
    const [, name, value] = /^--([^=]+)=(.*)$/.exec(arg) ?? [];
    if (name !== undefined && switches.has(name) && value !== 'true' && value !== 'false')
      throw new UserError(
        `--${name}: ${JSON.stringify(value)} is not allowed; it is a switch: --${name}, --no-${name}, true or false`,
      );
  }
}

export interface Known {
  /** Flags without dashes. */
  readonly flags: readonly string[];
  /** "train": named in messages. */
  readonly command: string;
}

/** The error for what yargs calls an unknown argument: the first flag that is none, else a word too many. */
export function unknownArgument(args: readonly string[], known: Known): UserError {
  const all = `"unroll ${known.command} --help" lists what there is`;
  const positional: string[] = [];
  for (const [i, arg] of args.entries()) {
    if (!arg.startsWith('-') || arg === '-' || NEGATIVE.test(arg)) {
      if (!args[i - 1]?.startsWith('--')) positional.push(arg);
      continue;
    }
    const flag = arg.split('=', 1)[0];
    const name = flag.replace(/^-+/, '');
    const plain = name.startsWith('no-') ? name.slice(3) : name;
    const isKnown =
      flag === '--' || (flag.startsWith('--') && (known.flags.includes(name) || known.flags.includes(plain)));
    if (!isKnown)
      return new UserError(`${flag}: there is no such flag${asFlag(didYouMean(plain, known.flags))}; ${all}`);
  }
  return new UserError(`${JSON.stringify(positional.at(-1))}: that is one word too many; ${all}`);
}

/** "; did you mean hidden?" -> "; did you mean --hidden?" */
function asFlag(guess: string): string {
  return guess.replace(/(\S+\?)$/, '--$1');
}
