// What the kernels of tables share that are read and updated by rows: where the entries of rows begin, how rows that are behind catch
// up, and loads of vectors and of single floats by one name.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "update.h"

#define LINE 16  // floats of a cache line
#define PACKED 256  // floats of narrow rows that are worked on together
#define AHEAD 32  // entries between asking for a row of a table and reading it: some hundred nanoseconds of work

// Where the entries of rows begin: at `starts`, or one a row where there are none.
struct Entries {
  const i32* starts;
  i64 most;  // entries that lie in the arena: wherever a row begins, it is not behind them
  i64 at(i64 row) const { return starts ? bounded(starts + row, most) : row; }
  // Whether rows [from, to) begin in order.
  bool ordered(i64 from, i64 to) const {
    if (!starts) return true;
    bool inOrder = starts[from] >= 0;
    for (i64 row = from; row < to; row++) inOrder &= starts[row] <= starts[row + 1];
    return inOrder;
  }
};

// Asks for a cache line. An index that nobody has checked yet may point anywhere: nothing is read there.
template <class T> INLINE void prefetch(const T* base, u64 index) { __builtin_prefetch((const void*)((address)base + (address)(index * sizeof(T)))); }

// How far the rows of a table are behind.
struct Behind {
  int kind;
  i64 period;
  const i32* touchedAt;
  const double* maps;
  // The map of a row, a = 1 - d; false where the row's mark lies outside the period.
  bool of(i64 row, float& a, float& b) const {
    const i64 at = once(touchedAt + row);
    if ((u64)at >= (u64)period) return false;
    a = (float)(1 - maps[2 * at]), b = (float)maps[2 * at + 1];
    return true;
  }
};

// Checks the fields from `first` on, which stand in the same order wherever rows catch up.
INLINE Behind behindOf(Call& call, int first, double words) {
  const int at = first + 1, map = first + 2, length = first + 3;
  Behind behind{CATCH_UP_NONE, 0, nullptr, nullptr};
  if (!call.whole(first) || call.integer(first) == CATCH_UP_NONE) return behind;
  behind.kind = (int)call.integer(first);
  call.inside = call.integer(first) <= CATCH_UP_MOMENTUM;
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

INLINE vf loadOf(const float* p, vf) { return load(p); }
INLINE float loadOf(const float* p, float) { return *p; }
INLINE void storeOf(float* p, vf x) { store(p, x); }
INLINE void storeOf(float* p, float x) { *p = x; }
