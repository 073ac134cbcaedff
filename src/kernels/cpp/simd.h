// Vectors of VL floats on GCC/Clang vector extensions, and the one place where a multiply-add is fused or not.
// VL is 8 (AVX2), 16 (AVX-512) or 4 (NEON, WebAssembly). No system header: the sources build for any target.
#pragma once

#include "types.h"

#if defined(UNROLL_AVX512)
#define VL 16
#elif defined(UNROLL_AVX2)
#define VL 8
#else
#define VL 4
#endif
#if defined(UNROLL_NEON)
#include <arm_neon.h>
#endif

#define UNROLLED _Pragma("GCC unroll 16")

typedef float vf __attribute__((vector_size(VL * 4)));
typedef i32 vi __attribute__((vector_size(VL * 4)));
typedef u32 vu __attribute__((vector_size(VL * 4)));
typedef float vfMemory __attribute__((vector_size(VL * 4), aligned(4), may_alias));

INLINE vf load(const float* p) { return *(const vfMemory*)p; }
INLINE void store(float* p, vf x) { *(vfMemory*)p = x; }

// Stores past the caches, to whole lines. A store to a line that another core has read as well costs 29 ns on Zen 4, one after
// the other, this one 5; whoever reads it next, pays the same for either. `storedPast` stands before the first word that tells others.
INLINE void storePast(float* p, vf x) {
#if defined(UNROLL_AVX512)
  asm volatile("vmovntps %1, %0" : "=m"(*(vf*)p) : "v"(x));
#elif defined(UNROLL_AVX2)
  asm volatile("vmovntps %1, %0" : "=m"(*(vf*)p) : "x"(x));
#else
  store(p, x);
#endif
}
INLINE void storedPast() {
#if defined(UNROLL_AVX512) || defined(UNROLL_AVX2)
  asm volatile("sfence" : : : "memory");
#endif
}

INLINE vf broadcast(float x) {
#if VL == 16
  return vf{x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
#elif VL == 8
  return vf{x, x, x, x, x, x, x, x};
#else
  return vf{x, x, x, x};
#endif
}

INLINE vi lanes() {
#if VL == 16
  return vi{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif VL == 8
  return vi{0, 1, 2, 3, 4, 5, 6, 7};
#else
  return vi{0, 1, 2, 3};
#endif
}

// a * b + c: fused in every native set, unfused in WebAssembly, so the bits are the source's choice and not the compiler's.
INLINE vf fma(vf a, vf b, vf c) {
#if defined(UNROLL_WASM)
  return a * b + c;
#elif defined(UNROLL_NEON)
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined(__has_builtin) && __has_builtin(__builtin_elementwise_fma)
  return __builtin_elementwise_fma(a, b, c);
#elif defined(UNROLL_AVX512)
  return __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4);
#else
  return __builtin_ia32_vfmaddps256(a, b, c);
#endif
}

INLINE vf sqrt(vf x) {
#if defined(UNROLL_WASM)
  return (vf)__builtin_wasm_sqrt_f32x4(x);
#elif defined(UNROLL_NEON)
  return (vf)vsqrtq_f32((float32x4_t)x);
#elif defined(__has_builtin) && __has_builtin(__builtin_elementwise_sqrt)
  return __builtin_elementwise_sqrt(x);
#elif defined(UNROLL_AVX512)
  return __builtin_ia32_sqrtps512_mask(x, x, -1, 4);
#else
  return __builtin_ia32_sqrtps256(x);
#endif
}

// The same for one float.
INLINE float fma(float a, float b, float c) {
#if defined(UNROLL_WASM)
  return a * b + c;
#else
  return __builtin_fmaf(a, b, c);
#endif
}
INLINE float sqrt(float x) { return __builtin_sqrtf(x); }

// Keeps a value in its register: gcc would load a panel's row again for each row of the tile.
INLINE void keep(vf& x) {
#if defined(UNROLL_NEON)
  asm("" : "+w"(x));
#elif !defined(UNROLL_WASM)
  asm("" : "+v"(x));
#else
  (void)x;
#endif
}

// Numbers below this are set to zero where a kernel writes activations and deltas: WebAssembly cannot switch subnormals off,
// and a product of two such numbers would be one. Native kernels run with the processor's flush-to-zero.
INLINE vf flush(vf x) {
#if defined(UNROLL_WASM)
  const vf least = broadcast(7.8886091e-31f);  // 2^-100
  return ((x < least) & (x > -least)) ? broadcast(0) : x;
#else
  return x;
#endif
}

// The sum of PANEL virtual lanes that stand in PANEL / VL vectors, in pairs: the same tree for every VL.
INLINE float sumOfLanes(const vf* parts) {
  float lane[PANEL];
  for (int v = 0; v < PANEL / VL; v++) store(lane + v * VL, parts[v]);
  for (int width = PANEL / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lane[i] += lane[i + width];
  return lane[0];
}
