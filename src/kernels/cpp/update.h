// The optimizers: one pass over weights, gradients and state, which also keeps what it overwrites (for undo) and writes the
// transposed panels. Formulas as in PyTorch's torch.optim. And the sum of squares that clipping by norm needs.
#pragma once
#include "arena.h"
#include "descriptors.h"

struct Rates {
  vf clipFactor, clipValue, l2, decay, rate, beta1, beta2, rest1, rest2, epsilon, adamRate, correction2;
  bool clips;
};

// One vector of parameters. m and v are untouched where the optimizer has no such state.
template <int KIND>
INLINE vf stepOf(vf w, vf g, vf& m, vf& v, const Rates& q) {
  g *= q.clipFactor;
  if (q.clips) {
    g = g > q.clipValue ? q.clipValue : g;
    g = g < -q.clipValue ? -q.clipValue : g;
  }
  if (KIND == ADAMW) w *= q.decay;
  else g = fma(q.l2, w, g);
  if (KIND == SGD) return w - q.rate * g;
  if (KIND == MOMENTUM || KIND == NESTEROV) {
    m = fma(q.beta1, m, g);
    return w - q.rate * (KIND == MOMENTUM ? m : fma(q.beta1, m, g));
  }
  if (KIND == ADAGRAD) {
    v = fma(g, g, v);
    return w - q.rate * g / (sqrt(v) + q.epsilon);
  }
  v = fma(q.beta2, v, q.rest2 * (g * g));
  if (KIND == RMSPROP) return w - q.rate * g / (sqrt(v) + q.epsilon);
  m = fma(q.beta1, m, q.rest1 * g);
  return w - q.adamRate * m / (sqrt(v) * q.correction2 + q.epsilon);
}

// 16 rows of a panel become 16 rows of a panel of the transpose, in blocks of 4 x 4.
typedef float v4 __attribute__((vector_size(16)));
typedef float v4Memory __attribute__((vector_size(16), aligned(4), may_alias));
INLINE void transposeBlock(const float* from, float* to) {
  for (int i = 0; i < PANEL; i += 4)
    for (int j = 0; j < PANEL; j += 4) {
      const float* s = from + i * PANEL + j;
      float* d = to + j * PANEL + i;
      v4 a = *(const v4Memory*)s, b = *(const v4Memory*)(s + PANEL), e = *(const v4Memory*)(s + 2 * PANEL), f = *(const v4Memory*)(s + 3 * PANEL);
      v4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ef = __builtin_shufflevector(e, f, 0, 4, 1, 5);
      v4 AB = __builtin_shufflevector(a, b, 2, 6, 3, 7), EF = __builtin_shufflevector(e, f, 2, 6, 3, 7);
      *(v4Memory*)d = __builtin_shufflevector(ab, ef, 0, 1, 4, 5);
      *(v4Memory*)(d + PANEL) = __builtin_shufflevector(ab, ef, 2, 3, 6, 7);
      *(v4Memory*)(d + 2 * PANEL) = __builtin_shufflevector(AB, EF, 0, 1, 4, 5);
      *(v4Memory*)(d + 3 * PANEL) = __builtin_shufflevector(AB, EF, 2, 3, 6, 7);
    }
}

// Where the transpose of a panel's 16 x 16 blocks goes; nowhere when `panels` is null.
struct Transpose {
  float* panels;
  i64 rows, transposedRows;
  float* of(i64 i) const {
    const i64 panel = i / (rows * PANEL), k = i % (rows * PANEL) / PANEL;
    return panels + (k / PANEL * transposedRows + panel * PANEL) * PANEL;
  }
};

// PAST: what others read is stored past the caches.
template <int KIND, bool PAST>
static void updateRange(const Call& call, const Rates& rates, i64 from, i64 to, const Transpose& transpose) {
  float *w = call.at(Update::w), *m = call.at(Update::m), *v = call.at(Update::v), *undo = call.at(Update::undo);
  const float* g = call.at(Update::g);
  const i64 count = to - from, BLOCK = PANEL * PANEL;
  const bool first = KIND == MOMENTUM || KIND == NESTEROV || KIND == ADAM || KIND == ADAMW, second = KIND >= ADAGRAD;
  alignas(64) float updated[PAST ? PANEL * PANEL : 1], turned[PAST ? PANEL * PANEL : 1];
  for (i64 block = from; block < to; block += BLOCK) {
    const i64 end = block + BLOCK < to ? block + BLOCK : to;
    float* x = PAST ? updated : w + block;
    for (i64 i = block; i < end; i += VL) {
      vf old = load(w + i), a = first ? load(m + i) : broadcast(0), b = second ? load(v + i) : broadcast(0);
      store(undo + i - from, old);
      if (first) store(undo + count + i - from, a);
      if (second) store(undo + 2 * count + i - from, b);
      const vf now = stepOf<KIND>(old, load(g + i), a, b, rates);
      store(x + i - block, now);
      if (PAST) storePast(w + i, now);
      if (first) store(m + i, a);
      if (second) store(v + i, b);
    }
    if (!transpose.panels) continue;
    float* to = transpose.of(block);
    transposeBlock(x, PAST ? turned : to);
    if (PAST)
      for (int i = 0; i < PANEL * PANEL; i += VL) storePast(to + i, load(turned + i));
  }
  if (PAST) storedPast();
}

template <int KIND>
static void updateRange(const Call& call, const Rates& rates, i64 from, i64 to, const Transpose& transpose) {
#if !defined(UNROLL_WASM)
  const bool lines = (((address)call.at(Update::w) | (address)transpose.panels) & 63) == 0;
  if (call.integer(Update::shared) && lines) return updateRange<KIND, true>(call, rates, from, to, transpose);
#endif
  updateRange<KIND, false>(call, rates, from, to, transpose);
}

static int update(Arena& arena, double descriptor, double from, double to) {
  using namespace Update;
  Call call(arena, descriptor, from, to, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f <= shared; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const int optimizer = (int)call.integer(kind);
  const bool first = optimizer == MOMENTUM || optimizer == NESTEROV || optimizer == ADAM || optimizer == ADAMW, second = optimizer >= ADAGRAD;
  call.need(call.fields[w], to), call.need(call.fields[g], to), call.need(call.fields[undo], 3 * (to - from));
  if (first) call.need(call.fields[m], to);
  if (second) call.need(call.fields[v], to);
  const i64 begin = (i64)from, end = (i64)to, rows = call.integer(depth), transposedRows = call.integer(transposedDepth);
  const i64 unit = call.integer(transposed) ? PANEL * PANEL : PANEL;
  if (call.integer(transposed)) {
    if (rows <= 0 || rows % PANEL || to > (double)rows * (double)transposedRows) return OUTSIDE;
    call.need(call.fields[transposed], (double)rows * (double)transposedRows);
  }
  if (!call.inside || begin % unit || end % unit || optimizer > ADAMW) return OUTSIDE;
  const double* x = call.fields;
  Rates q{broadcast((float)x[clipFactor]), broadcast((float)x[clipValue]), broadcast((float)x[l2]), broadcast((float)(1 - x[rate] * x[l2])), broadcast((float)x[rate]),
          broadcast((float)x[beta1]), broadcast((float)x[beta2]), broadcast((float)(1 - x[beta1])), broadcast((float)(1 - x[beta2])), broadcast((float)x[epsilon]),
          broadcast((float)(x[rate] / x[correction1])), broadcast((float)(1 / x[correction2])), x[clipValue] > 0};
  const Transpose transpose{call.integer(transposed) ? call.at(transposed) : nullptr, rows, transposedRows};
  switch (optimizer) {
    case SGD: updateRange<SGD>(call, q, begin, end, transpose); break;
    case MOMENTUM: updateRange<MOMENTUM>(call, q, begin, end, transpose); break;
    case NESTEROV: updateRange<NESTEROV>(call, q, begin, end, transpose); break;
    case ADAGRAD: updateRange<ADAGRAD>(call, q, begin, end, transpose); break;
    case RMSPROP: updateRange<RMSPROP>(call, q, begin, end, transpose); break;
    case ADAM: updateRange<ADAM>(call, q, begin, end, transpose); break;
    case ADAMW: updateRange<ADAMW>(call, q, begin, end, transpose); break;
  }
  return OK;
}

static int squareNorm(Arena& arena, double descriptor, double from, double to) {
  Call call(arena, descriptor, from, to, SquareNorm::size);
  if (!call.inside) return OUTSIDE;
  call.need(call.fields[SquareNorm::g], to);
  if (!call.inside || (i64)from % PANEL || (i64)to % PANEL) return OUTSIDE;
  vf sums[PANEL / VL];
  for (int v = 0; v < PANEL / VL; v++) sums[v] = broadcast(0);
  const float* g = call.at(SquareNorm::g);
  for (i64 i = (i64)from; i < (i64)to; i += PANEL)
    for (int v = 0; v < PANEL / VL; v++) {
      vf x = load(g + i + v * VL);
      sums[v] = fma(x, x, sums[v]);
    }
  arena.result = sumOfLanes(sums);
  return OK;
}
