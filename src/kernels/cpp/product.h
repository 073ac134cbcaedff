// Matrix products on packed weights. An output element is one accumulator that takes its terms in the order of the depth;
// tiles only choose which elements share registers, so no choice made here changes a bit.
//
//   tile<M, N>  M rows of A by N vectors of columns in registers; one row of the panel is loaded for all M
//   product     depth in blocks of 256, so that a block of a panel (16 KiB) stays in L1 while all rows pass
//   gradient    the same tile with A read down its columns; a block of D's panel is copied close together first
#pragma once
#include "arena.h"
#include "descriptors.h"

#define DEPTH_BLOCK 256
#define GRADIENT_ROWS 256
// With few rows the panels stream by once, from the second or third level cache: asked for this many rows of a panel ahead they
// come 1.05 and 1.18 times as fast (one row; depth 256 and 1,024).
#define FEW_ROWS 3
#define PREFETCHED_ROWS 12
#define SCRATCH_PANELS 8
#define GRADIENT_PANELS 2  // as many as a tile spans on AVX-512; the others take them one by one

// Rows of a tile, by registers: 32 (AVX-512, NEON) or 16, less the panel's row and a broadcast.
#if VL == 16
#define TILE_ROWS 12
#define TILE_VECTORS 2
#elif defined(UNROLL_NEON)
#define TILE_ROWS 6
#define TILE_VECTORS 4
#elif VL == 8
#define TILE_ROWS 6
#define TILE_VECTORS 2
#else
#define TILE_ROWS 4
#define TILE_VECTORS 2
#endif

// What the accumulators of a row start from, and where they go: panels of C stand `panel` floats apart (PANEL: side by side).
struct Output {
  float* c;
  i64 ldc, panel;
  int init;  // Init
  const float *bias, *bias2;
};

// C[M x N VL] = init + A[M x depth] W for the columns from `column` on; W has PANEL floats a row, its panels `panelStride` apart.
// Down: A(r, k) = a[k * lda + r], else a[r * lda + k]. The columns lie in one panel, or begin with one.
template <int M, int N, bool DOWN>
INLINE void tile(const float* a, i64 lda, const float* w, i64 panelStride, i64 depth, const Output& out, i64 column) {
#define AT(v, stride) (((v)*VL) / PANEL * (stride) + ((v)*VL) % PANEL)
  vf acc[M][N];
  const float* p = w + column / PANEL * panelStride + column % PANEL;
  float* c = out.c + column / PANEL * out.panel + column % PANEL;
  for (int v = 0; v < N; v++) {
    vf start = broadcast(0);
    if (out.init == INIT_BIAS) {
      start = load(out.bias + column + v * VL);
      if (out.bias2) start += load(out.bias2 + column + v * VL);
    }
    for (int r = 0; r < M; r++) acc[r][v] = out.init == INIT_ACCUMULATE ? load(c + r * out.ldc + AT(v, out.panel)) : start;
  }
  for (i64 k = 0; k < depth; k++) {
    vf row[N];
    UNROLLED for (int v = 0; v < N; v++) {
      row[v] = load(p + AT(v, panelStride) + k * PANEL);
      keep(row[v]);
      if (M <= FEW_ROWS && !DOWN) __builtin_prefetch(p + AT(v, panelStride) + (k + PREFETCHED_ROWS) * PANEL);
    }
    UNROLLED for (int r = 0; r < M; r++) {
      vf x = broadcast(DOWN ? a[k * lda + r] : a[r * lda + k]);
      UNROLLED for (int v = 0; v < N; v++) acc[r][v] = fma(x, row[v], acc[r][v]);
    }
  }
  for (int r = 0; r < M; r++)
    for (int v = 0; v < N; v++) store(c + r * out.ldc + AT(v, out.panel), acc[r][v] + broadcast(0));
#undef AT
}

// Columns [column, end) in tiles of N vectors, as far as they go; answers where they end.
template <int M, int N, bool DOWN>
INLINE i64 tilesOf(const float* a, i64 lda, const float* w, i64 panelStride, i64 depth, const Output& out, i64 column, i64 end) {
  for (; column + N * VL <= end; column += N * VL) tile<M, N, DOWN>(a, lda, w, panelStride, depth, out, column);
  return column;
}

// A row's worth of columns. Few rows leave registers for more columns: with one or two accumulators the unit would wait for itself.
template <bool DOWN>
static void strip(i64 rows, const float* a, i64 lda, const float* w, i64 panelStride, i64 depth, const Output& out, i64 from, i64 to) {
  const int N = TILE_VECTORS, SINGLE = PANEL / VL > 2 ? 2 : PANEL / VL;
#define ROWS(M, WIDE)                                                                              \
  case M:                                                                                          \
    from = tilesOf<M, WIDE, DOWN>(a, lda, w, panelStride, depth, out, from, to);                   \
    if (WIDE > SINGLE) tilesOf<M, SINGLE, DOWN>(a, lda, w, panelStride, depth, out, from, to);     \
    break;
  switch (rows) {
    ROWS(1, 8)
    ROWS(2, (TILE_ROWS > 4 ? 4 : 2))
    ROWS(3, (VL == 16 || N == 4 ? 4 : 2))
    ROWS(4, N)
#if TILE_ROWS > 4
    ROWS(5, N)
    ROWS(6, N)
#endif
#if TILE_ROWS > 6
    ROWS(7, N)
    ROWS(8, N)
    ROWS(9, N)
    ROWS(10, N)
    ROWS(11, N)
    ROWS(12, N)
#endif
  }
#undef ROWS
}

// All rows, split evenly into tiles of at most TILE_ROWS.
template <bool DOWN>
INLINE void strips(i64 rows, const float* a, i64 lda, const float* w, i64 panelStride, i64 depth, Output out, i64 from, i64 to) {
  float* c = out.c;
  for (i64 tiles = (rows + TILE_ROWS - 1) / TILE_ROWS, r = 0; tiles > 0; tiles--) {
    i64 m = (rows - r + tiles - 1) / tiles;
    out.c = c + r * out.ldc;
    strip<DOWN>(m, DOWN ? a + r : a + r * lda, lda, w, panelStride, depth, out, from, to);
    r += m;
  }
}

// Columns that one pass over the rows takes: two panels where a tile spans them, four when there are so few rows that a tile does.
INLINE i64 passColumns(i64 rows) {
  if (rows <= FEW_ROWS) return 8 * VL > PANEL ? 8 * VL : PANEL;
  return TILE_VECTORS * VL > PANEL ? TILE_VECTORS * VL : PANEL;
}

// Whether a product stays inside the arena.
static bool insideProduct(Call& call) {
  using namespace Product;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside || call.integer(init) > INIT_BIAS) return false;
  const double columns = call.fields[panelCount] * PANEL, deep = call.fields[depth];
  call.needRows(a, call.to, call.fields[aGroup], call.fields[rows], call.fields[lda], deep);
  call.needRows(c, call.to, call.fields[cGroup], call.fields[rows], call.fields[ldc], columns);
  if (call.integer(rows) > 0 && call.from < call.to) {
    call.needRows(panels, 1, 0, call.fields[panelCount], call.fields[panelStride], deep * PANEL);
    if (call.integer(init) == INIT_BIAS) call.need(call.fields[bias], columns);
    if (call.integer(init) == INIT_BIAS && call.integer(bias2)) call.need(call.fields[bias2], columns);
  }
  return call.inside;
}

static Output outputOf(const Call& call) {
  using namespace Product;
  const float* second = call.integer(bias2) ? call.at<const float>(bias2) : nullptr;
  return {call.at(c), call.integer(ldc), PANEL, (int)call.integer(init), call.at<const float>(bias), second};
}

static int product(Arena& arena, double descriptor, double fromGroup, double toGroup) {
  using namespace Product;
  Call call(arena, descriptor, fromGroup, toGroup, size);
  if (!call.inside || !insideProduct(call)) return OUTSIDE;
  const i64 columns = call.integer(panelCount) * PANEL, deep = call.integer(depth), stride = call.integer(panelStride);
  const i64 la = call.integer(lda), lc = call.integer(ldc), ga = call.integer(aGroup), gc = call.integer(cGroup);
  i64 rowCount = call.integer(rows), first = (i64)fromGroup, last = (i64)toGroup;
  if (rowCount == 0 || columns == 0 || fromGroup == toGroup) return OK;
  const float *A = call.at<const float>(a), *w = call.at<const float>(panels);
  float* C = call.at(c);
  if ((double)ga == (double)rowCount * (double)la && (double)gc == (double)rowCount * (double)lc) {  // groups without gaps are one tall group
    A += first * ga, C += first * gc;
    rowCount *= last - first, first = 0, last = 1;
  }
  Output out = outputOf(call);
  const i64 pass = passColumns(rowCount);
  for (i64 k = 0; k == 0 || k < deep; k += DEPTH_BLOCK) {
    const i64 part = deep - k < DEPTH_BLOCK ? deep - k : DEPTH_BLOCK;
    if (k) out.init = INIT_ACCUMULATE;
    for (i64 from = 0; from < columns; from += pass) {
      const i64 to = from + pass < columns ? from + pass : columns;
      for (i64 g = first; g < last; g++) {
        out.c = C + g * gc;
        strips<false>(rowCount, A + g * ga + k, la, w + k * PANEL, stride, part, out, from, to);
      }
    }
  }
  return OK;
}

// Where the sums over the rows of a panel of D go; null for none.
struct Sums {
  float *sums, *copy;
};
INLINE Sums sumsOf(const Call& call, i64 panel) {
  using namespace Gradient;
  float* first = call.integer(sums) ? call.at(sums) + panel * PANEL : nullptr;
  return {first, call.integer(sums2) ? call.at(sums2) + panel * PANEL : nullptr};
}

// Copies rows of a panel of D close together, `ldPack` floats apart, and adds them up; `continues`: to the sums of the rows before.
static void packPanel(const float* d, i64 ld, i64 rows, float* pack, i64 ldPack, bool continues, Sums out) {
  vf sum[PANEL / VL];
  for (int v = 0; v < PANEL / VL; v++) sum[v] = continues && out.sums ? load(out.sums + v * VL) : broadcast(0);
  for (i64 i = 0; i < rows; i++)
    UNROLLED for (int v = 0; v < PANEL / VL; v++) {
      const vf x = load(d + i * ld + v * VL);
      sum[v] += x;
      store(pack + i * ldPack + v * VL, x);
    }
  for (int v = 0; v < PANEL / VL; v++) {
    if (out.sums) store(out.sums + v * VL, sum[v]);
    if (out.copy) store(out.copy + v * VL, sum[v]);
  }
}

static bool insideGradient(Call& call) {
  using namespace Gradient;
  for (int f = 0; f < size; f++) call.whole(f);
  if (!call.inside) return false;
  call.needRows(x, 1, 0, call.fields[rows], call.fields[ldx], call.fields[depth]);
  call.needRows(d, 1, 0, call.fields[rows], call.fields[ldd], call.to * PANEL);
  call.need(call.fields[dw], call.to * call.fields[depth] * PANEL);
  call.need(call.fields[scratch], GRADIENT_ROWS * SCRATCH_PANELS * PANEL);
  if (call.integer(sums)) call.need(call.fields[sums], call.to * PANEL);
  if (call.integer(sums2)) call.need(call.fields[sums2], call.to * PANEL);
  return call.inside;
}

static int gradient(Arena& arena, double descriptor, double fromPanel, double toPanel) {
  using namespace Gradient;
  Call call(arena, descriptor, fromPanel, toPanel, size);
  if (!call.inside || !insideGradient(call)) return OUTSIDE;
  const i64 rowCount = call.integer(rows), deep = call.integer(depth), lx = call.integer(ldx), ld = call.integer(ldd);
  const float *X = call.at<const float>(x), *D = call.at<const float>(d);
  float* pack = call.at(scratch);
  for (i64 r = 0; r == 0 || r < rowCount; r += GRADIENT_ROWS) {
    const i64 part = rowCount - r < GRADIENT_ROWS ? rowCount - r : GRADIENT_ROWS;
    for (i64 panel = (i64)fromPanel; panel < (i64)toPanel; panel += GRADIENT_PANELS) {
      const i64 wide = (i64)toPanel - panel < GRADIENT_PANELS ? (i64)toPanel - panel : GRADIENT_PANELS;
      for (i64 q = 0; q < wide; q++) packPanel(D + r * ld + (panel + q) * PANEL, ld, part, pack + q * GRADIENT_ROWS * PANEL, PANEL, r > 0, sumsOf(call, panel + q));
      Output out{call.at(dw) + panel * deep * PANEL, PANEL, deep * PANEL, r ? INIT_ACCUMULATE : INIT_ZERO, nullptr, nullptr};
      strips<true>(deep, X + r * lx, lx, pack, GRADIENT_ROWS * PANEL, part, out, 0, wide * PANEL);
    }
  }
  return OK;
}
