// K winners take all: of each row the K largest values above zero stay, the others become zero.
//
// Floats above zero are in the order of their bits as integers. So the K-th largest is found bit by bit, from the highest on: a bit
// belongs to it where at least K values of the row are as large as what is known of it with that bit. A row of 1,024 units is in the
// first-level cache; a bit takes 64 vectors of AVX-512.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "simd.h"

#define INFINITE 0x7f800000

typedef i32 i32Memory __attribute__((may_alias));
INLINE vi loadBits(const float* p) { return (vi)load(p); }

// How many values of a row have bits of `least` or more, as signed integers: none that is below zero, and NaN with the sign +.
INLINE i64 countFrom(const float* row, i64 columns, i32 least) {
  vi counts = {};
  for (i64 j = 0; j < columns; j += VL) counts -= (vi)(loadBits(row + j) >= least);
  i64 count = 0;
  for (int i = 0; i < VL; i++) count += counts[i];
  return count;
}

// The bits of the largest number that at least `wanted` values of the row reach; 1 where fewer are above zero.
static i32 thresholdOf(const float* row, i64 columns, i64 wanted) {
  if (countFrom(row, columns, 1) <= wanted) return 1;
  i32 found = 0;
  for (i32 bit = 1 << 30; bit; bit >>= 1) {
    const i64 count = countFrom(row, columns, found | bit);
    if (count >= wanted) found |= bit;
    if (count == wanted) break;
  }
  return found;
}

// Of equal values those in lower columns stay. NaN stays as well and is none of those that are kept; as bits it is above every number.
static void keepLargest(float* row, i64 columns, i64 keep) {
  const i64 wanted = keep + countFrom(row, columns, INFINITE + 1);
  const i32 threshold = thresholdOf(row, columns, wanted);
  i64 excess = countFrom(row, columns, threshold) - wanted;
  for (i64 j = 0; j < columns; j += VL) {
    const vi bits = loadBits(row + j), isNaN = (vi)((bits & 0x7fffffff) > INFINITE);
    store(row + j, (vf)(bits & ((vi)(bits >= threshold) | isNaN)));
  }
  for (i64 j = columns - 1; excess > 0 && j >= 0; j--)
    if (((const i32Memory*)row)[j] == threshold) row[j] = 0, excess--;
}

static int winners(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace Winners;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), width = call.integer(columns);
  call.needRows(a, toGroup, call.fields[aGroup], (double)rowCount, call.fields[lda], (double)width);
  if (!call.inside || width % PANEL) return OUTSIDE;
  if (rowCount == 0 || fromGroup == toGroup) return OK;
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    for (i64 r = 0; r < rowCount; r++) keepLargest(call.at(a) + g * call.integer(aGroup) + r * call.integer(lda), width, call.integer(keep));
  return OK;
}
