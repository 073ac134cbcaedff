// The optimizer's step on rows of a table, before which they catch up with what they have missed.
#pragma once
#include "rows.h"

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
  const i64 columns = COLUMNS ? COLUMNS : t.columns, together = PACKED / columns, words = call.integer(RowUpdate::vocabulary);
  const i32* rows = call.at<i32>(RowUpdate::touched);
  i32 *mark = call.at<i32>(RowUpdate::touchedAt), now = (i32)call.integer(RowUpdate::now);
  const bool behind = t.behind.kind != CATCH_UP_NONE;
  alignas(64) float a[PACKED], b[PACKED], w[PACKED], m[PACKED], v[PACKED];
  i32 own[PACKED];  // the rows of a block, as they were checked
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
      const i64 row = once(rows + place);
      if (row >= words) return BAD_TOKEN;
      own[place - block] = (i32)row;
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
      if (const i64 row = own[place - block]; row >= 0) move(stepped, (place - block) * columns, t.rows, row * columns);
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
    const i64 row = once(rows + place);
    if (row < 0) continue;
    if (row >= words) return BAD_TOKEN;
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
    const i64 place = once(slot + row);
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
  if (!call.inside || call.integer(kind) > ADAMW) return OUTSIDE;
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
  if (!call.inside || to > (everyRow ? words : call.integer(places))) return OUTSIDE;
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
