// Kneser-Ney smoothing as the papers write it, with sets and strings: slow and plain, for texts of a few tokens.

/** The n-grams of one length, each as often as it occurs. */
function ngramsOf(text: readonly number[], length: number): string[] {
  const found: string[] = [];
  for (let i = 0; i + length <= text.length; i++) found.push(text.slice(i, i + length).join(' '));
  return found;
}

/** c(g) of an n-gram of the highest order. */
const occurrences = (text: readonly number[], ngram: readonly number[]): number =>
  ngramsOf(text, ngram.length).filter((found) => found === ngram.join(' ')).length;

/** N1+(* g): how many different tokens stand before g. */
function continuations(text: readonly number[], ngram: readonly number[]): number {
  const longer = new Set(ngramsOf(text, ngram.length + 1));
  return [...longer].filter((found) => found.split(' ').slice(1).join(' ') === ngram.join(' ')).length;
}

/** D(a) of n-grams of one length. */
function discount(counts: readonly number[], a: number): number {
  if (a === 0) return 0;
  const n = (r: number): number => counts.filter((count) => count === r).length;
  const y = n(1) / (n(1) + 2 * n(2));
  const [d1, d2, d3] = [1 - (2 * y * n(2)) / n(1), 2 - (3 * y * n(3)) / n(2), 3 - (4 * y * n(4)) / n(3)];
  if (a === 1) return d1 > 0 && d1 < 1 ? d1 : 0.5;
  if (a === 2) return d2 > 0 && d2 < 2 ? d2 : 1;
  return d3 > 0 && d3 < 3 ? d3 : 1.5;
}

/** p(w | h) of the model of `order`, for each w of the vocabulary; h is shorter than the order. */
export function reference(
  text: readonly number[],
  vocabulary: number,
  order: number,
): (context: readonly number[]) => number[] {
  const words = Array.from({ length: vocabulary }, (_, w) => w);
  const count = (ngram: readonly number[]): number =>
    ngram.length === order ? occurrences(text, ngram) : continuations(text, ngram);
  const different = (length: number): number[][] =>
    [...new Set(ngramsOf(text, length))].map((ngram) => ngram.split(' ').map(Number));
  const counts = Array.from({ length: order }, (_, i) => different(i + 1).map(count));
  const p = (context: readonly number[]): number[] => {
    const shorter = context.length === 0 ? words.map(() => 1 / vocabulary) : p(context.slice(1));
    const a = words.map((w) => count([...context, w]));
    const sum = a.reduce((x, y) => x + y, 0);
    if (sum === 0) return shorter;
    const d = a.map((one) => discount(counts[context.length], one));
    const backoff = d.reduce((x, y) => x + y, 0) / sum;
    return words.map((w) => (a[w] - d[w]) / sum + backoff * shorter[w]);
  };
  return p;
}
