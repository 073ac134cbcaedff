// The list of kernels, once: the order of the native table and the names of the WebAssembly exports.
#pragma once
#include "arena.h"

#define FOR_EACH_KERNEL(X)                                                                              \
  X(product) X(gradient) X(gather) X(scatter) X(columnSums) X(rnnForward) X(rnnBackward) X(lstmForward) \
  X(lstmBackward) X(gruForward) X(gruBackward) X(softmax) X(dropout) X(update) X(squareNorm) X(map)     \
  X(activeUnits) X(activeRows) X(sparseProduct) X(sparseGradient) X(winners) X(deal) X(lookup)            \
  X(rowGradient) X(rowUpdate) X(sigmoidLoss) X(squaredLoss) X(add) X(normForward) X(normBackward) X(multiplyAdd) X(triad)

typedef int (*Kernel)(Arena& arena, double descriptor, double from, double to);
