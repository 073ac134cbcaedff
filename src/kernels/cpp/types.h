// Integer types and the panel's width, without a system header.
#pragma once

typedef __INT32_TYPE__ i32;
typedef __UINT32_TYPE__ u32;
typedef __INT64_TYPE__ i64;
typedef __UINT64_TYPE__ u64;
typedef __UINTPTR_TYPE__ address;

#define PANEL 16
#define INLINE static inline __attribute__((always_inline))
