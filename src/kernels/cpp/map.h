// out[i] = f(in[i]): the elementary functions by themselves.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "functions.h"

static int map(Arena& arena, double descriptor, double from, double to) {
  using namespace Elementwise;
  Call call(arena, descriptor, from, to, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  call.need(call.fields[in], to), call.need(call.fields[out], to);
  if (!call.inside || call.integer(function) > EXP) return OUTSIDE;
  const int kind = (int)call.integer(function);
  for (i64 i = (i64)from; i < (i64)to; i += VL) {
    const i64 left = (i64)to - i < VL ? (i64)to - i : VL;
    float part[VL] = {};
    for (i64 j = 0; j < left; j++) part[j] = call.at(in)[i + j];
    vf x = load(part);
    store(part, kind == EXP ? exp(x) : kind == SIGMOID ? sigmoid(x) : kind == TANH ? tanh(x) : x <= broadcast(0) ? broadcast(0) : x);
    for (i64 j = 0; j < left; j++) call.at(out)[i + j] = part[j];
  }
  return OK;
}
