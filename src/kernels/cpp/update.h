// The optimizers: one pass over weights, gradients and state, which also keeps what it overwrites (for undo) and writes the
// transposed panels. Formulas as in PyTorch's torch.optim. And the sum of squares that clipping by norm needs.
#pragma once
#include "arena.h"
#include "descriptors.h"

// Whether an optimizer has state m, and v.
constexpr bool hasFirst(int kind) { return kind == MOMENTUM || kind == NESTEROV || kind == ADAM || kind == ADAMW; }
constexpr bool hasSecond(int kind) { return kind >= ADAGRAD; }

// The numbers of a step, in vectors or for one float at a time.
template <class F> struct Rates {
  F clipFactor, clipValue, l2, decay, rate, beta1, beta2, rest1, rest2, epsilon, adamRate, correction2, threshold, scale;
  bool clips, shrinks;
};

INLINE vf magnitude(vf x) { return (vf)((vi)x & 0x7fffffff); }
INLINE float magnitude(float x) { return __builtin_fabsf(x); }
INLINE vf signed_(vf size, vf sign) { return (vf)((vi)size | ((vi)sign & (i32)0x80000000)); }
INLINE float signed_(float size, float sign) { return __builtin_copysignf(size, sign); }
INLINE vf zero(vf) { return broadcast(0); }
INLINE float zero(float) { return 0; }

// sgn(x) max(0, size), size a number that is |x| or less; NaN goes through.
template <class F> INLINE F towardsZero(F x, F size) {
  F kept = size > zero(x) ? size : zero(x);
  kept = size == size ? kept : size;
  return signed_(kept, x) + zero(x);
}

// One vector of parameters. m and v are untouched where the optimizer has no such state.
template <int KIND, class F>
INLINE F steppedOf(F w, F g, F& m, F& v, const Rates<F>& q) {
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

// The same with what l1 and proximal l2 do after it.
template <int KIND, class F>
INLINE F stepOf(F w, F g, F& m, F& v, const Rates<F>& q) {
  const F u = steppedOf<KIND>(w, g, m, v, q);
  return q.shrinks ? towardsZero(u, magnitude(u) - q.threshold) * q.scale : u;
}

INLINE vf widened(float x, vf) { return broadcast(x); }
INLINE float widened(float x, float) { return x; }

// The numbers of a descriptor from `clipFactor` on, which stand in the same order wherever there is a step.
template <class F> INLINE Rates<F> ratesOf(const double* x) {
  enum { clipFactor, clipValue, l1, l2, proximal, rate, beta1, beta2, epsilon, correction1, correction2 };
  const bool after = x[proximal] != 0;
  const auto wide = [](double number) { return widened((float)number, F{}); };
  return {wide(x[clipFactor]), wide(x[clipValue]), wide(after ? 0 : x[l2]), wide(1 - x[rate] * x[l2]), wide(x[rate]), wide(x[beta1]), wide(x[beta2]),
          wide(1 - x[beta1]), wide(1 - x[beta2]), wide(x[epsilon]), wide(x[rate] / x[correction1]), wide(1 / x[correction2]),
          wide(x[rate] * x[l1]), wide(after ? 1 / (1 + x[rate] * x[l2]) : 1), x[clipValue] > 0, x[l1] > 0 || after};
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
static void updateRange(const Call& call, const Rates<vf>& rates, i64 from, i64 to, const Transpose& transpose) {
  float *w = call.at(Update::w), *m = call.at(Update::m), *v = call.at(Update::v), *undo = call.at(Update::undo);
  const float* g = call.at(Update::g);
  const i64 count = to - from, BLOCK = PANEL * PANEL;
  const bool first = hasFirst(KIND), second = hasSecond(KIND);
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
static void updateRange(const Call& call, const Rates<vf>& rates, i64 from, i64 to, const Transpose& transpose) {
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
  if (!call.inside || call.integer(kind) > ADAMW) return OUTSIDE;
  const int optimizer = (int)call.integer(kind);
  const bool first = hasFirst(optimizer), second = hasSecond(optimizer);
  call.need(call.fields[w], to), call.need(call.fields[g], to), call.need(call.fields[undo], 3 * (to - from));
  if (first) call.need(call.fields[m], to);
  if (second) call.need(call.fields[v], to);
  const i64 begin = (i64)from, end = (i64)to, rows = call.integer(depth), transposedRows = call.integer(transposedDepth);
  const i64 unit = call.integer(transposed) ? PANEL * PANEL : PANEL;
  if (call.integer(transposed)) {
    if (rows <= 0 || rows % PANEL || transposedRows % PANEL || to > (double)rows * (double)transposedRows) return OUTSIDE;
    call.need(call.fields[transposed], (double)rows * (double)transposedRows);
  }
  if (!call.inside || begin % unit || end % unit) return OUTSIDE;
  const Rates<vf> q = ratesOf<vf>(call.fields + clipFactor);
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
