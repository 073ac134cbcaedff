// Entries dealt to the pieces of a table, and the gradients of the rows that they name.
#pragma once
#include "rows.h"

#define MOST_PIECES 64
#define MOST_PIECE_ROWS 128

INLINE bool isPieces(i64 pieces) { return pieces >= 1 && pieces <= MOST_PIECES && (pieces & (pieces - 1)) == 0; }

static int deal(Arena& arena, double descriptor, double fromChunk, double toChunk) {
  using namespace Deal;
  Call call(arena, descriptor, fromChunk, toChunk, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), perChunk = call.integer(chunkRows), words = call.integer(vocabulary), count = call.integer(pieces), together = call.integer(pieceRows);
  if (perChunk == 0 || !isPieces(count) || together < 1 || together > MOST_PIECE_ROWS || (together & (together - 1))) return OUTSIDE;
  call.need(call.fields[bins], toChunk * (double)(count + 1));
  const double end = toChunk * (double)perChunk, rowsUsed = end < (double)rowCount ? end : (double)rowCount;
  if (call.integer(starts)) call.need(call.fields[starts], rowsUsed + 1);
  if (!call.inside) return OUTSIDE;
  Entries entries{call.integer(starts) ? call.at<i32>(starts) : nullptr, 0};
  const auto rowAt = [&](i64 chunk) { return (double)chunk * (double)perChunk < (double)rowCount ? chunk * perChunk : rowCount; };
  const i64 first = rowAt((i64)fromChunk), last = rowAt((i64)toChunk);
  if (!entries.ordered(first, last)) return OUTSIDE;
  const bool valued = call.integer(values) != 0;
  entries.most = last <= first ? 0 : entries.starts ? once(entries.starts + last) : last;
  const double used = (double)entries.most;
  call.need(call.fields[features], used), call.need(call.fields[dealtFeatures], used), call.need(call.fields[dealtRows], used);
  if (valued) call.need(call.fields[values], used), call.need(call.fields[dealtValues], used);
  if (!call.inside || entries.most > 0x7fffffff) return OUTSIDE;
  const i32* feature = call.at<i32>(features);
  i32 *toFeature = call.at<i32>(dealtFeatures), *toRow = call.at<i32>(dealtRows);
  const float* value = call.at(values);
  float* toValue = call.at(dealtValues);
  const u32 lastPlace = (u32)entries.most - 1;  // nothing comes behind it but what has been written over since it was counted
  const i32 mask = (i32)count - 1, shift = __builtin_ctz((u32)together);
  for (i64 chunk = (i64)fromChunk; chunk < (i64)toChunk; chunk++) {
    const i64 firstRow = rowAt(chunk), endRow = rowAt(chunk + 1), begin = entries.at(firstRow), finish = entries.at(endRow);
    u32 next[MOST_PIECES];  // unsigned: it wraps around where what is counted is written over meanwhile
    for (i64 p = 0; p < count; p++) next[p] = 0;
    for (i64 e = begin; e < finish; e++) {
      const i32 word = (i32)once(feature + e);
      if ((u32)word >= (u64)words) return BAD_TOKEN;
      next[word >> shift & mask]++;
    }
    i32* bin = call.at<i32>(bins) + chunk * (count + 1);
    u32 at = (u32)begin;
    for (i64 p = 0; p < count; p++) {
      const u32 own = next[p];
      bin[p] = (i32)at, next[p] = at;
      at += own;
    }
    bin[count] = (i32)at;
    i64 e = begin;
    for (i64 row = firstRow; row < endRow; row++)
      for (const i64 stop = entries.at(row + 1); e < stop; e++) {
        const i32 word = (i32)once(feature + e);
        const u32 free = next[word >> shift & mask]++, place = free < lastPlace ? free : lastPlace;
        toFeature[place] = word;
        toRow[place] = (i32)row;
        if (valued) toValue[place] = value[e];
      }
  }
  return OK;
}

// to = to + value * from, or value * from where `first`; any number of columns.
INLINE void addRow(float* to, const float* from, float value, bool first, i64 columns) {
  if (columns == 2) {  // two classes: the loops would cost more than what they do
    if (first) to[0] = to[1] = 0;
    to[0] = fma(value, from[0], to[0]), to[1] = fma(value, from[1], to[1]);
    return;
  }
  i64 j = 0;
  const vf wide = broadcast(value);
  for (; j + VL <= columns; j += VL) store(to + j, fma(wide, load(from + j), first ? broadcast(0) : load(to + j)));
  for (; j < columns; j++) to[j] = fma(value, from[j], first ? 0 : to[j]);
}

// The sum of the squares of `count` floats on PANEL virtual lanes.
static float squaresOf(const float* g, i64 count) {
  vf sums[PANEL / VL];
  for (int v = 0; v < PANEL / VL; v++) sums[v] = broadcast(0);
  i64 i = 0;
  for (; i + PANEL <= count; i += PANEL)
    for (int v = 0; v < PANEL / VL; v++) {
      const vf x = load(g + i + v * VL);
      sums[v] = fma(x, x, sums[v]);
    }
  float sum = i > 0 ? sumOfLanes(sums) : 0;
  for (; i < count; i++) sum = fma(g[i], g[i], sum);
  return sum;
}

static int rowGradient(Arena& arena, double descriptor, double fromPiece, double toPiece) {
  using namespace RowGradient;
  Call call(arena, descriptor, fromPiece, toPiece, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), width = call.integer(columns), ld = call.integer(ldd), words = call.integer(vocabulary), chunkCount = call.integer(chunks), pieceCount = call.integer(pieces);
  if (!isPieces(pieceCount) || toPiece > (double)pieceCount) return OUTSIDE;
  call.needRows(d, 1, 0, (double)rowCount, (double)ld, (double)width);
  call.need(call.fields[bins], (double)chunkCount * (double)(pieceCount + 1));
  call.need(call.fields[bases], toPiece + 1), call.need(call.fields[norms], toPiece, 8), call.need(call.fields[hash], call.fields[hashSize]);
  if (call.integer(slots)) call.need(call.fields[slots], (double)words);
  if (!call.inside) return OUTSIDE;
  const i32 *base = call.at<i32>(bases), *feature = call.at<i32>(dealtFeatures), *row = call.at<i32>(dealtRows);
  const float *value = call.integer(dealtValues) ? call.at(dealtValues) : nullptr, *delta = call.at(d);
  i32 *slot = call.integer(slots) ? call.at<i32>(slots) : nullptr, *of = call.at<i32>(touched), *hashed = call.at<i32>(hash);
  float* gradient = call.at(g);
  for (i64 p = (i64)fromPiece; p < (i64)toPiece; p++) {
    const i64 begin = once(base + p), end = once(base + p + 1);
    if (begin < 0 || begin > end) return OUTSIDE;
    call.at<double>(norms)[p] = 0;
    if (begin == end) continue;
    call.need(call.fields[g], (double)end * (double)width), call.need(call.fields[touched], (double)end);
    const i32* ofPiece = call.at<i32>(bins) + p;
    i64 used = 0;
    for (i64 chunk = 0; chunk < chunkCount; chunk++) {
      const i32* bin = ofPiece + chunk * (pieceCount + 1);
      const i64 first = once(bin), last = once(bin + 1);
      if (first < 0 || first > last) return OUTSIDE;
      used = last > used ? last : used;
    }
    call.need(call.fields[dealtFeatures], (double)used), call.need(call.fields[dealtRows], (double)used);
    if (value) call.need(call.fields[dealtValues], (double)used);
    int bits = 1;
    while (((i64)1 << bits) < 2 * (end - begin)) bits++;
    if (!call.inside || bits > 31 || ((i64)1 << bits) > call.integer(hashSize)) return OUTSIDE;
    for (i64 h = 0; h < (i64)1 << bits; h++) hashed[h] = 0;
    i64 next = begin;
    for (i64 chunk = 0; chunk < chunkCount; chunk++) {
      const i32* bin = ofPiece + chunk * (pieceCount + 1);
      for (i64 e = bounded(bin, used), last = bounded(bin + 1, used); e < last; e++) {
        const i64 word = once(feature + e), from = once(row + e);
        if ((u64)word >= (u64)words || (u64)from >= (u64)rowCount) return BAD_TOKEN;
        const u32 mask = (1u << bits) - 1;
        u32 h = (u32)word * 0x9e3779b1u >> (32 - bits), tried = 0;
        i64 place;  // + 1; 0: none yet
        while ((place = once(hashed + h)) != 0) {
          // Numbers that nobody put there: what else is written lies over the hash.
          if (place <= begin || place > next || tried++ > mask) return OUTSIDE;
          if (of[place - 1] == word) break;
          h = (h + 1) & mask;
        }
        const bool first = place == 0;
        if (first) {
          if (next == end) return OUTSIDE;
          of[next] = (i32)word;
          place = ++next;
          hashed[h] = (i32)place;
          if (slot) slot[word] = (i32)place;
        }
        addRow(gradient + (place - 1) * width, delta + from * ld, value ? value[e] : 1.0f, first, width);
      }
    }
    for (i64 place = next; place < end; place++) of[place] = -1;
    call.at<double>(norms)[p] = squaresOf(gradient + begin * width, (next - begin) * width);
  }
  return OK;
}
