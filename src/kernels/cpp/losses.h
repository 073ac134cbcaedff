// Losses of outputs that are no classes, fused with their gradients: independent sigmoids with binary cross-entropy, and squared
// error. Logits become gradients in place, a row's loss is the mean over its outputs.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "functions.h"

// Both losses of one vector of logits l and what they should be, y: the loss, and its derivative.
struct Term {
  vf loss, slope;
};

struct SigmoidTerm {
  // max(l, 0) - l y + log(1 + exp(-|l|)), sigmoid(l) - y. With e = exp(-|l|), sigmoid(l) is 1 - e / (1 + e) or e / (1 + e): written
  // so that nothing cancels where y is 0 or 1.
  INLINE Term of(vf l, vf y) {
    const vi sign = (vi)l & (vi)broadcast(-0.0f);
    const vf e = exp((vf)((vi)l | (vi)broadcast(-0.0f))), zero = broadcast(0), one = broadcast(1.0f);
    const vf tail = e / (one + e);
    const vf loss = fma(-l, y, l > zero ? l : zero) + log1p(e);
    return {loss, sign ? tail - y : (one - y) - tail};
  }
  INLINE vi misses(vf l, vf y) { return (l > broadcast(0)) != (y > broadcast(0.5f)); }
  static constexpr bool HITS = true;
};

struct SquaredTerm {
  // (l - y)^2, 2 (l - y)
  INLINE Term of(vf l, vf y) {
    const vf d = l - y;
    return {d * d, d + d};
  }
  INLINE vi misses(vf, vf) { return vi{}; }
  static constexpr bool HITS = false;
};

// One row: its gradient into the logits where it trains. What lies in the padding is left out, whatever it is; vectors that lie
// there as a whole are not computed, which is half of the work or more where there are few outputs.
template <class T>
INLINE float lossOfRow(float* row, const float* values, i64 count, i64 width, float factor, float smooth, bool trains, float& hit) {
  const vf sharp = broadcast(1.0f - smooth), middle = broadcast(smooth / 2);
  vf sums[PANEL / VL];
  for (int v = 0; v < PANEL / VL; v++) sums[v] = broadcast(0);
  vi wrong = {};
  for (i64 j = 0; j < width; j += PANEL)
    for (int v = 0; v < PANEL / VL; v++) {
      const i64 at = j + v * VL;
      vf slope = broadcast(0);
      if (at < count) {
        const vi live = (i32)at + lanes() < (i32)count;
        const vf l = load(row + at), y = load(values + at);
        const Term term = T::of(l, fma(y, sharp, middle));
        sums[v] += live ? term.loss : broadcast(0);
        wrong |= live & T::misses(l, y);
        slope = live ? flush(term.slope * factor) : broadcast(0);
      }
      if (trains) store(row + at, slope);
    }
  i32 any = 0;
  for (int lane = 0; lane < VL; lane++) any |= wrong[lane];
  hit = T::HITS && !any ? 1.0f : 0.0f;
  return sumOfLanes(sums) / (float)count;
}

template <class T>
static int outputLoss(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace OutputLoss;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++)
    if (f != scale && f != smoothing) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), count = call.integer(outputs), width = (count + PANEL - 1) / PANEL * PANEL;
  if (rowCount == 0 || fromGroup == toGroup || count == 0) return OK;
  call.needRows(logits, toGroup, call.fields[logitGroup], (double)rowCount, call.fields[ldl], (double)width);
  call.needRows(values, toGroup, call.fields[valueGroup], (double)rowCount, call.fields[ldv], (double)width);
  call.needRows(targets, toGroup, call.fields[targetGroup], (double)rowCount, 1, 1);
  call.needRows(losses, toGroup, call.fields[targetGroup], (double)rowCount, 1, 1);
  if (call.integer(hits)) call.needRows(hits, toGroup, call.fields[targetGroup], (double)rowCount, 1, 1);
  if (!call.inside) return OUTSIDE;
  const bool trains = call.integer(train) != 0;
  const float factor = (float)(call.fields[scale] / (double)count);
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    for (i64 r = 0; r < rowCount; r++) {
      float* row = call.at(logits) + g * call.integer(logitGroup) + r * call.integer(ldl);
      const float* wanted = call.at(values) + g * call.integer(valueGroup) + r * call.integer(ldv);
      const i64 at = g * call.integer(targetGroup) + r;
      float &loss = call.at(losses)[at], unused = 0, &hit = call.integer(hits) ? call.at(hits)[at] : unused;
      if (once(call.at<i32>(targets) + at) >= 0) {
        loss = lossOfRow<T>(row, wanted, count, width, factor, call.number(smoothing), trains, hit);
        continue;
      }
      loss = hit = 0;
      if (trains)
        for (i64 j = 0; j < width; j += VL) store(row + j, broadcast(0));
    }
  return OK;
}

static int sigmoidLoss(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  return outputLoss<SigmoidTerm>(arena, descriptor, fromGroup, toGroup);
}

static int squaredLoss(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  return outputLoss<SquaredTerm>(arena, descriptor, fromGroup, toGroup);
}
