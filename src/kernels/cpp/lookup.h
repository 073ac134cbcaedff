// Lookup tables: rows gathered by token, gradients added back by token, and column sums for biases. Rows in order.
#pragma once
#include "arena.h"
#include "descriptors.h"

// Whether all tokens are in the vocabulary.
static bool known(const i32* tokens, i64 count, i64 words) {
  bool inside = true;
  for (i64 i = 0; i < count; i++) inside &= (u64)(i64)tokens[i] < (u64)words;
  return inside;
}

static int gather(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace Gather;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), width = call.integer(columns), words = call.integer(vocabulary), tokenStep = call.integer(tokenGroup);
  if (rowCount == 0 || fromGroup == toGroup) return OK;
  call.needRows(table, 1, 0, (double)words, call.fields[ldt], (double)width);
  call.needRows(tokens, toGroup, call.fields[tokenGroup], (double)rowCount, 1, 1);
  call.needRows(out, toGroup, call.fields[outGroup], (double)rowCount, call.fields[ldo], (double)width);
  if (call.integer(bias)) call.need(call.fields[bias], (double)width);
  if (call.integer(bias2)) call.need(call.fields[bias2], (double)width);
  if (!call.inside || width % PANEL) return OUTSIDE;
  const i32* token = call.at<i32>(tokens);
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    if (!known(token + g * tokenStep, rowCount, words)) return BAD_TOKEN;
  const float *b1 = call.integer(bias) ? call.at(bias) : nullptr, *b2 = call.integer(bias2) ? call.at(bias2) : nullptr;
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    for (i64 r = 0; r < rowCount; r++) {
      const i64 row = once(token + g * tokenStep + r);
      if ((u64)row >= (u64)words) return BAD_TOKEN;
      const float* from = call.at(table) + row * call.integer(ldt);
      float* to = call.at(out) + g * call.integer(outGroup) + r * call.integer(ldo);
      for (i64 j = 0; j < width; j += VL) {
        vf x = load(from + j);
        if (b1) x += load(b1 + j);
        if (b2) x += load(b2 + j);
        store(to + j, x);
      }
    }
  return OK;
}

static int scatter(Arena& arena, double descriptor, double fromColumn, double toColumn) {
  using namespace Scatter;
  Call call(arena, descriptor, fromColumn, toColumn, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), words = call.integer(vocabulary), from = (i64)fromColumn, to = (i64)toColumn;
  call.needRows(d, 1, 0, (double)rowCount, call.fields[ldd], toColumn);
  call.needRows(table, 1, 0, (double)words, call.fields[ldt], toColumn);
  call.need(call.fields[tokens], (double)rowCount);
  if (!call.inside || from % PANEL || to % PANEL) return OUTSIDE;
  const i32* token = call.at<i32>(tokens);
  if (!known(token, rowCount, words)) return BAD_TOKEN;
  float* sums = call.at(table);
  for (i64 word = 0; word < words; word++)
    for (i64 j = from; j < to; j += VL) store(sums + word * call.integer(ldt) + j, broadcast(0));
  for (i64 r = 0; r < rowCount; r++) {
    const i64 row = once(token + r);
    if ((u64)row >= (u64)words) return BAD_TOKEN;
    const float* x = call.at(d) + r * call.integer(ldd);
    float* sum = sums + row * call.integer(ldt);
    for (i64 j = from; j < to; j += VL) store(sum + j, load(sum + j) + load(x + j));
  }
  return OK;
}

static int columnSums(Arena& arena, double descriptor, double fromColumn, double toColumn) {
  using namespace ColumnSums;
  Call call(arena, descriptor, fromColumn, toColumn, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), ld = call.integer(ldd), from = (i64)fromColumn, to = (i64)toColumn;
  call.needRows(d, 1, 0, (double)rowCount, (double)ld, toColumn);
  call.need(call.fields[out], toColumn);
  if (call.integer(out2)) call.need(call.fields[out2], toColumn);
  if (!call.inside || from % PANEL || to % PANEL) return OUTSIDE;
  const int WIDE = 4 * PANEL / VL;  // four panels at a time: one addition alone would wait for the one before
  for (i64 j = from; j < to;) {
    const int vectors = to - j >= 4 * PANEL ? WIDE : PANEL / VL;
    vf sum[WIDE];
    for (int v = 0; v < WIDE; v++) sum[v] = broadcast(0);
    const float* x = call.at(d) + j;
    if (vectors == WIDE)
      for (i64 r = 0; r < rowCount; r++) {
        UNROLLED for (int v = 0; v < WIDE; v++) sum[v] += load(x + r * ld + v * VL);
      }
    else
      for (i64 r = 0; r < rowCount; r++)
        for (int v = 0; v < PANEL / VL; v++) sum[v] += load(x + r * ld + v * VL);
    for (int v = 0; v < vectors; v++) {
      store(call.at(out) + j + v * VL, sum[v]);
      if (call.integer(out2)) store(call.at(out2) + j + v * VL, sum[v]);
    }
    j += vectors * VL;
  }
  return OK;
}
