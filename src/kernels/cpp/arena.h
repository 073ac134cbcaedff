// The arena as a kernel sees it: a base, a size, descriptors in it; and the check that a call stays inside.
#pragma once
#include "types.h"

struct Arena {
  address base;   // a number: WebAssembly's memory begins at 0, which as a pointer would be null
  double first;   // bytes from the base on that belong to someone else: in WebAssembly the constants and stacks
  double size;    // bytes
  double result;  // of the kernels that return a number
};

// What a kernel answers. The caller turns anything but OK into an exception.
enum Status { OK = 0, OUTSIDE = 1, BAD_TOKEN = 2 };

#define MOST_FIELDS 32
#define MOST_WHOLE 9e15  // doubles count in ones up to here, and 64 bits hold a hundred times as much

// An index that lies in the arena, read once: other threads, or the kernel itself where its arguments overlap, may write there
// between a check and a use. What is checked is what is used.
INLINE i64 once(const i32* place) { return *(const volatile i32*)place; }

// The same for a place in a list of `most` elements: at most its end.
INLINE i64 bounded(const i32* place, i64 most) {
  const i64 at = once(place);
  return (u64)at < (u64)most ? at : most;
}

// One call: its descriptor's numbers and the range [from, to) of whatever the kernel's units are.
// The numbers are a copy, so that no output that lies over the descriptor changes what has been checked.
struct Call {
  Arena& arena;
  double fields[MOST_FIELDS];
  double from, to;
  bool inside;

  inline __attribute__((always_inline)) Call(Arena& arena, double descriptor, double from, double to, int fieldCount) : arena(arena), from(from), to(to), inside(true) {
    need(descriptor, fieldCount, 8);
    inside = inside && isWhole(from) && isWhole(to) && from <= to && to <= arena.size;
    if (!inside) return;
    const double* written = (const double*)(arena.base + (address)descriptor);
    for (int f = 0; f < fieldCount; f++) fields[f] = written[f];
    asm volatile("" : : : "memory");  // the compiler does not look there again
  }
  // Sizes and strides are whole numbers from 0 on; a comparison with NaN is false, so NaN is refused as well.
  static bool isWhole(double x) { return x >= 0 && x <= MOST_WHOLE && (double)(i64)x == x; }
  bool whole(int field) { return inside = inside && isWhole(fields[field]); }
  i64 integer(int field) const { return (i64)fields[field]; }
  float number(int field) const { return (float)fields[field]; }
  template <class T = float> T* at(int field) const { return (T*)(arena.base + (address)fields[field]); }
  // `count` elements from byte `offset` on lie in the arena, aligned. In doubles: they do not overflow.
  void need(double offset, double count, int bytes = 4) {
    const double first = count > 0 ? arena.first : 0;  // of nothing the place is often 0
    inside = inside && offset >= first && count >= 0 && offset + count * bytes <= arena.size && offset == (double)(i64)offset &&
             ((i64)offset & (bytes - 1)) == 0;
  }
  // Rows of `width` elements `ld` apart, in groups `group` apart, up to group `groups`. Rows may lie over each other, but there are
  // no more of them than an arena could hold apart: so no call runs for ever, and no index overflows.
  void needRows(int field, double groups, double group, double rows, double ld, double width) {
    if (!inside || groups <= 0 || rows <= 0) return;
    need(fields[field], (groups - 1) * group + (rows - 1) * ld + width);
    inside = inside && groups * rows * (width > 1 ? width : 1) * 4 <= arena.size;
  }
};
