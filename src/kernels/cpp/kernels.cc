// The kernels for one instruction set: compiled once for each, with -DUNROLL_ISA=avx2 -DUNROLL_AVX2 and so on.
// Natively it exports one table of functions; as WebAssembly one function a kernel.
#include "simd.h"

namespace {
#include "add.h"
#include "cells.h"
#include "dropout.h"
#include "lookup.h"
#include "losses.h"
#include "map.h"
#include "norm.h"
#include "peak.h"
#include "product.h"
#include "softmax.h"
#include "sparse.h"
#include "update.h"
#include "row-gradient.h"
#include "row-lookup.h"
#include "row-update.h"
#include "winners.h"
}  // namespace

#include "table.h"

#if defined(UNROLL_WASM)

// Compilers may write a loop as a call of these; with bulk memory they are one instruction.
extern "C" void* memset(void* to, int value, unsigned long count) { return __builtin_memset(to, value, count); }
extern "C" void* memcpy(void* to, const void* from, unsigned long count) { return __builtin_memcpy(to, from, count); }

#define RESERVED (4 << 20)  // RESERVED_BYTES of wasm.ts: constants and the workers' stacks, which no argument names

// What a call answers: the kernel's number (0 or more, or NaN), or less than 0 for a Status.
#define EXPORTED(name)                                                                                            \
  extern "C" __attribute__((export_name(#name))) double wasm_##name(double size, double d, double from, double to) { \
    Arena arena{0, RESERVED, size, 0};                                                                            \
    int status = name(arena, d, from, to);                                                                        \
    return status ? -status : arena.result;                                                                       \
  }
FOR_EACH_KERNEL(EXPORTED)
#else
#define JOINED(a, b) a##b
#define TABLE_NAME(isa) JOINED(unroll_, isa)
#define ENTRY(name) name,
extern "C" const Kernel TABLE_NAME(UNROLL_ISA)[] = {FOR_EACH_KERNEL(ENTRY)};
#endif
