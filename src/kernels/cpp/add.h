// Sums of rows: what a layer says and what it has read.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "simd.h"

static int add(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace Add;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), width = call.integer(columns), step = call.integer(ld), groupStep = call.integer(group);
  for (int view = a; view <= out; view++) call.needRows(view, toGroup, (double)groupStep, (double)rowCount, (double)step, (double)width);
  if (!call.inside || width % PANEL) return OUTSIDE;
  if (rowCount == 0 || fromGroup == toGroup) return OK;
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    for (i64 r = 0; r < rowCount; r++) {
      const i64 at = g * groupStep + r * step;
      for (i64 j = at; j < at + width; j += VL) store(call.at(out) + j, flush(load(call.at(a) + j) + load(call.at(b) + j)));
    }
  return OK;
}
