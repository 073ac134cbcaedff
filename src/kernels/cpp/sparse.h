// Products that leave out what is zero, with lists of what is not. Terms come in the same order and into the same kind of
// accumulator as in product.h, and a term of zero changes no sum but for the sign of a zero, which `+ 0` takes away at every store:
// so the bits are those of the dense products.
//
//   activeUnits     of each row of A the columns that are not zero
//   activeRows      of each column of A the rows that are not zero, by blocks of 256 rows, with their values
//   sparseProduct   a row's active columns times 4 vectors of W in registers: each term is a broadcast and 4 multiply-adds
//   sparseGradient  a column's active rows times 4 panels of D in registers
#pragma once
#include "product.h"

// Vectors of columns in registers: more of them, whose panels lie 4 KiB or a multiple apart, drive each other out of the cache.
#define SPARSE_VECTORS 4
// Panels of columns in registers, at most eight vectors. More of them would want more of D than the first-level cache has: with AVX-512 eight
// panels are a fifth slower.
#define SPARSE_PANELS (VL >= 8 ? 4 : 2)
#define LIST_ROWS 256

// Writes the indices of what is not zero (NaN is not) in a row of whole panels. At most i of them stand before index i, so
// vectors of them may be written whole.
INLINE i64 listActive(const float* a, i64 columns, i32* active) {
  i64 count = 0;
#if defined(UNROLL_AVX512)
  for (i64 j = 0; j < columns; j += VL) {
    const unsigned short mask = (unsigned short)__builtin_ia32_cmpps512_mask(load(a + j), broadcast(0), 4, (unsigned short)-1, 4);
    typedef int compressed __attribute__((vector_size(64)));
    typedef int compressedMemory __attribute__((vector_size(64), aligned(4), may_alias));
    *(compressedMemory*)(active + count) = (compressed)__builtin_ia32_compresssi512_mask((compressed)(lanes() + (i32)j), compressed{}, mask);
    count += __builtin_popcount(mask);
  }
#else
  for (i64 j = 0; j < columns; j++) {
    active[count] = (i32)j;
    count += a[j] != 0;
  }
#endif
  return count;
}

static int activeUnits(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace ActiveUnits;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), width = call.integer(columns);
  call.needRows(a, toGroup, call.fields[aGroup], (double)rowCount, call.fields[lda], (double)width);
  call.needRows(active, toGroup, call.fields[activeGroup], (double)rowCount, call.fields[ldActive], (double)width);
  call.needRows(counts, toGroup, call.fields[countGroup], (double)rowCount, 1, 1);
  if (!call.inside || width % PANEL) return OUTSIDE;
  i64 total = 0;
  arena.result = 0;
  if (rowCount == 0 || fromGroup == toGroup) return OK;
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    for (i64 r = 0; r < rowCount; r++) {
      const float* row = call.at(a) + g * call.integer(aGroup) + r * call.integer(lda);
      i32* list = call.at<i32>(active) + g * call.integer(activeGroup) + r * call.integer(ldActive);
      const i64 count = listActive(row, width, list);
      call.at<i32>(counts)[g * call.integer(countGroup) + r] = (i32)count;
      total += count;
    }
  arena.result = (double)total;
  return OK;
}

// Whether a list has a length and indices that can be: lists lie in memory that anything may have written.
INLINE bool listed(const i32* list, i64 count, i64 columns) {
  if (count < 0 || count > columns) return false;
  bool inside = true;
  for (i64 i = 0; i < count; i++) inside &= (u64)list[i] < (u64)columns;
  return inside;
}

static int activeRows(Arena& arena, double descriptor, double fromBlock, double toBlock) {
  using namespace ActiveRows;
  Call call(arena, descriptor, fromBlock, toBlock, size);
  if (!call.inside) return OUTSIDE;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return OUTSIDE;
  const i64 rowCount = call.integer(rows), width = call.integer(columns), ld = call.integer(ldActive);
  call.needRows(a, 1, 0, (double)rowCount, call.fields[lda], (double)width);
  call.needRows(active, 1, 0, (double)rowCount, (double)ld, (double)width);
  call.need(call.fields[counts], (double)rowCount);
  call.need(call.fields[indices], toBlock * (double)width * LIST_ROWS);
  call.need(call.fields[values], toBlock * (double)width * LIST_ROWS);
  call.need(call.fields[starts], toBlock * (double)(width + 1));
  if (!call.inside || width > 0x7fffffff) return OUTSIDE;
  for (i64 block = (i64)fromBlock; block < (i64)toBlock; block++) {
    u32* start = call.at<u32>(starts) + block * (width + 1);  // unsigned: what it counts may be anything where arguments overlap
    i32* index = call.at<i32>(indices) + block * width * LIST_ROWS;
    float* value = call.at(values) + block * width * LIST_ROWS;
    const i64 first = block * LIST_ROWS, end = first + LIST_ROWS < rowCount ? first + LIST_ROWS : rowCount;
    for (i64 k = 0; k <= width; k++) start[k] = 0;
    for (i64 r = first; r < end; r++) {
      const i32* list = call.at<i32>(active) + r * ld;
      const i64 count = once(call.at<i32>(counts) + r);
      if (!listed(list, count, width)) return OUTSIDE;
      for (i64 i = 0; i < count; i++) {
        const i64 k = once(list + i);
        if ((u64)k >= (u64)width) return OUTSIDE;
        start[k + 1]++;
      }
    }
    // Where the lists begin; filling a list moves its beginning to its end, which is where the next one began.
    for (i64 k = 0; k < width; k++) start[k + 1] += start[k];
    const i64 most = width * LIST_ROWS - 1;
    for (i64 r = first; r < end; r++) {
      const i32* list = call.at<i32>(active) + r * ld;
      const float* row = call.at(a) + r * call.integer(lda);
      const i64 count = once(call.at<i32>(counts) + r);
      for (i64 i = 0; i < count && i < width; i++) {
        const i64 k = once(list + i);
        if ((u64)k >= (u64)width) return OUTSIDE;
        const i64 at = once((const i32*)start + k);
        if ((u64)at > (u64)most) return OUTSIDE;
        start[k] = (u32)at + 1, index[at] = (i32)(r - first), value[at] = row[k];
      }
    }
    for (i64 k = width; k > 0; k--) start[k] = start[k - 1];
    start[0] = 0;
  }
  return OK;
}

// Depth of a block of W: where many units are active the block shall stay in the first-level cache, where few are the rows' lists in it
// would be short.
#define SHORT_BLOCK 128
#define LONG_BLOCK 256
#define MANY_ACTIVE 8  // more than one in so many
#define FEW_ACTIVE 16  // fewer than one in so many: then most of a block is never read

// An active unit: where its weights begin in a panel, and its value.
struct Factor {
  u32 at;
  float value;
};

// Rows that pass over a block of W together, with what they have active in it. It is read again for every few columns, so it is copied
// close together; and what has been checked stays as it is, wherever C lies. It lies on the stack, which in WebAssembly has 16 KiB.
#define SPARSE_ROWS 64
#if defined(UNROLL_WASM)
#define ENOUGH_FACTORS 1024
#else
#define ENOUGH_FACTORS 2048
#endif
struct Factors {
  i64 rows;
  i64 ends[SPARSE_ROWS];
  Factor list[ENOUGH_FACTORS + LONG_BLOCK];
};

// Copies what a row has active before unit `until`, at most `most`, from place `next` of its list on; answers how many.
INLINE i64 takeFactors(const float* a, const i32* list, i32& next, i32 length, i64 until, i64 most, Factor* factors) {
  i64 taken = 0;
  for (; next < length && taken < most; next++, taken++) {
    const u64 k = (u64)once(list + next);
    if (k >= (u64)until) break;
    factors[taken] = {(u32)k * PANEL, a[k]};
  }
  return taken;
}

// N vectors of columns from `column` on of these rows of C: init + the sum over the active k of a[k] W[k]. Asks for the `ahead` rows
// from `first` on of the columns that come next: by then they shall have come from the third-level cache. No prefetcher guesses
// which lines of it a row takes.
template <int N>
static void sparseRows(const Factors& factors, const float* w, i64 panelStride, const Output& out, i64 column, i64 first, i64 ahead) {
#define AT(v) (((v)*VL) / PANEL * panelStride + ((v)*VL) % PANEL)
  const float* p = w + column / PANEL * panelStride + column % PANEL;
  const float *bias = out.init == INIT_BIAS ? out.bias + column : nullptr, *bias2 = bias && out.bias2 ? out.bias2 + column : nullptr;
  float* c = out.c + column;
  const bool accumulates = out.init == INIT_ACCUMULATE;
  const Factor* factor = factors.list;
  const i64 lines = (ahead + factors.rows - 1) / factors.rows;
  for (i64 r = 0; r < factors.rows; r++, c += out.ldc) {
    for (i64 i = r * lines, end = i + lines < ahead ? i + lines : ahead; i < end; i++)
      UNROLLED for (int v = 0; v < N; v += PANEL / VL) __builtin_prefetch(p + (N * VL / PANEL) * panelStride + AT(v) + (first + i) * PANEL, 0, 2);
    vf acc[N];
    if (accumulates) {
      UNROLLED for (int v = 0; v < N; v++) acc[v] = load(c + v * VL);
    } else {
      UNROLLED for (int v = 0; v < N; v++) acc[v] = bias ? load(bias + v * VL) : broadcast(0);
      if (bias2) UNROLLED for (int v = 0; v < N; v++) acc[v] += load(bias2 + v * VL);
    }
    for (const Factor* end = factors.list + factors.ends[r]; factor < end; factor++) {
      const float* row = p + factor->at;
      const vf x = broadcast(factor->value);
      UNROLLED for (int v = 0; v < N; v++) acc[v] = fma(x, load(row + AT(v)), acc[v]);
    }
    UNROLLED for (int v = 0; v < N; v++) store(c + v * VL, acc[v] + broadcast(0));
  }
#undef AT
}

static int sparseProduct(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace Product;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside || !insideProduct(call)) return OUTSIDE;
  const i64 columns = call.integer(panelCount) * PANEL, deep = call.integer(depth), stride = call.integer(panelStride), rowCount = call.integer(rows);
  call.needRows(active, toGroup, call.fields[activeGroup], (double)rowCount, call.fields[ldActive], (double)deep);
  call.needRows(counts, toGroup, call.fields[countGroup], (double)rowCount, 1, 1);
  if (!call.inside || deep > 0x7fffffff / PANEL) return OUTSIDE;
  if (rowCount == 0 || columns == 0 || fromGroup == toGroup) return OK;
  Output out = outputOf(call);
  const float* w = call.at<const float>(panels);
  const i64 la = call.integer(lda), ld = call.integer(ldActive);
  Factors factors;
  i32 lengths[SPARSE_ROWS], next[SPARSE_ROWS];
  for (i64 g = (i64)fromGroup; g < (i64)toGroup; g++)
    for (i64 first = 0; first < rowCount; first += SPARSE_ROWS) {
      const i64 count = rowCount - first < SPARSE_ROWS ? rowCount - first : SPARSE_ROWS;
      const float* values = call.at<const float>(a) + g * call.integer(aGroup) + first * la;
      const i32* lists = call.at<const i32>(active) + g * call.integer(activeGroup) + first * ld;
      const i32* counted = call.at<const i32>(counts) + g * call.integer(countGroup) + first;
      float* to = call.at(c) + g * call.integer(cGroup) + first * out.ldc;
      i64 total = 0;
      for (i64 r = 0; r < count; r++) {
        lengths[r] = (i32)once(counted + r), next[r] = 0, total += lengths[r];
        if (!listed(lists + r * ld, lengths[r], deep)) return OUTSIDE;
      }
      const i64 block = total * MANY_ACTIVE > count * deep ? SHORT_BLOCK : LONG_BLOCK;
      out.init = (int)call.integer(init);
      for (i64 k = 0; k == 0 || k < deep; k += block, out.init = INIT_ACCUMULATE)
        for (i64 r = 0; r < count; r += factors.rows) {
          const i64 until = k + block < deep ? k + block : deep;
          factors.rows = 0;
          for (i64 taken = 0, q = r; q < count && taken < ENOUGH_FACTORS; q++) {
            taken += takeFactors(values + q * la, lists + q * ld, next[q], lengths[q], until, block, factors.list + taken);
            factors.ends[factors.rows++] = taken;
          }
          out.c = to + r * out.ldc;
          const i64 wide = SPARSE_VECTORS * VL, lines = total * FEW_ACTIVE > count * deep ? until - k : 0;
          i64 column = 0;
          for (; column + wide <= columns; column += wide)
            sparseRows<SPARSE_VECTORS>(factors, w, stride, out, column, k, column + 2 * wide <= columns ? lines : 0);
          for (; column + 2 * VL <= columns; column += 2 * VL) sparseRows<2>(factors, w, stride, out, column, k, 0);
          for (; column < columns; column += VL) sparseRows<1>(factors, w, stride, out, column, k, 0);
        }
    }
  return OK;
}

// Rows of N panels of dW: for each unit k the sum over its active rows r of x[r, k] D[r], D's panels side by side in `pack`.
template <int N>
INLINE void sparseColumns(i64 depth, const i32* starts, const i32* indices, const float* values, i64 shift, i64 rows, const float* pack, bool continues, float* dw) {
  const i64 most = depth * LIST_ROWS;
  for (i64 k = 0; k < depth; k++) {
    vf acc[N * (PANEL / VL)];
    float* to = dw + k * PANEL;
#define AT(v) (((v)*VL) / PANEL * depth * PANEL + ((v)*VL) % PANEL)
    UNROLLED for (int v = 0; v < N * (PANEL / VL); v++) acc[v] = continues ? load(to + AT(v)) : broadcast(0);
    for (i64 i = bounded(starts + k, most), end = bounded(starts + k + 1, most); i < end; i++) {
      const i64 r = once(indices + i) - shift;
      if ((u64)r >= (u64)rows) continue;  // rows of the block that the call leaves out
      const vf x = broadcast(values[i]);
      UNROLLED for (int v = 0; v < N * (PANEL / VL); v++) acc[v] = fma(x, load(pack + r * (N * PANEL) + v * VL), acc[v]);
    }
    UNROLLED for (int v = 0; v < N * (PANEL / VL); v++) store(to + AT(v), acc[v] + broadcast(0));
#undef AT
  }
}

// N panels from `panel` on, block of rows by block.
template <int N>
static void sparsePanels(const Call& call, i64 panel) {
  using namespace Gradient;
  const i64 rowCount = call.integer(rows), deep = call.integer(depth), ld = call.integer(ldd), begin = call.integer(firstRow), end = begin + rowCount;
  float *pack = call.at(scratch), *to = call.at(dw) + panel * deep * PANEL;
  for (i64 block = begin / LIST_ROWS, first = block; block == first || block * LIST_ROWS < end; block++) {
    const i64 start = block * LIST_ROWS, from = start < begin ? begin : start, until = start + LIST_ROWS < end ? start + LIST_ROWS : end, at = block * deep * LIST_ROWS;
    for (i64 q = 0; q < N; q++)
      packPanel(call.at<const float>(d) + (from - begin) * ld + (panel + q) * PANEL, ld, until - from, pack + q * PANEL, N * PANEL, block > first, sumsOf(call, panel + q));
    sparseColumns<N>(deep, call.at<i32>(starts) + block * (deep + 1), call.at<i32>(indices) + at, call.at<const float>(values) + at, from - start, until - from, pack, block > first, to);
  }
}

static int sparseGradient(Arena& arena, double descriptor, double fromPanel, double toPanel) {
  using namespace Gradient;
  Call call(arena, descriptor, fromPanel, toPanel, size);
  if (!call.inside || !insideGradient(call)) return OUTSIDE;
  const i64 deep = call.integer(depth), first = call.integer(firstRow) / LIST_ROWS;
  const i64 end = (call.integer(firstRow) + call.integer(rows) + LIST_ROWS - 1) / LIST_ROWS, blocks = end > first ? end : first + 1;
  call.need(call.fields[starts], (double)blocks * ((double)deep + 1));
  call.need(call.fields[indices], (double)blocks * (double)deep * LIST_ROWS);
  call.need(call.fields[values], (double)blocks * (double)deep * LIST_ROWS);
  if (!call.inside) return OUTSIDE;
  for (i64 block = first; block < blocks; block++) {
    const i32* start = call.at<i32>(starts) + block * (deep + 1);
    bool inside = start[0] >= 0 && start[deep] <= deep * LIST_ROWS;
    for (i64 k = 0; k < deep; k++) inside &= start[k] <= start[k + 1];
    if (!inside) return OUTSIDE;
  }
  for (i64 panel = (i64)fromPanel; panel < (i64)toPanel;) {
    const i64 left = (i64)toPanel - panel;
    if (SPARSE_PANELS >= 4 && left >= 4) sparsePanels<4>(call, panel), panel += 4;
    else if (left >= 2) sparsePanels<2>(call, panel), panel += 2;
    else sparsePanels<1>(call, panel), panel += 1;
  }
  return OK;
}
