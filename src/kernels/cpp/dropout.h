// Inverted dropout (Srivastava et al. 2014) with masks from a counter: the bits of a unit are a hash of key, stream, time
// and unit, so they depend neither on the worker nor on the vector's length. The hash is lowbias32 (C. Wellons).
#pragma once
#include "arena.h"
#include "descriptors.h"

template <class U>
INLINE U mix(U x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ x >> 16;
}

static int dropout(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace Dropout;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++)
    if (f != scale) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), width = call.integer(columns), step = call.integer(ld), groupStep = call.integer(group);
  call.needRows(in, toGroup, (double)groupStep, (double)rowCount, (double)step, (double)width);
  call.needRows(out, toGroup, (double)groupStep, (double)rowCount, (double)step, (double)width);
  if (!call.inside || width % PANEL) return OUTSIDE;
  if (rowCount == 0 || fromGroup == toGroup) return OK;
  const u32 limit = (u32)call.integer(threshold);
  const vf factor = broadcast(call.number(scale));
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    for (i64 r = 0; r < rowCount; r++) {
      const u32 row = mix(mix((u32)call.integer(key) ^ (u32)(call.integer(firstStream) + r)) ^ (u32)g);
      const float* from = call.at(in) + g * groupStep + r * step;
      float* to = call.at(out) + g * groupStep + r * step;
      for (i64 j = 0; j < width; j += VL) {
        vu bits = mix((vu)(lanes() + (i32)j) * 0x9e3779b9u + row);
        store(to + j, bits < limit ? broadcast(0) : load(from + j) * factor);
      }
    }
  return OK;
}
