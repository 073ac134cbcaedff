// exp, sigmoid, tanh, log and log1p: relative error below 1e-6 wherever the true value is a normal float32, right at infinity,
// NaN goes through. The polynomials are minimax fits; test/kernels/functions.test.ts holds them to it.
#pragma once
#include "simd.h"

// exp(x) = 2^n exp(r), x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, the first with so few bits that n times it is exact.
INLINE vf exp(vf x) {
  const float MAGIC = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, which stands in the low bits
  vf shifted = fma(x, broadcast(1.44269504f), broadcast(MAGIC));
  vu n = (vu)shifted - (vu)broadcast(MAGIC);  // unsigned: an x for which it is no exponent is dealt with below
  vf whole = shifted - broadcast(MAGIC);
  vf r = fma(whole, broadcast(-0.693359375f), x);
  r = fma(whole, broadcast(2.12194440e-4f), r);
  vf p = broadcast(0.0013814596459269524f);
  p = fma(p, r, broadcast(0.0083687175065279f));
  p = fma(p, r, broadcast(0.04166838899254799f));
  p = fma(p, r, broadcast(0.1666652113199234f));
  p = fma(p, r, broadcast(0.4999999403953552f));
  p = fma(p, r * r, r) + broadcast(1.0f);
  vf y = (vf)((vu)p + (n << 23));
  y = x < broadcast(-87.336544f) ? broadcast(0) : y;                  // below the least normal number
  y = x > broadcast(88.7228317f) ? broadcast(__builtin_inff()) : y;  // the largest whose exponential is a float
  return x == x ? y : x;
}

INLINE vf sigmoid(vf x) { return broadcast(1.0f) / (broadcast(1.0f) + exp(-x)); }

// Near zero x + x^3 P(x^2), elsewhere 1 - 2 / (exp(2|x|) + 1) with the sign of x.
INLINE vf tanh(vf x) {
  const vi sign = (vi)x & (vi)broadcast(-0.0f);
  vf size = (vf)((vi)x ^ sign);
  vf far = broadcast(1.0f) - broadcast(2.0f) / (exp(size + size) + broadcast(1.0f));
  far = (vf)((vi)far | sign);
  vf square = x * x;
  vf p = broadcast(-0.005704978480935097f);
  p = fma(p, square, broadcast(0.020639078691601753f));
  p = fma(p, square, broadcast(-0.05373971164226532f));
  p = fma(p, square, broadcast(0.13331441581249237f));
  p = fma(p, square, broadcast(-0.3333328068256378f));
  vf near = fma(p * square, x, x);
  return size < broadcast(0.625f) ? near : far;
}

// log(x) for a normal x > 0, infinity and NaN, and some number for what is below: x = 2^n m, m in [sqrt(1/2), sqrt 2), log m = 2 atanh((m - 1) / (m + 1)) as a series.
INLINE float log(float x) {
  if (!(x < __builtin_inff())) return x;
  const u32 bits = __builtin_bit_cast(u32, x);
  const i32 n = (i32)(bits - 0x3f3504f3) >> 23;
  const float m = __builtin_bit_cast(float, bits - ((u32)n << 23));
  float s = (m - 1.0f) / (m + 1.0f), q = s * s;
  float series = 2.0f + q * (0.66666667f + q * (0.4f + q * (0.28571429f + q * 0.22222222f)));
  return (float)n * 0.69314718f + s * series;
}

// log(1 + x) for x in [0, 1] and NaN: 2 atanh(s), s = x / (2 + x), as a series that is right to 2e-8; the whole is to 3e-7. No 1 + x
// is formed, so a small x keeps its digits, and x is multiplied last: half of the least normal number would be flushed to zero.
INLINE vf log1p(vf x) {
  const vf part = broadcast(1.0f) / (broadcast(2.0f) + x), s = x * part, q = s * s;
  vf p = broadcast(0.2685149908065796f);
  p = fma(p, q, broadcast(0.28236618638038635f));
  p = fma(p, q, broadcast(0.40007561445236206f));
  p = fma(p, q, broadcast(0.6666663885116577f));
  return x * (part * fma(p, q, broadcast(2.0f)));
}
