// Tables that are read and updated by rows: entries dealt to the pieces of the table, sums of rows, gradients of the rows that are
// named, and the optimizer's step on them, before which rows catch up with what they have missed.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "update.h"

#define MOST_PIECES 64
#define AHEAD 16  // entries between asking for a row of a table and reading it: some hundred nanoseconds of work

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
  const i64 rowCount = call.integer(rows), perChunk = call.integer(chunkRows), words = call.integer(vocabulary), count = call.integer(pieces);
  if (perChunk == 0 || !isPieces(count)) return OUTSIDE;
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
  const i32 mask = (i32)count - 1;
  for (i64 chunk = (i64)fromChunk; chunk < (i64)toChunk; chunk++) {
    const i64 firstRow = rowAt(chunk), endRow = rowAt(chunk + 1), begin = entries.at(firstRow), finish = entries.at(endRow);
    i32 next[MOST_PIECES];
    for (i64 p = 0; p < count; p++) next[p] = 0;
    for (i64 e = begin; e < finish; e++) {
      if ((u32)feature[e] >= (u64)words) return BAD_TOKEN;
      next[feature[e] & mask]++;
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
        const i32 place = next[feature[e] & mask]++;
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
  i64 ld, words, begin, end;
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
    if (e + AHEAD < row.end) {
      const i64 next = row.features[e + AHEAD];
      __builtin_prefetch(row.table + next * row.ld + j);
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
  Row row{call.at(table), call.at(m), call.integer(values) ? call.at(values) : nullptr, call.at<i32>(features), ld, words, 0, 0, behind};
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++) {
    const i64 first = g * group;
    if (!entries.ordered(first, first + rowCount)) return OUTSIDE;
    call.need(call.fields[features], (double)entries.at(first + rowCount));
    if (row.values) call.need(call.fields[values], (double)entries.at(first + rowCount));
  }
  if (!call.inside) return OUTSIDE;
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++) {
    const i64 first = g * group;
    for (i64 r = 0; r < rowCount; r++) {
      row.begin = entries.at(first + r), row.end = entries.at(first + r + 1);
      float* to = call.at(out) + g * call.integer(outGroup) + r * call.integer(ldo);
      bool known = true;
      i64 j = 0;
      for (; j + 8 * VL <= width; j += 8 * VL) known &= sumRows<8, vf>(row, j, b1, b2, to);
      for (; j + VL <= width; j += VL) known &= sumRows<1, vf>(row, j, b1, b2, to);
      for (; j + 2 <= width; j += 2) known &= sumRows<2, float>(row, j, b1, b2, to);
      for (; j < width; j++) known &= sumRows<1, float>(row, j, b1, b2, to);
      if (!known) return BAD_TOKEN;
    }
  }
  return OK;
}

// to = to + value * from, or value * from where `first`; any number of columns.
INLINE void addRow(float* to, const float* from, float value, bool first, i64 columns) {
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
  float sum = sumOfLanes(sums);
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
  call.need(call.fields[bases], toPiece + 1), call.need(call.fields[counts], toPiece), call.need(call.fields[slots], (double)words);
  if (!call.inside) return OUTSIDE;
  const i32 *base = call.at<i32>(bases), *feature = call.at<i32>(dealtFeatures), *row = call.at<i32>(dealtRows);
  const float *value = call.integer(dealtValues) ? call.at(dealtValues) : nullptr, *delta = call.at(d);
  i32 *slot = call.at<i32>(slots), *of = call.at<i32>(touched);
  float* gradient = call.at(g);
  double squares = 0;
  for (i64 p = (i64)fromPiece; p < (i64)toPiece; p++) {
    const i64 begin = base[p], end = base[p + 1];
    if (begin < 0 || begin > end) return OUTSIDE;
    call.need(call.fields[g], (double)end * (double)width), call.need(call.fields[touched], (double)end);
    i64 next = begin;
    for (i64 chunk = 0; chunk < chunkCount; chunk++) {
      const i32* bin = call.at<i32>(bins) + chunk * (pieceCount + 1) + p;
      if (bin[0] < 0 || bin[0] > bin[1]) return OUTSIDE;
      call.need(call.fields[dealtFeatures], (double)bin[1]), call.need(call.fields[dealtRows], (double)bin[1]);
      if (value) call.need(call.fields[dealtValues], (double)bin[1]);
      if (!call.inside) return OUTSIDE;
      for (i64 e = bin[0]; e < bin[1]; e++) {
        if (e + AHEAD < bin[1]) __builtin_prefetch(slot + feature[e + AHEAD]);
        if ((u64)(i64)feature[e] >= (u64)words || (u64)(i64)row[e] >= (u64)rowCount) return BAD_TOKEN;
        i32 place = slot[feature[e]];
        const bool first = place == 0;
        if (first) {
          if (next == end) return OUTSIDE;
          of[next] = feature[e];
          place = slot[feature[e]] = (i32)++next;
        } else if (place <= begin || place > next) return OUTSIDE;
        addRow(gradient + (place - 1) * width, delta + row[e] * ld, value ? value[e] : 1.0f, first, width);
      }
    }
    call.at<i32>(counts)[p] = (i32)(next - begin);
    squares += squaresOf(gradient + begin * width, (next - begin) * width);
  }
  arena.result = squares;
  return OK;
}

// Rows of a table and what their step needs.
struct Table {
  float *w, *m, *v, *undo;
  const float* g;
  i64 columns, kept;
  Behind behind;
  Rates<vf> wide;
  Rates<float> narrow;
};

// One vector or float of a row: kept for undo, caught up, stepped.
template <int KIND, class F>
INLINE void stepOfRow(const Table& t, const Rates<F>& rates, i64 at, i64 undo, const float* g, F a, F b) {
  const bool first = KIND == MOMENTUM || KIND == NESTEROV || KIND == ADAM || KIND == ADAMW, second = KIND >= ADAGRAD;
  F w = loadOf(t.w + at, F{}), m = first ? loadOf(t.m + at, F{}) : zero(F{}), v = second ? loadOf(t.v + at, F{}) : zero(F{});
  storeOf(t.undo + undo, w);
  if (first) storeOf(t.undo + t.kept + undo, m);
  if (second) storeOf(t.undo + 2 * t.kept + undo, v);
  w = current(w, m, a, b, t.behind.kind);
  if (first && t.behind.kind == CATCH_UP_MOMENTUM) m *= a;
  storeOf(t.w + at, stepOf<KIND>(w, g ? loadOf(g, F{}) : zero(F{}), m, v, rates));
  if (first) storeOf(t.m + at, m);
  if (second) storeOf(t.v + at, v);
}

// `count` floats from `at` on that belong to one row, or to any rows where none is behind.
template <int KIND>
INLINE void stepOfRange(const Table& t, i64 at, i64 undo, const float* g, i64 count, float a, float b) {
  i64 j = 0;
  for (; j + VL <= count; j += VL) stepOfRow<KIND, vf>(t, t.wide, at + j, undo + j, g ? g + j : g, broadcast(a), broadcast(b));
  for (; j < count; j++) stepOfRow<KIND, float>(t, t.narrow, at + j, undo + j, g ? g + j : g, a, b);
}

template <int KIND>
static int updatePlaces(Call& call, const Table& t, i64 from, i64 to) {
  using namespace RowUpdate;
  const i64 words = call.integer(vocabulary);
  const i32* rows = call.at<i32>(touched);
  i32 *slot = call.at<i32>(slots), *mark = call.at<i32>(touchedAt), now = (i32)call.integer(RowUpdate::now);
  for (i64 place = from; place < to; place++) {
    if (place + AHEAD < to && (u64)(i64)rows[place + AHEAD] < (u64)words) {
      const i64 next = rows[place + AHEAD];
      __builtin_prefetch(slot + next, 1), __builtin_prefetch(t.w + next * t.columns, 1);
      if (t.behind.kind != CATCH_UP_NONE) __builtin_prefetch(mark + next, 1);
      if (KIND >= ADAGRAD) __builtin_prefetch(t.v + next * t.columns, 1);
    }
    const i64 row = rows[place];
    if ((u64)row >= (u64)words) return BAD_TOKEN;
    float a = 1, b = 0;
    if (t.behind.kind != CATCH_UP_NONE && !t.behind.of(row, a, b)) return BAD_TOKEN;
    stepOfRange<KIND>(t, row * t.columns, (place - from) * t.columns, t.g + place * t.columns, t.columns, a, b);
    slot[row] = 0;
    if (t.behind.kind != CATCH_UP_NONE) mark[row] = now;
  }
  return OK;
}

template <int KIND>
static int updateAll(Call& call, const Table& t, i64 from, i64 to) {
  using namespace RowUpdate;
  const i64 placeCount = call.integer(places), columns = t.columns;
  i32 *slot = call.at<i32>(slots), *mark = call.at<i32>(touchedAt), now = (i32)call.integer(RowUpdate::now);
  for (i64 row = from; row < to; row++)
    if ((u64)(i64)slot[row] > (u64)placeCount) return OUTSIDE;
  if (t.behind.kind == CATCH_UP_NONE) {
    // Rows follow each other, so their gradients do as well: mostly zeros, for one loop over all.
    float* g = call.at(scratch);
    for (i64 i = 0; i < (to - from) * columns; i++) g[i] = 0;
    for (i64 row = from; row < to; row++) {
      if (slot[row] == 0) continue;
      for (i64 j = 0; j < columns; j++) g[(row - from) * columns + j] = t.g[(slot[row] - 1) * columns + j];
      slot[row] = 0;
    }
    stepOfRange<KIND>(t, from * columns, 0, g, (to - from) * columns, 1, 0);
    return OK;
  }
  for (i64 row = from; row < to; row++) {
    float a, b;
    if (!t.behind.of(row, a, b)) return BAD_TOKEN;
    stepOfRange<KIND>(t, row * columns, (row - from) * columns, slot[row] ? t.g + (slot[row] - 1) * columns : nullptr, columns, a, b);
    slot[row] = 0, mark[row] = now;
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
  const bool first = optimizer == MOMENTUM || optimizer == NESTEROV || optimizer == ADAM || optimizer == ADAMW, second = optimizer >= ADAGRAD;
  const double table = (double)words * (double)width, kept = (toRow - fromRow) * (double)width;
  call.need(call.fields[w], table), call.need(call.fields[undo], 3 * kept), call.need(call.fields[slots], (double)words);
  if (first) call.need(call.fields[m], table);
  if (second) call.need(call.fields[v], table);
  call.need(call.fields[g], call.fields[places] * (double)width);
  const bool everyRow = call.integer(all) != 0;
  if (everyRow) call.need(call.fields[scratch], kept);
  else call.need(call.fields[touched], toRow);
  const Behind behind = behindOf(call, catchUp, (double)words);
  if (!call.inside || optimizer > ADAMW || to > (everyRow ? words : call.integer(places))) return OUTSIDE;
  if (behind.kind != CATCH_UP_NONE && call.integer(now) >= behind.period) return OUTSIDE;
  if (behind.kind == CATCH_UP_MOMENTUM && !first) return OUTSIDE;
  const double* rule = call.fields + clipFactor;
  const Table t{call.at(w), call.at(m), call.at(v), call.at(undo), call.at(g), width, (to - from) * width, behind, ratesOf<vf>(rule), ratesOf<float>(rule)};
#define STEP(KIND) \
  case KIND: return everyRow ? updateAll<KIND>(call, t, from, to) : updatePlaces<KIND>(call, t, from, to);
  switch (optimizer) { STEP(SGD) STEP(MOMENTUM) STEP(NESTEROV) STEP(ADAGRAD) STEP(RMSPROP) STEP(ADAM) STEP(ADAMW) }
#undef STEP
  return OK;
}
