// unroll tune: the flags of train and those of the search, to trials and the table that compares them.

import { didYouMean } from '../config/suggest.js';
import { inShell, UserError } from '../errors.js';
import { count, counted, lossText, table } from '../report/format.js';
import { whole } from '../run/sample-settings.js';
import { type SearchEvent, tune as search, type TrialEvent, type TuneEvent } from '../run/tune.js';
import { DEFAULT_SEARCH, isSearchable, SEARCHABLE, type Searchable, type Tuned } from '../run/tune-space.js';
import type { Command, Given } from './command.js';
import { numberOption, textOption } from './options.js';
import { Stop } from './stop.js';
import { addSettings, settingsOf } from './train.js';

const TRIALS = { name: 'trials', ...whole('the number of trials', 2, 1024, 8) };
const BUDGET = { name: 'budget', ...whole('the number of steps in the first round', 1, 2_000_000_000, 0) };
const GROUP = 'Search:';

export const tune: Command = {
  build(yargs, listing) {
    yargs
      .option('search', {
        type: 'string',
        group: GROUP,
        describe: `what is searched, of ${SEARCHABLE.join(', ')}`,
        defaultDescription: DEFAULT_SEARCH.join(','),
      })
      .option(TRIALS.name, {
        type: 'string',
        group: GROUP,
        describe: `${TRIALS.about}, ${TRIALS.allowed}`,
        defaultDescription: `${TRIALS.fallback}`,
      })
      .option(BUDGET.name, {
        type: 'string',
        group: GROUP,
        describe: BUDGET.about,
        defaultDescription: '1/16 of all steps, 50 at least',
      });
    return addSettings(yargs, listing)
      .example('$0 tune --text book.txt --epochs 10', 'rate and clip norm for a training of ten epochs')
      .example('$0 tune settings.yaml --search lr,hidden --trials 16', 'around the settings of a file')
      .epilogue(
        'The same command again goes on with a search that was stopped. Ctrl-C stops after the step under way.',
      );
  },

  async run(given, { stdout, stderr, gone }) {
    const { values, origin } = settingsOf(given);
    const [isJson, isQuiet] = [values.json === true, values.quiet === true];
    const notice = (message: string): boolean => stderr.write(`${message}\n`);
    const show = isJson ? JSON.stringify : new Lines().of;
    const stop = new Stop(
      () => notice('stopping after this step; a second signal stops at once'),
      () => {},
    );
    try {
      const { reason, out } = await search({
        ...{ settings: values, origin, search: searchOf(given), trials: numberOption(given, TRIALS) },
        budget: given.budget === undefined ? undefined : numberOption(given, BUDGET),
        signal: AbortSignal.any([stop.signal, gone]),
        onEvent: (event) => (isJson || !isQuiet ? stdout.write(`${show(event)}\n`) : undefined),
        onNotice: notice,
      });
      if (reason === 'done') return 0;
      notice(`stopped, saved in ${out}; the same command goes on`);
      return stop.exitCode ?? 1;
    } finally {
      stop.close();
    }
  },
};

function searchOf(given: Given): readonly Searchable[] {
  const text = textOption(given, 'search');
  if (text === undefined) return DEFAULT_SEARCH;
  const names = text.split(',').map((name) => {
    const plain = name.trim();
    if (isSearchable(plain)) return plain;
    const allowed = `names of ${SEARCHABLE.join(', ')} with commas between them`;
    throw new UserError(
      `--search: ${JSON.stringify(plain)} is not allowed; it is ${allowed}${didYouMean(plain, SEARCHABLE)}`,
    );
  });
  return [...new Set(names)];
}

/** A search in words: a line for each event, and at the end a table of all trials. */
class Lines {
  #about: SearchEvent | undefined;
  /** The last that was heard of each trial. */
  readonly #last = new Map<number, TrialEvent>();

  readonly of = (event: TuneEvent): string => {
    if (event.event === 'tune') {
      this.#about = event;
      const { trials, search: names, budget, out } = event;
      return `${trials} trials of ${names.join(', ')}, ${counted(budget, 'step')} each in the first round; all of it is in ${out}`;
    }
    if (event.event === 'best')
      return `\n${this.#table()}\n\nnumber ${event.trial} is the best; try: unroll train ${inShell(event.config)}`;
    this.#last.set(event.trial, event);
    const { round, trial, settings, steps, bad } = event;
    return `round ${round}, trial ${trial}: ${inWords(settings)}; step ${count(steps)}: ${bad === undefined ? 'validation ' : ''}${this.#result(event)}`;
  };

  #result({ loss, bad }: TrialEvent): string {
    return bad ?? lossText(loss, this.#about?.unit ?? 'token');
  }

  /** Those that came furthest stand first, and of these the best. */
  #table(): string {
    const names = this.#about?.search ?? [];
    const trials = [...this.#last.values()].sort(
      (a, b) => (a.bad ? 1 : 0) - (b.bad ? 1 : 0) || b.steps - a.steps || (a.loss ?? 0) - (b.loss ?? 0),
    );
    const rows = trials.map((event) => [
      ...[`${event.trial}`, ...names.map((name) => `${event.settings[name]}`)],
      ...[count(event.steps), this.#result(event)],
    ]);
    return table(
      [['trial', ...names, 'steps', 'validation'], ...rows],
      [...names.keys(), names.length, names.length + 1],
    );
  }
}

const inWords = (settings: Tuned): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
