// What a core can do at best, for the benches: multiply-adds on registers alone, and the triad of STREAM (McCalpin 1995).
#pragma once
#include "arena.h"
#include "descriptors.h"

#define PEAK_VALUES 2688

// Accumulators: enough to hide the latency of a multiply-add on both ports, as many as there are registers. Unfused, a multiplication
// and an addition wait for each other: WebAssembly needs all of the 15 registers that V8 has for them, one for the factor.
#if VL == 16 || defined(UNROLL_NEON)
#define PEAK_VECTORS 24
#elif defined(UNROLL_WASM)
#define PEAK_VECTORS 14
#else
#define PEAK_VECTORS 12
#endif

// values[i] = values[i] * factor + factor, to - from times, for all PEAK_VALUES of them.
static int multiplyAdd(Arena& arena, double descriptor, double from, double to) {
  using namespace MultiplyAdd;
  Call call(arena, descriptor, from, to, size);
  if (call.inside) call.whole(values), call.need(call.fields[values], PEAK_VALUES);
  if (!call.inside) return OUTSIDE;
  const vf f = broadcast(call.number(factor));
  const i64 rounds = (i64)to - (i64)from;
  for (int part = 0; part < PEAK_VALUES; part += PEAK_VECTORS * VL) {
    vf acc[PEAK_VECTORS];
    float* at = call.at(values) + part;
    _Pragma("GCC unroll 24") for (int v = 0; v < PEAK_VECTORS; v++) acc[v] = load(at + v * VL);
    for (i64 round = 0; round < rounds; round++) {
      _Pragma("GCC unroll 24") for (int v = 0; v < PEAK_VECTORS; v++) acc[v] = fma(acc[v], f, f);
    }
    _Pragma("GCC unroll 24") for (int v = 0; v < PEAK_VECTORS; v++) store(at + v * VL, acc[v]);
  }
  return OK;
}

// a[i] = b[i] + scale c[i] for i in [from, to), multiples of PANEL.
static int triad(Arena& arena, double descriptor, double from, double to) {
  using namespace Triad;
  Call call(arena, descriptor, from, to, size);
  for (int f = a; call.inside && f <= c; f++) call.whole(f), call.need(call.fields[f], to);
  if (!call.inside || (i64)from % PANEL || (i64)to % PANEL) return OUTSIDE;
  float* A = call.at(a);
  const float *B = call.at<const float>(b), *C = call.at<const float>(c);
  const vf s = broadcast(call.number(scale));
  for (i64 i = (i64)from; i < (i64)to; i += VL) store(A + i, fma(s, load(C + i), load(B + i)));
  return OK;
}
