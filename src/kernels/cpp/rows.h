// Tables that are read and updated by rows: entries dealt to the pieces of the table, sums of rows, gradients of the rows that are
// named, and the optimizer's step on them, before which rows catch up with what they have missed.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "update.h"

#define MOST_PIECES 64
#define MOST_PIECE_ROWS 128
#define LINE 16  // floats of a cache line
#define PACKED 256  // floats of narrow rows that are worked on together
#define AHEAD 32  // entries between asking for a row of a table and reading it: some hundred nanoseconds of work
#define WIDE_AHEAD 6  // the same for rows of a line and more, which are several lines each

INLINE bool isPieces(i64 pieces) { return pieces >= 1 && pieces <= MOST_PIECES && (pieces & (pieces - 1)) == 0; }

// Where the entries of rows begin: at `starts`, or one a row where there are none.
struct Entries {
  const i32* starts;
  i64 at(i64 row) const { return starts ? starts[row] : row; }
  // Whether rows [from, to) begin in order.
  bool ordered(i64 from, i64 to) const {
    if (!starts) return true;
    bool inOrder = starts[from] >= 0;
    for (i64 row = from; row < to; row++) inOrder &= starts[row] <= starts[row + 1];
    return inOrder;
  }
};

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
  const Entries entries{call.integer(starts) ? call.at<i32>(starts) : nullptr};
  const auto rowAt = [&](i64 chunk) { return chunk * perChunk < rowCount ? chunk * perChunk : rowCount; };
  const i64 first = rowAt((i64)fromChunk), last = rowAt((i64)toChunk);
  if (!entries.ordered(first, last)) return OUTSIDE;
  const bool valued = call.integer(values) != 0;
  const double used = last > first ? (double)entries.at(last) : 0;
  call.need(call.fields[features], used), call.need(call.fields[dealtFeatures], used), call.need(call.fields[dealtRows], used);
  if (valued) call.need(call.fields[values], used), call.need(call.fields[dealtValues], used);
  if (!call.inside) return OUTSIDE;
  const i32* feature = call.at<i32>(features);
  i32 *toFeature = call.at<i32>(dealtFeatures), *toRow = call.at<i32>(dealtRows);
  const float* value = call.at(values);
  float* toValue = call.at(dealtValues);
  const i32 mask = (i32)count - 1, shift = __builtin_ctz((u32)together);
  for (i64 chunk = (i64)fromChunk; chunk < (i64)toChunk; chunk++) {
    const i64 firstRow = rowAt(chunk), endRow = rowAt(chunk + 1), begin = entries.at(firstRow), finish = entries.at(endRow);
    i32 next[MOST_PIECES];
    for (i64 p = 0; p < count; p++) next[p] = 0;
    for (i64 e = begin; e < finish; e++) {
      if ((u32)feature[e] >= (u64)words) return BAD_TOKEN;
      next[feature[e] >> shift & mask]++;
    }
    i32* bin = call.at<i32>(bins) + chunk * (count + 1);
    i32 at = (i32)begin;
    for (i64 p = 0; p < count; p++) {
      bin[p] = at;
      at += next[p];
      next[p] = bin[p];
    }
    bin[count] = at;
    for (i64 row = firstRow; row < endRow; row++)
      for (i64 e = entries.at(row), stop = entries.at(row + 1); e < stop; e++) {
        const i32 place = next[feature[e] >> shift & mask]++;
        toFeature[place] = feature[e];
        toRow[place] = (i32)row;
        if (valued) toValue[place] = value[e];
      }
  }
  return OK;
}

// How far the rows of a table are behind.
struct Behind {
  int kind;
  i64 period;
  const i32* touchedAt;
  const double* maps;
  // The map of a row, a = 1 - d; false where the row's mark lies outside the period.
  bool of(i64 row, float& a, float& b) const {
    const i64 at = touchedAt[row];
    if ((u64)at >= (u64)period) return false;
    a = (float)(1 - maps[2 * at]), b = (float)maps[2 * at + 1];
    return true;
  }
};

// Checks the fields from `first` on, which stand in the same order wherever rows catch up.
INLINE Behind behindOf(Call& call, int first, double words) {
  const int at = first + 1, map = first + 2, length = first + 3;
  Behind behind{(int)call.fields[first], 0, nullptr, nullptr};
  if (behind.kind == CATCH_UP_NONE) return behind;
  call.inside = call.inside && (behind.kind == CATCH_UP_SHRINK || behind.kind == CATCH_UP_MOMENTUM);
  call.whole(length);
  call.need(call.fields[at], words);
  call.need(call.fields[map], 2 * call.fields[length], 8);
  if (call.inside) behind.period = call.integer(length), behind.touchedAt = call.at<i32>(at), behind.maps = call.at<double>(map);
  return behind;
}

template <class F> INLINE F shrunk(F w, F a, F b) { return towardsZero(w, fma(a, magnitude(w), -b)); }

// An element of a row as it is now.
template <class F> INLINE F current(F w, F m, F a, F b, int kind) {
  return kind == CATCH_UP_SHRINK ? shrunk(w, a, b) : kind == CATCH_UP_MOMENTUM ? fma(-b, m, w) : w;
}

struct Row {
  const float *table, *m, *values;
  const i32* features;
  i64 ld, words, begin, end, last;  // of its entries, and of those that are read after it
  Behind behind;
};

INLINE vf loadOf(const float* p, vf) { return load(p); }
INLINE float loadOf(const float* p, float) { return *p; }
INLINE void storeOf(float* p, vf x) { store(p, x); }
INLINE void storeOf(float* p, float x) { *p = x; }

// N vectors (or floats) of a row's sum, from column j on; WIDTH columns each.
template <int N, class F>
INLINE bool sumRows(const Row& row, i64 j, const float* bias, const float* bias2, float* out) {
  const i64 width = sizeof(F) / sizeof(float);
  F acc[N];
  UNROLLED for (int v = 0; v < N; v++) {
    acc[v] = bias ? loadOf(bias + j + v * width, F{}) : zero(F{});
    if (bias2) acc[v] += loadOf(bias2 + j + v * width, F{});
  }
  for (i64 e = row.begin; e < row.end; e++) {
    const i64 feature = row.features[e];
    if ((u64)feature >= (u64)row.words) return false;
    if (e + WIDE_AHEAD < row.last) {
      const i64 next = row.features[e + WIDE_AHEAD];
      UNROLLED for (int v = 0; v < N; v += LINE / width < N ? LINE / width : N) __builtin_prefetch(row.table + next * row.ld + j + v * width);
      if (row.behind.kind != CATCH_UP_NONE) __builtin_prefetch(row.behind.touchedAt + next);
    }
    float a = 1, b = 0;
    if (row.behind.kind != CATCH_UP_NONE && !row.behind.of(feature, a, b)) return false;
    const F value = widened(row.values ? row.values[e] : 1.0f, F{}), wideA = widened(a, F{}), wideB = widened(b, F{});
    const i64 at = feature * row.ld + j;
    UNROLLED for (int v = 0; v < N; v++) {
      const F m = row.behind.kind == CATCH_UP_MOMENTUM ? loadOf(row.m + at + v * width, F{}) : zero(F{});
      acc[v] = fma(value, current(loadOf(row.table + at + v * width, F{}), m, wideA, wideB, row.behind.kind), acc[v]);
    }
  }
  UNROLLED for (int v = 0; v < N; v++) storeOf(out + j + v * width, acc[v] + zero(F{}));
  return true;
}

// The sum of a row of less than a vector: entries are caught up side by side, then added one after the other.
template <int COLUMNS>
INLINE bool sumPacked(const Row& row, i64 width, const float* bias, const float* bias2, float* out) {
  const i64 columns = COLUMNS ? COLUMNS : width, together = PACKED / columns;
  const bool behind = row.behind.kind != CATCH_UP_NONE, moves = row.behind.kind == CATCH_UP_MOMENTUM;
  alignas(64) float a[PACKED], b[PACKED], w[PACKED], m[PACKED];
  float acc[LINE];
  for (i64 j = 0; j < columns; j++) acc[j] = (bias ? bias[j] : 0) + (bias2 ? bias2[j] : 0);
  for (i64 block = row.begin; block < row.end; block += together) {
    const i64 end = block + together < row.end ? block + together : row.end, floats = (end - block) * columns;
    for (i64 e = block, i = 0; e < end; e++, i += columns) {
      if (e + AHEAD < row.last) {
        const i64 next = row.features[e + AHEAD];
        __builtin_prefetch(row.table + next * row.ld);
        if (behind) __builtin_prefetch(row.behind.touchedAt + next);
      }
      const i64 feature = row.features[e];
      if ((u64)feature >= (u64)row.words) return false;
      float kept = 1, less = 0;
      if (behind && !row.behind.of(feature, kept, less)) return false;
      for (i64 j = 0; j < columns; j++) {
        w[i + j] = row.table[feature * row.ld + j], a[i + j] = kept, b[i + j] = less;
        if (moves) m[i + j] = row.m[feature * row.ld + j];
      }
    }
    if (behind)
      for (i64 i = 0; i < floats; i += VL) store(w + i, current(load(w + i), load(m + i), load(a + i), load(b + i), row.behind.kind));
    for (i64 e = block, i = 0; e < end; e++, i += columns) {
      const float value = row.values ? row.values[e] : 1.0f;
      for (i64 j = 0; j < columns; j++) acc[j] = fma(value, w[i + j], acc[j]);
    }
  }
  for (i64 j = 0; j < columns; j++) out[j] = acc[j] + 0.0f;
  return true;
}

static int lookup(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace Lookup;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), width = call.integer(columns), ld = call.integer(ldt), words = call.integer(vocabulary), group = call.integer(rowGroup);
  if (rowCount == 0 || fromGroup == toGroup) return OK;
  call.needRows(table, 1, 0, (double)words, (double)ld, (double)width);
  call.needRows(out, toGroup, call.fields[outGroup], (double)rowCount, call.fields[ldo], (double)width);
  if (call.integer(bias)) call.need(call.fields[bias], (double)width);
  if (call.integer(bias2)) call.need(call.fields[bias2], (double)width);
  if (call.integer(starts)) call.need(call.fields[starts], (toGroup - 1) * (double)group + (double)rowCount + 1);
  const Behind behind = behindOf(call, catchUp, (double)words);
  if (behind.kind == CATCH_UP_MOMENTUM) call.needRows(m, 1, 0, (double)words, (double)ld, (double)width);
  if (!call.inside) return OUTSIDE;
  const Entries entries{call.integer(starts) ? call.at<i32>(starts) : nullptr};
  const float *b1 = call.integer(bias) ? call.at(bias) : nullptr, *b2 = call.integer(bias2) ? call.at(bias2) : nullptr;
  Row row{call.at(table), call.at(m), call.integer(values) ? call.at(values) : nullptr, call.at<i32>(features), ld, words, 0, 0, 0, behind};
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++) {
    const i64 first = g * group;
    if (!entries.ordered(first, first + rowCount)) return OUTSIDE;
    call.need(call.fields[features], (double)entries.at(first + rowCount));
    if (row.values) call.need(call.fields[values], (double)entries.at(first + rowCount));
  }
  if (!call.inside) return OUTSIDE;
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++) {
    const i64 first = g * group;
    row.last = entries.at(first + rowCount);
    for (i64 r = 0; r < rowCount; r++) {
      row.begin = entries.at(first + r), row.end = entries.at(first + r + 1);
      float* to = call.at(out) + g * call.integer(outGroup) + r * call.integer(ldo);
      if (width > 0 && width < LINE) {
        if (!(width == 2 ? sumPacked<2>(row, width, b1, b2, to) : sumPacked<0>(row, width, b1, b2, to))) return BAD_TOKEN;
        continue;
      }
      bool known = true;
      i64 j = 0;
      for (; j + 8 * VL <= width; j += 8 * VL) known &= sumRows<8, vf>(row, j, b1, b2, to);
      for (; j + VL <= width; j += VL) known &= sumRows<1, vf>(row, j, b1, b2, to);
      for (; j < width; j++) known &= sumRows<1, float>(row, j, b1, b2, to);
      if (!known) return BAD_TOKEN;
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
    const i64 begin = base[p], end = base[p + 1];
    if (begin < 0 || begin > end) return OUTSIDE;
    call.at<double>(norms)[p] = 0;
    if (begin == end) continue;
    call.need(call.fields[g], (double)end * (double)width), call.need(call.fields[touched], (double)end);
    const i32* ofPiece = call.at<i32>(bins) + p;
    double used = 0;
    for (i64 chunk = 0; chunk < chunkCount; chunk++) {
      const i32* bin = ofPiece + chunk * (pieceCount + 1);
      if (bin[0] < 0 || bin[0] > bin[1]) return OUTSIDE;
      used = bin[1] > used ? bin[1] : used;
    }
    call.need(call.fields[dealtFeatures], used), call.need(call.fields[dealtRows], used);
    if (value) call.need(call.fields[dealtValues], used);
    int bits = 1;
    while (((i64)1 << bits) < 2 * (end - begin)) bits++;
    if (!call.inside || ((i64)1 << bits) > call.integer(hashSize)) return OUTSIDE;
    for (i64 h = 0; h < (i64)1 << bits; h++) hashed[h] = 0;
    i64 next = begin;
    for (i64 chunk = 0; chunk < chunkCount; chunk++) {
      const i32* bin = ofPiece + chunk * (pieceCount + 1);
      for (i64 e = bin[0]; e < bin[1]; e++) {
        if ((u64)(i64)feature[e] >= (u64)words || (u64)(i64)row[e] >= (u64)rowCount) return BAD_TOKEN;
        u32 h = (u32)feature[e] * 0x9e3779b1u >> (32 - bits);
        while (hashed[h] != 0 && of[hashed[h] - 1] != feature[e]) h = (h + 1) & ((1u << bits) - 1);
        const bool first = hashed[h] == 0;
        if (first) {
          if (next == end) return OUTSIDE;
          of[next] = feature[e];
          hashed[h] = (i32)++next;
          if (slot) slot[feature[e]] = (i32)next;
        }
        const i64 place = hashed[h];
        addRow(gradient + (place - 1) * width, delta + row[e] * ld, value ? value[e] : 1.0f, first, width);
      }
    }
    for (i64 place = next; place < end; place++) of[place] = -1;
    call.at<double>(norms)[p] = squaresOf(gradient + begin * width, (next - begin) * width);
  }
  return OK;
}

// Where the floats of some rows stand.
struct Rows { float *w, *m, *v; };

// Rows of a table and what their step needs.
struct Table {
  Rows rows, undo;
  const float* g;
  i64 columns;
  Behind behind;
  Rates<vf> wide;
  Rates<float> narrow;
};

INLINE const Rates<vf>& ratesFor(const Table& t, vf) { return t.wide; }
INLINE const Rates<float>& ratesFor(const Table& t, float) { return t.narrow; }

// One vector or float of a row: kept for undo, caught up, stepped.
template <int KIND, class F>
INLINE void stepOfRow(const Table& t, const Rows& from, i64 at, i64 kept, const Rows& to, i64 into, const float* g, F a, F b) {
  const bool first = hasFirst(KIND), second = hasSecond(KIND);
  F w = loadOf(from.w + at, F{}), m = first ? loadOf(from.m + at, F{}) : zero(F{}), v = second ? loadOf(from.v + at, F{}) : zero(F{});
  storeOf(t.undo.w + kept, w);
  if (first) storeOf(t.undo.m + kept, m);
  if (second) storeOf(t.undo.v + kept, v);
  w = current(w, m, a, b, t.behind.kind);
  if (first && t.behind.kind == CATCH_UP_MOMENTUM) m *= a;
  storeOf(to.w + into, stepOf<KIND>(w, g ? loadOf(g, F{}) : zero(F{}), m, v, ratesFor(t, F{})));
  if (first) storeOf(to.m + into, m);
  if (second) storeOf(to.v + into, v);
}

// `count` floats from `at` on that belong to one row, or to any rows where none is behind.
template <int KIND>
INLINE void stepOfRange(const Table& t, i64 at, i64 kept, const float* g, i64 count, float a, float b) {
  i64 j = 0;
  for (; j + VL <= count; j += VL) stepOfRow<KIND, vf>(t, t.rows, at + j, kept + j, t.rows, at + j, g ? g + j : g, broadcast(a), broadcast(b));
  for (; j < count; j++) stepOfRow<KIND, float>(t, t.rows, at + j, kept + j, t.rows, at + j, g ? g + j : g, a, b);
}

// A row that is updated soon.
template <int KIND>
INLINE void prefetchRow(const Table& t, i64 row, const i32* mark) {
  for (i64 j = 0; j < t.columns; j += LINE) {
    __builtin_prefetch(t.rows.w + row * t.columns + j, 1);
    if (hasFirst(KIND)) __builtin_prefetch(t.rows.m + row * t.columns + j, 1);
    if (hasSecond(KIND)) __builtin_prefetch(t.rows.v + row * t.columns + j, 1);
  }
  if (t.behind.kind != CATCH_UP_NONE) __builtin_prefetch(mark + row, 1);
}

// Rows of less than a vector stand in `undo` side by side: they are stepped there, and go back to their places in the table.
// COLUMNS: of a row, where the compiler shall know them; else 0.
template <int KIND, int COLUMNS>
static int updatePacked(Call& call, const Table& t, i64 from, i64 to) {
  const i64 columns = COLUMNS ? COLUMNS : t.columns, together = PACKED / columns;
  const i32* rows = call.at<i32>(RowUpdate::touched);
  i32 *mark = call.at<i32>(RowUpdate::touchedAt), now = (i32)call.integer(RowUpdate::now);
  const bool behind = t.behind.kind != CATCH_UP_NONE;
  alignas(64) float a[PACKED], b[PACKED], w[PACKED], m[PACKED], v[PACKED];
  const Rows stepped{w, m, v};
  const auto move = [&](const Rows& source, i64 at, const Rows& target, i64 into) {
    for (i64 j = 0; j < columns; j++) {
      target.w[into + j] = source.w[at + j];
      if (hasFirst(KIND)) target.m[into + j] = source.m[at + j];
      if (hasSecond(KIND)) target.v[into + j] = source.v[at + j];
    }
  };
  for (i64 block = from; block < to; block += together) {
    const i64 end = block + together < to ? block + together : to, kept = (block - from) * columns, floats = (end - block) * columns;
    const float* g = t.g + block * columns;
    for (i64 place = block, i = 0; place < end; place++, i += columns) {
      if (place + AHEAD < to && rows[place + AHEAD] >= 0) prefetchRow<KIND>(t, rows[place + AHEAD], mark);
      const i64 row = rows[place];
      float ofRow = 1, less = 0;
      // At a place without a row whatever stands in `undo` is stepped, to no effect.
      if (row >= 0) {
        if (behind && !t.behind.of(row, ofRow, less)) return BAD_TOKEN;
        if (behind) mark[row] = now;
        move(t.rows, row * columns, t.undo, kept + i);
      }
      for (i64 j = 0; j < columns; j++) a[i + j] = ofRow, b[i + j] = less;
    }
    i64 j = 0;
    for (; j + VL <= floats; j += VL) stepOfRow<KIND, vf>(t, t.undo, kept + j, kept + j, stepped, j, g + j, load(a + j), load(b + j));
    for (; j < floats; j++) stepOfRow<KIND, float>(t, t.undo, kept + j, kept + j, stepped, j, g + j, a[j], b[j]);
    for (i64 place = block; place < end; place++)
      if (rows[place] >= 0) move(stepped, (place - block) * columns, t.rows, rows[place] * columns);
  }
  return OK;
}

template <int KIND>
static int updatePlaces(Call& call, const Table& t, i64 from, i64 to) {
  using namespace RowUpdate;
  const i64 words = call.integer(vocabulary), columns = t.columns;
  const i32* rows = call.at<i32>(touched);
  i32 *mark = call.at<i32>(touchedAt), now = (i32)call.integer(RowUpdate::now);
  for (i64 place = from; place < to; place++)
    if (rows[place] >= words || rows[place] < -1) return BAD_TOKEN;
  if (columns == 0) return OK;
  if (columns == 2) return updatePacked<KIND, 2>(call, t, from, to);
  if (columns < LINE) return updatePacked<KIND, 0>(call, t, from, to);
  for (i64 place = from; place < to; place++) {
    if (place + WIDE_AHEAD < to && rows[place + WIDE_AHEAD] >= 0) prefetchRow<KIND>(t, rows[place + WIDE_AHEAD], mark);
    const i64 row = rows[place];
    if (row < 0) continue;
    float a = 1, b = 0;
    if (t.behind.kind != CATCH_UP_NONE && !t.behind.of(row, a, b)) return BAD_TOKEN;
    stepOfRange<KIND>(t, row * columns, (place - from) * columns, t.g + place * columns, columns, a, b);
    if (t.behind.kind != CATCH_UP_NONE) mark[row] = now;
  }
  return OK;
}

template <int KIND>
static int updateAll(Call& call, const Table& t, i64 from, i64 to) {
  using namespace RowUpdate;
  const i64 used = call.integer(places), columns = t.columns;
  const i32 *slot = call.at<i32>(slots), *of = call.at<i32>(touched);
  i32 *mark = call.at<i32>(touchedAt), now = (i32)call.integer(RowUpdate::now);
  // The row's gradient; none where what its slot holds is of an earlier step.
  const auto gradientOf = [&](i64 row) -> const float* {
    const i64 place = slot[row];
    return place > 0 && place <= used && of[place - 1] == row ? t.g + (place - 1) * columns : nullptr;
  };
  if (t.behind.kind == CATCH_UP_NONE) {
    // Rows follow each other, so their gradients do as well: mostly zeros, for one loop over all.
    float* g = call.at(scratch);
    for (i64 i = 0; i < (to - from) * columns; i++) g[i] = 0;
    for (i64 row = from; row < to; row++)
      if (const float* own = gradientOf(row))
        for (i64 j = 0; j < columns; j++) g[(row - from) * columns + j] = own[j];
    stepOfRange<KIND>(t, from * columns, 0, g, (to - from) * columns, 1, 0);
    return OK;
  }
  for (i64 row = from; row < to; row++) {
    float a, b;
    if (!t.behind.of(row, a, b)) return BAD_TOKEN;
    stepOfRange<KIND>(t, row * columns, (row - from) * columns, gradientOf(row), columns, a, b);
    mark[row] = now;
  }
  return OK;
}

static int rowUpdate(Arena& arena, double descriptor, double fromRow, double toRow) {
  using namespace RowUpdate;
  Call call(arena, descriptor, fromRow, toRow, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < catchUp; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 from = (i64)fromRow, to = (i64)toRow, width = call.integer(columns), words = call.integer(vocabulary);
  const int optimizer = (int)call.integer(kind);
  const double table = (double)words * (double)width, kept = (toRow - fromRow) * (double)width;
  call.need(call.fields[w], table), call.need(call.fields[undo], 3 * kept), call.need(call.fields[touched], call.fields[places]);
  if (hasFirst(optimizer)) call.need(call.fields[m], table);
  if (hasSecond(optimizer)) call.need(call.fields[v], table);
  call.need(call.fields[g], call.fields[places] * (double)width);
  const bool everyRow = call.integer(all) != 0;
  if (everyRow) call.need(call.fields[scratch], kept), call.need(call.fields[slots], (double)words);
  const Behind behind = behindOf(call, catchUp, (double)words);
  if (!call.inside || optimizer > ADAMW || to > (everyRow ? words : call.integer(places))) return OUTSIDE;
  if (behind.kind != CATCH_UP_NONE && call.integer(now) >= behind.period) return OUTSIDE;
  if (behind.kind == CATCH_UP_MOMENTUM && !hasFirst(optimizer)) return OUTSIDE;
  const double* rule = call.fields + clipFactor;
  float* keep = call.at(undo);
  const Rows rows{call.at(w), call.at(m), call.at(v)}, kept3{keep, keep + (to - from) * width, keep + 2 * (to - from) * width};
  const Table t{rows, kept3, call.at(g), width, behind, ratesOf<vf>(rule), ratesOf<float>(rule)};
#define STEP(KIND) \
  case KIND: return everyRow ? updateAll<KIND>(call, t, from, to) : updatePlaces<KIND>(call, t, from, to);
  switch (optimizer) { STEP(SGD) STEP(MOMENTUM) STEP(NESTEROV) STEP(ADAGRAD) STEP(RMSPROP) STEP(ADAM) STEP(ADAMW) }
#undef STEP
  return OK;
}
