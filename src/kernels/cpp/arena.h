// The arena as a kernel sees it: a base, a size, descriptors in it; and the check that a call stays inside.
#pragma once
#include "types.h"

struct Arena {
  address base;   // a number: WebAssembly's memory begins at 0, which as a pointer would be null
  double size;    // bytes
  double result;  // of the kernels that return a number
};

// What a kernel answers. The caller turns anything but OK into an exception.
enum Status { OK = 0, OUTSIDE = 1, BAD_TOKEN = 2 };

// One call: its descriptor's numbers and the range [from, to) of whatever the kernel's units are.
struct Call {
  Arena& arena;
  const double* fields;
  double from, to;
  bool inside;

  Call(Arena& arena, double descriptor, double from, double to, int fieldCount)
      : arena(arena), fields(nullptr), from(from), to(to), inside(true) {
    need(descriptor, fieldCount, 8);
    inside = inside && from >= 0 && from <= to && to <= 9e15;
    if (inside) fields = (const double*)(arena.base + (address)descriptor);
  }
  // Sizes and strides are whole numbers from 0 on; a comparison with NaN is false, so NaN is refused as well.
  bool whole(int field) {
    double x = fields[field];
    inside = inside && x >= 0 && x <= 9e15 && (double)(i64)x == x;
    return inside;
  }
  i64 integer(int field) const { return (i64)fields[field]; }
  float number(int field) const { return (float)fields[field]; }
  template <class T = float> T* at(int field) const { return (T*)(arena.base + (address)fields[field]); }
  // `count` elements from byte `offset` on lie in the arena, aligned. In doubles: they do not overflow.
  void need(double offset, double count, int bytes = 4) {
    inside = inside && offset >= 0 && count >= 0 && offset + count * bytes <= arena.size && offset == (double)(i64)offset &&
             ((i64)offset & (bytes - 1)) == 0;
  }
  // Rows of `width` elements `ld` apart, in groups `group` apart, up to group `groups`.
  void needRows(int field, double groups, double group, double rows, double ld, double width) {
    if (!inside || groups <= 0 || rows <= 0 || width <= 0) return;
    need(fields[field], (groups - 1) * group + (rows - 1) * ld + width);
  }
};
