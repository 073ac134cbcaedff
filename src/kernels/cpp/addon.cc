// The Node-API side of the native kernels: binds an arena to the functions of the best instruction set this processor has.
// Nothing is linked: no libc, so one file serves every Linux; what is called beyond Node-API is defined here.
#include <node_api.h>

#include "table.h"

#if defined(__x86_64__)
extern "C" const Kernel unroll_avx2[], unroll_avx512[];
#else
extern "C" const Kernel unroll_neon[];
#endif

// Compilers may write a loop as a call of these.
extern "C" __attribute__((optimize("no-tree-loop-distribute-patterns"))) void* memset(void* to, int value, size_t count) {
  for (size_t i = 0; i < count; i++) ((volatile char*)to)[i] = (char)value;
  return to;
}
extern "C" __attribute__((optimize("no-tree-loop-distribute-patterns"))) void* memcpy(void* to, const void* from, size_t count) {
  for (size_t i = 0; i < count; i++) ((volatile char*)to)[i] = ((const char*)from)[i];
  return to;
}

namespace {

struct InstructionSet {
  const char* name;
  const Kernel* kernels;
};

#if defined(__x86_64__)

// cpuid and xgetbv are read raw: __builtin_cpu_supports needs libgcc.
struct Registers {
  u32 a, b, c, d;
};
Registers cpuid(u32 leaf) {
  Registers r;
  asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
  return r;
}
u32 savedState() {
  u32 low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// The instruction sets of this processor that the kernels were built for, best first; the list ends with a null.
InstructionSet supported(int index) {
  const InstructionSet none{nullptr, nullptr};
  const Registers one = cpuid(1);
  const bool fma = one.c >> 12 & 1, saves = one.c >> 27 & 1;
  if (cpuid(0).a < 7 || !fma || !saves) return none;
  const u32 state = savedState(), features = cpuid(7).b;
  const bool avx2 = (features >> 5 & 1) && (state & 0x6) == 0x6;
  const u32 avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // F, DQ, BW, VL
  const bool wide = avx2 && (features & avx512) == avx512 && (state & 0xe6) == 0xe6;
  if (wide && index-- == 0) return {"avx512", unroll_avx512};
  if (avx2 && index == 0) return {"avx2", unroll_avx2};
  return none;
}

// Subnormal numbers cost a hundred cycles each: kernels run with them flushed to zero, JavaScript never does.
struct FlushToZero {
  u32 before;
  FlushToZero() {
    asm volatile("stmxcsr %0" : "=m"(before));
    u32 flushing = before | 0x8040;
    asm volatile("ldmxcsr %0" : : "m"(flushing));
  }
  ~FlushToZero() { asm volatile("ldmxcsr %0" : : "m"(before)); }
};

#else

InstructionSet supported(int index) { return index ? InstructionSet{nullptr, nullptr} : InstructionSet{"neon", unroll_neon}; }

struct FlushToZero {
  u64 before;
  FlushToZero() {
    asm volatile("mrs %0, fpcr" : "=r"(before));
    asm volatile("msr fpcr, %0" : : "r"(before | 1u << 24));
  }
  ~FlushToZero() { asm volatile("msr fpcr, %0" : : "r"(before)); }
};

#endif

#define NAME(name) #name,
const char* const NAMES[] = {FOR_EACH_KERNEL(NAME)};
const int KERNELS = sizeof NAMES / sizeof *NAMES;

// An arena and the functions bound to it. It lives in an ArrayBuffer that JavaScript never sees: it holds addresses. References keep
// it and the arena until the last function is gone.
struct Bound {
  Arena arena;
  bool shared;
  int living;  // functions
  napi_ref memory, bytes;
  struct Entry {
    Bound* bound;
    Kernel kernel;
  } entries[KERNELS];
};

void release(napi_env env, void* data, void*) {
  Bound* bound = (Bound*)data;
  if (--bound->living > 0) return;
  const napi_ref memory = bound->memory;
  napi_delete_reference(env, bound->bytes);
  napi_delete_reference(env, memory);
}

// Where the bytes are. Shared memory stays where it is; other memory can be taken from its buffer, or shrink.
bool locate(napi_env env, Bound* bound, napi_value bytes) {
  napi_typedarray_type type;
  napi_value buffer;
  void* base = nullptr;
  size_t length = 0;
  bool unshared = true;
  if (napi_get_typedarray_info(env, bytes, &type, &length, &base, &buffer, nullptr) != napi_ok || type != napi_uint8_array) return false;
  if (napi_is_arraybuffer(env, buffer, &unshared) != napi_ok || (address)base % sizeof(double)) return false;
  bound->arena.base = (address)base, bound->arena.first = 0, bound->arena.size = (double)length, bound->shared = !unshared;
  return true;
}

bool locateAgain(napi_env env, Bound* bound) {
  napi_value bytes;
  return napi_get_reference_value(env, bound->bytes, &bytes) == napi_ok && locate(env, bound, bytes);
}

bool property(napi_env env, napi_value object, const char* name, napi_value value) { return napi_set_named_property(env, object, name, value) == napi_ok; }

napi_value call(napi_env env, napi_callback_info info) {
  napi_value arguments[3], answer = nullptr;
  size_t count = 3;
  void* data;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
  double numbers[3] = {0, 0, 0};
  for (size_t i = 0; i < count && i < 3; i++)
    if (napi_get_value_double(env, arguments[i], &numbers[i]) != napi_ok) {
      napi_throw_type_error(env, nullptr, "kernels take numbers");
      return nullptr;
    }
  Bound::Entry* entry = (Bound::Entry*)data;
  Arena& arena = entry->bound->arena;
  arena.result = -1;
  int status = OUTSIDE;
  if (entry->bound->shared || locateAgain(env, entry->bound)) {
    FlushToZero scope;
    status = entry->kernel(arena, numbers[0], numbers[1], numbers[2]);
  }
  if (status == OUTSIDE) napi_throw_range_error(env, nullptr, "a kernel's descriptor points outside the arena");
  if (status == BAD_TOKEN) napi_throw_range_error(env, nullptr, "a token is outside the vocabulary");
  if (status == OK && arena.result != -1) napi_create_double(env, arena.result, &answer);
  return answer;
}

#if defined(__linux__) && defined(__x86_64__)
i64 madvise(address at, u64 length, i64 advice) {
  i64 answer;
  asm volatile("syscall" : "=a"(answer) : "a"(28), "D"(at), "S"(length), "d"(advice) : "rcx", "r11", "memory");
  return answer;
}
#elif defined(__linux__) && defined(__aarch64__)
i64 madvise(address at, u64 length, i64 advice) {
  register i64 number asm("x8") = 233;
  register i64 first asm("x0") = (i64)at;
  register i64 second asm("x1") = (i64)length;
  register i64 third asm("x2") = advice;
  asm volatile("svc 0" : "+r"(first) : "r"(number), "r"(second), "r"(third) : "memory");
  return first;
}
#else
i64 madvise(address, u64, i64) { return -1; }
#endif

// useLargePages(bytes: Uint8Array): asks the system for pages of 2 MiB where memory has not been touched yet. Tables of embeddings and weights
// that are read here and there otherwise cost a walk through the page tables for most of their rows. @returns whether it agreed.
napi_value useLargePages(napi_env env, napi_callback_info info) {
  const u64 page = 4096;
  const i64 huge = 14;  // MADV_HUGEPAGE of Linux
  napi_value bytes, answer;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &bytes, nullptr, nullptr);
  Bound found{};
  bool agreed = false;
  if (count == 1 && locate(env, &found, bytes)) {
    const u64 first = ((u64)found.arena.base + page - 1) / page * page, end = ((u64)found.arena.base + (u64)found.arena.size) / page * page;
    agreed = first < end && madvise((address)first, end - first, huge) == 0;
  }
  napi_get_boolean(env, agreed, &answer);
  return answer;
}

// bind(bytes: Uint8Array, instructionSet?: string): the kernels of that arena. On Node 20 only typed arrays accept shared memory.
napi_value bind(napi_env env, napi_callback_info info) {
  napi_value arguments[2], object, memory, function;
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  void* place = nullptr;
  char wanted[16] = "";
  Bound found{};
  if (count == 0 || !locate(env, &found, arguments[0])) {
    napi_throw_type_error(env, nullptr, "bind takes a Uint8Array over the arena, which begins at a multiple of 8 bytes");
    return nullptr;
  }
  if (count > 1) napi_get_value_string_utf8(env, arguments[1], wanted, sizeof wanted, nullptr);
  InstructionSet set{nullptr, nullptr};
  for (int i = 0; !set.name; i++) {
    InstructionSet next = supported(i);
    if (!next.name) break;
    int same = 0;
    while (wanted[same] && wanted[same] == next.name[same]) same++;
    if (!wanted[0] || wanted[same] == next.name[same]) set = next;
  }
  if (!set.name) {
    napi_throw_error(env, nullptr, "this processor lacks the instructions of the native kernels (AVX2 and FMA)");
    return nullptr;
  }
  if (napi_create_arraybuffer(env, sizeof(Bound), &place, &memory) != napi_ok || napi_create_object(env, &object) != napi_ok) return nullptr;
  Bound* bound = (Bound*)place;
  *bound = found, bound->living = KERNELS;
  if (napi_create_reference(env, memory, 1, &bound->memory) != napi_ok || napi_create_reference(env, arguments[0], 1, &bound->bytes) != napi_ok) return nullptr;
  for (int i = 0; i < KERNELS; i++) {
    bound->entries[i].bound = bound, bound->entries[i].kernel = set.kernels[i];
    if (napi_create_function(env, NAMES[i], NAPI_AUTO_LENGTH, call, &bound->entries[i], &function) != napi_ok) return nullptr;
    if (napi_add_finalizer(env, function, bound, release, nullptr, nullptr) != napi_ok || !property(env, object, NAMES[i], function)) return nullptr;
  }
  napi_create_string_utf8(env, set.name, NAPI_AUTO_LENGTH, &memory);
  property(env, object, "instructionSet", memory);
  return object;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function;
  if (napi_create_function(env, "bind", NAPI_AUTO_LENGTH, bind, nullptr, &function) == napi_ok) property(env, exports, "bind", function);
  if (napi_create_function(env, "useLargePages", NAPI_AUTO_LENGTH, useLargePages, nullptr, &function) == napi_ok) property(env, exports, "useLargePages", function);
  return exports;
}
extern "C" __attribute__((visibility("default"))) i32 node_api_module_get_api_version_v1() { return 8; }
