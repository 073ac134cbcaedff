// Sums of the rows of a table that entries name, as they are now.
#pragma once
#include "rows.h"

#define WIDE_AHEAD 6  // as AHEAD, for rows of a line and more, which are several lines each

struct Row {
  const float *table, *m, *values;
  const i32* features;
  i64 ld, words, begin, end, last;  // of its entries, and of those that are read after it
  Behind behind;
};

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
    const i64 feature = once(row.features + e);
    if ((u64)feature >= (u64)row.words) return false;
    if (e + WIDE_AHEAD < row.last) {
      const u64 next = (u64)row.features[e + WIDE_AHEAD];
      UNROLLED for (int v = 0; v < N; v += LINE / width < N ? LINE / width : N) prefetch(row.table, next * row.ld + j + v * width);
      if (row.behind.kind != CATCH_UP_NONE) prefetch(row.behind.touchedAt, next);
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
        const u64 next = (u64)row.features[e + AHEAD];
        prefetch(row.table, next * row.ld);
        if (behind) prefetch(row.behind.touchedAt, next);
      }
      const i64 feature = once(row.features + e);
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
  else call.need(call.fields[features], (toGroup - 1) * (double)group + (double)rowCount);
  const Behind behind = behindOf(call, catchUp, (double)words);
  if (behind.kind == CATCH_UP_MOMENTUM) call.needRows(m, 1, 0, (double)words, (double)ld, (double)width);
  if (!call.inside) return OUTSIDE;
  Entries entries{call.integer(starts) ? call.at<i32>(starts) : nullptr, 0};
  const float *b1 = call.integer(bias) ? call.at(bias) : nullptr, *b2 = call.integer(bias2) ? call.at(bias2) : nullptr;
  Row row{call.at(table), call.at(m), call.integer(values) ? call.at(values) : nullptr, call.at<i32>(features), ld, words, 0, 0, 0, behind};
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++) {
    const i64 first = g * group;
    if (!entries.ordered(first, first + rowCount)) return OUTSIDE;
    const i64 end = entries.starts ? once(entries.starts + first + rowCount) : first + rowCount;
    entries.most = end > entries.most ? end : entries.most;
  }
  call.need(call.fields[features], (double)entries.most);
  if (row.values) call.need(call.fields[values], (double)entries.most);
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
