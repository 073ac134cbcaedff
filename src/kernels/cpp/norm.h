// Layer normalization (Ba, Kiros & Hinton 2016), row by row: a row of 1,024 units is in the first-level cache, so it is read once for each
// of mean, variance and result.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "simd.h"

// The rows of a call.
struct NormRows {
  i64 rows, units, parts, width, ld, group, inverseGroup;
  float count;

  // Whether all that is read and written lies in the arena.
  bool of(Call& call, double groups, bool backward) {
    namespace Field = LayerNorm;
    for (int f = 0; f < Field::size; f++)
      if (f != Field::epsilon) call.whole(f);
    if (!call.inside) return false;
    rows = call.integer(Field::rows), units = call.integer(Field::units), parts = call.integer(Field::parts);
    ld = call.integer(Field::ld), group = call.integer(Field::group), inverseGroup = call.integer(Field::inverseGroup);
    width = (units + PANEL - 1) / PANEL * PANEL, count = (float)((double)parts * (double)units);
    if (call.from == call.to) rows = 0;
    if (empty()) return true;
    const double columns = (double)parts * (double)width;
    const int views[] = {backward ? Field::dOut : Field::in, backward ? Field::dIn : Field::out, Field::normal};
    for (int view : views)
      if (view != Field::normal || backward || call.integer(view)) call.needRows(view, groups, (double)group, (double)rows, (double)ld, columns);
    if (backward || call.integer(Field::inverse)) call.needRows(Field::inverse, groups, (double)inverseGroup, (double)rows, 1, 1);
    call.need(call.fields[Field::gain], columns), call.need(call.fields[Field::bias], columns);
    return call.inside;
  }
  bool empty() const { return rows == 0 || parts == 0 || units == 0; }

  // Calls back for each vector of a row, with the lanes that are units: padding is in the last ones of a part.
  template <class F> inline __attribute__((always_inline)) void each(F visit) const {
    for (i64 part = 0; part < parts; part++)
      for (i64 j = 0; j < width; j += PANEL)
        for (int v = 0; v < PANEL / VL; v++) visit(part * width + j + v * VL, v, (i32)(j + v * VL) + lanes() < (i32)units);
  }
  // The mean of a term over a row's numbers, on 16 virtual lanes.
  template <class F> inline __attribute__((always_inline)) float mean(F term) const {
    vf sums[PANEL / VL];
    for (int v = 0; v < PANEL / VL; v++) sums[v] = broadcast(0);
    each([&](i64 j, int v, vi live) { sums[v] += live ? term(j) : broadcast(0); });
    return sumOfLanes(sums) / count;
  }
};

static int normForward(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace LayerNorm;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  NormRows of;
  if (!call.inside || !of.of(call, toGroup, false)) return OUTSIDE;
  if (of.empty()) return OK;
  const float *gains = call.at(gain), *biases = call.at(bias);
  const bool keeps = call.integer(normal) != 0;
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    for (i64 r = 0; r < of.rows; r++) {
      const i64 at = g * of.group + r * of.ld;
      const float* row = call.at(in) + at;
      const vf middle = broadcast(of.mean([&](i64 j) { return load(row + j); }));
      const float variance = of.mean([&](i64 j) { return (load(row + j) - middle) * (load(row + j) - middle); });
      const float scale = 1.0f / sqrt(variance + call.number(epsilon));
      if (call.integer(inverse)) call.at(inverse)[g * of.inverseGroup + r] = scale;
      of.each([&](i64 j, int, vi live) {
        const vf n = live ? flush((load(row + j) - middle) * scale) : broadcast(0);
        const vf y = live ? flush(fma(load(gains + j), n, load(biases + j))) : broadcast(0);
        if (keeps) store(call.at(normal) + at + j, n);
        store(call.at(out) + at + j, y);
      });
    }
  return OK;
}

static int normBackward(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace LayerNorm;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  NormRows of;
  if (!call.inside || !of.of(call, toGroup, true)) return OUTSIDE;
  if (of.empty()) return OK;
  const float* gains = call.at(gain);
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    for (i64 r = 0; r < of.rows; r++) {
      const i64 at = g * of.group + r * of.ld;
      const float* d = call.at(dOut) + at;
      float* n = call.at(normal) + at;
      const float scale = call.at(inverse)[g * of.inverseGroup + r];
      const vf middle = broadcast(of.mean([&](i64 j) { return load(d + j) * load(gains + j); }));
      const vf along = broadcast(of.mean([&](i64 j) { return load(d + j) * load(gains + j) * load(n + j); }));
      of.each([&](i64 j, int, vi live) {
        const vf dj = load(d + j), nj = load(n + j);
        const vf slope = fma(-nj, along, fma(dj, load(gains + j), -middle)) * scale;
        store(call.at(dIn) + at + j, live ? flush(slope) : broadcast(0));
        store(n + j, live ? flush(dj * nj) : broadcast(0));
      });
    }
  return OK;
}
