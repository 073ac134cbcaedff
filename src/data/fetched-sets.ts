// What the files of a package become, for each data set that is fetched. The bytes are pinned in dataset.ts.

/** Texts by their names in the package, which begin with `package/`. */
export type Files = ReadonlyMap<string, string>;

/** Chapters in the package's order, each with its title, a blank line between all: 1,219,487 bytes of 95 kinds. */
export function assembleMobyDick(files: Files): string {
  const read = (name: string): unknown => JSON.parse(files.get(`package/data/${name}`) ?? 'null');
  const order = read('file_list.json') as readonly string[];
  const chapters = order.map((file) => read(file.replace(/txt$/, 'json')) as { title: string; text: string });
  return chapters.map(({ title, text }) => `${title}\n\n${text}`).join('\n\n');
}

const SIDE = 28;
const PIXELS = SIDE * SIDE;

interface Digit {
  readonly digit: number;
  readonly pixels: readonly number[];
}

/** The digits in turn: one of each kind, then the next of each. */
function digitsOf(files: Files): readonly Digit[] {
  const kinds = Array.from({ length: 10 }, (_, digit) => {
    const { data } = JSON.parse(files.get(`package/src/digits/${digit}.json`) ?? 'null') as { data: readonly number[] };
    return Array.from({ length: Math.floor(data.length / PIXELS) }, (_, i) => ({
      digit,
      pixels: data.slice(i * PIXELS, (i + 1) * PIXELS),
    }));
  });
  const most = Math.max(...kinds.map(({ length }) => length));
  return Array.from({ length: most }, (_, i) => kinds.flatMap((kind) => kind.slice(i, i + 1))).flat();
}

/** A pixel a column, p0 to p783. */
export function assembleDigits(files: Files): string {
  const header = [...Array.from({ length: PIXELS }, (_, i) => `p${i}`), 'digit'];
  const rows = digitsOf(files).map(({ digit, pixels }) => [...pixels, digit]);
  return [header, ...rows].map((cells) => `${cells.join(',')}\n`).join('');
}

/** A row of pixels a step: column c of each list is the picture's column c from above to below. */
export function assembleDigitRows(files: Files): string {
  const sides = Array.from({ length: SIDE }, (_, i) => i);
  const line = ({ digit, pixels }: Digit): string => {
    const columns = sides.map((c) => [`c${c}`, sides.map((r) => pixels[r * SIDE + c])] as const);
    return `${JSON.stringify({ ...Object.fromEntries(columns), digit: String(digit) })}\n`;
  };
  return digitsOf(files).map(line).join('');
}

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

interface Births {
  readonly year: number;
  readonly month: number;
  readonly date_of_month: number;
  /** 1: Monday. */
  readonly day_of_week: number;
  readonly births: number;
}

/** A day a row, in their order: 7,305 days of the United States, 1969 to 1988. */
export function assembleBirths(files: Files): string {
  const days = JSON.parse(files.get('package/data/data.json') ?? 'null') as readonly Births[];
  const two = (part: number): string => String(part).padStart(2, '0');
  const rows = days.map(({ year, month, date_of_month: day, day_of_week: weekday, births }) =>
    [`${year}-${two(month)}-${two(day)}`, year, month, day, WEEKDAYS[weekday - 1], births].join(','),
  );
  return `date,year,month,day,weekday,births\n${rows.join('\n')}\n`;
}

/** Penn Treebank's tags that many words have. */
const PARTS_OF_SPEECH = new Set('FW IN JJ JJR JJS NN NNP NNS RB RBR RBS UH VB VBD VBG VBN VBP VBZ'.split(' '));

/** A word a line with the parts of speech that it can be. Words with another tag are left out, and names, numbers and signs. */
export function assembleWordTags(files: Files): string {
  const name = 'package/lib/natural/brill_pos_tagger/data/English/lexicon_from_posjs.json';
  const lexicon = JSON.parse(files.get(name) ?? 'null') as Readonly<Record<string, readonly string[]>>;
  return Object.entries(lexicon)
    .map(([word, tags]) => ({ word, tags: [...new Set(tags.flatMap((tag) => tag.split('|')))].sort() }))
    .filter(({ word, tags }) => /^[a-z]{2,}$/.test(word) && tags.every((tag) => PARTS_OF_SPEECH.has(tag)))
    .map(({ word, tags }) => `${JSON.stringify({ word, tags: tags.join(';') })}\n`)
    .join('');
}
