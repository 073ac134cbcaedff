// Softmax with cross-entropy, fused with its gradient: logits become (softmax - q) * scale * weight in place. Where targets are not
// smoothed, q is 1 at the target and nothing else is done for it.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "functions.h"

// A row of logits with the padding out of the way: minus infinity there, so that it has no probability.
INLINE vf logitsAt(const float* row, i64 j, i64 classes) {
  vf x = load(row + j);
  if (j + VL <= classes) return x;
  return (i32)j + lanes() < (i32)classes ? x : broadcast(-__builtin_inff());
}

// How far the logits of a row lie below the largest one, on average: what a uniform target costs, less log(sum exp(l - max)).
INLINE float meanBelow(const float* row, i64 classes, float largest) {
  vf sums[PANEL / VL];
  for (int v = 0; v < PANEL / VL; v++) sums[v] = broadcast(0);
  for (i64 j = 0; j < classes; j += PANEL)
    for (int v = 0; v < PANEL / VL; v++) {
      const vi live = (i32)(j + v * VL) + lanes() < (i32)classes;
      sums[v] += live ? broadcast(largest) - load(row + j + v * VL) : broadcast(0);
    }
  return sumOfLanes(sums) / (float)classes;
}

// exp(l - max) of a row become softmax * scaled - each; the padding stays zero.
INLINE void smoothGradient(float* row, i64 classes, i64 width, float factor, float each) {
  for (i64 j = 0; j < width; j += VL) {
    const vi live = (i32)j + lanes() < (i32)classes;
    const vf slope = fma(load(row + j), broadcast(factor), broadcast(-each));
    store(row + j, live ? flush(slope) : broadcast(0));
  }
}

// The rows of a call whose arguments have been checked. PLAIN: classes weigh 1 and targets are not smoothed, and nothing is done for
// either, which would cost rows of few classes a tenth.
template <bool PLAIN>
static int softmaxRows(Call& call, i64 width) {
  using namespace Softmax;
  const i64 rowCount = call.integer(rows), count = call.integer(classes);
  const float smooth = call.number(smoothing), sharp = 1.0f - smooth;
  const float* const weighed = call.integer(weights) ? call.at(weights) : nullptr;
  const bool trains = call.integer(train) != 0;
  for (i64 g = (i64)call.from; g < (i64)call.to; g++)
    for (i64 r = 0; r < rowCount; r++) {
      float* row = call.at(logits) + g * call.integer(logitGroup) + r * call.integer(ldl);
      const i64 at = g * call.integer(targetGroup) + r, target = once(call.at<i32>(targets) + at);
      float &loss = call.at(losses)[at], unused = 0, &hit = call.integer(hits) ? call.at(hits)[at] : unused;
      if (target >= count) return BAD_TOKEN;
      if (target < 0) {
        loss = hit = 0;
        if (trains)
          for (i64 j = 0; j < width; j += VL) store(row + j, broadcast(0));
        continue;
      }
      vf top = broadcast(-__builtin_inff());
      for (i64 j = 0; j < width; j += VL) {
        vf x = logitsAt(row, j, count);
        top = x > top ? x : top;
      }
      float largest = top[0];
      for (int lane = 1; lane < VL; lane++) largest = top[lane] > largest ? top[lane] : largest;
      vf sums[PANEL / VL];
      for (int v = 0; v < PANEL / VL; v++) sums[v] = broadcast(0);
      const float logit = row[target], weight = PLAIN || !weighed ? 1.0f : weighed[target];
      const float below = PLAIN || smooth == 0 ? 0 : meanBelow(row, count, largest);
      for (i64 j = 0; j < width; j += PANEL)
        for (int v = 0; v < PANEL / VL; v++) {
          vf e = exp(logitsAt(row, j + v * VL, count) - broadcast(largest));
          sums[v] += e;
          if (trains) store(row + j + v * VL, e);
        }
      const float sum = sumOfLanes(sums);
      // log(sum) + (1 - s) (max - l[target]) + s mean(max - l)
      const float away = PLAIN ? largest - logit : fma(smooth, below, sharp * (largest - logit));
      loss = (away + log(sum)) * weight;
      hit = logit == largest ? 1.0f : 0.0f;
      if (!trains) continue;
      const float scaled = (float)call.fields[scale] * weight;
      if (PLAIN) {
        const vf factor = broadcast(scaled / sum);
        for (i64 j = 0; j < width; j += VL) store(row + j, flush(load(row + j) * factor));
      } else {
        smoothGradient(row, count, width, scaled / sum, scaled * smooth / (float)count);
      }
      row[target] -= PLAIN ? scaled : scaled * sharp;
    }
  return OK;
}

static int softmax(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace Softmax;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++)
    if (f != scale && f != smoothing) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), count = call.integer(classes), width = (count + PANEL - 1) / PANEL * PANEL;
  if (rowCount == 0 || fromGroup == toGroup || count == 0) return OK;
  call.needRows(logits, toGroup, call.fields[logitGroup], (double)rowCount, call.fields[ldl], (double)width);
  call.needRows(targets, toGroup, call.fields[targetGroup], (double)rowCount, 1, 1);
  call.needRows(losses, toGroup, call.fields[targetGroup], (double)rowCount, 1, 1);
  if (call.integer(hits)) call.needRows(hits, toGroup, call.fields[targetGroup], (double)rowCount, 1, 1);
  if (call.integer(weights)) call.need(call.fields[weights], (double)count);
  if (!call.inside) return OUTSIDE;
  const bool isPlain = !call.integer(weights) && call.fields[smoothing] == 0;
  return isPlain ? softmaxRows<true>(call, width) : softmaxRows<false>(call, width);
}
