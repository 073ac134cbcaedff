// The point-wise part of each cell, forward and backward, one time step of some rows and unit blocks in one pass.
// Shapes, strides and formulas stand with the descriptor `Cell` in kernels.ts. Gates are interleaved by blocks of 16 units.
#pragma once
#include "arena.h"
#include "descriptors.h"
#include "functions.h"

// Whether a step at time t stays inside the arena.
static bool staysInside(Call& call, double t, int gates, bool lstm, bool gru, bool backward) {
  using namespace Cell;
  if (!call.inside) return false;
  for (int f = 0; f < penalty; f++) call.whole(f);
  if (!call.inside || call.integer(Cell::activation) > RELU) return false;
  double rowCount = call.fields[Cell::rows], width = (call.fields[firstBlock] + call.fields[blocks]) * PANEL;
  double ld = call.fields[Cell::ldh], hStep = call.fields[Cell::hGroup];
  call.needRows(z, t + 1, call.fields[Cell::zGroup], rowCount, call.fields[Cell::ldz], width * gates);
  if (gru) call.needRows(r, t + 1, call.fields[Cell::zGroup], rowCount, call.fields[Cell::ldz], width * gates);
  call.needRows(h, t + 2, hStep, rowCount, ld, width);
  if (lstm) {
    call.needRows(c, t + 2, hStep, rowCount, ld, width);
    call.needRows(tanhC, t + 1, hStep, rowCount, ld, width);
    if (backward) call.needRows(dc, 1, 0, rowCount, ld, width);
  }
  // The GRU adds to dh of the step before, which in a reversed direction is t + 1.
  if (backward) call.needRows(dh, gru && call.integer(reversed) != 0 ? t + 2 : t + 1, hStep, rowCount, ld, width);
  return call.inside;
}

INLINE bool isIdle(const Call& call) { return call.integer(Cell::rows) == 0 || call.integer(Cell::blocks) == 0; }

// Where the VL units from `unit` on of one row stand; `gates` is the number of gates in an interleaved block.
struct CellRows {
  float *z, *r, *hBefore, *h, *cBefore, *c, *tanhC, *dhBefore, *dh, *dc;
  i64 ldz, ldh, rows, units, first, last;
  int activation;

  CellRows(const Call& call, i64 t) {
    const i64 zGroup = call.integer(Cell::zGroup), hGroup = call.integer(Cell::hGroup);
    const bool reversed = call.integer(Cell::reversed) != 0;
    const i64 before = (reversed ? t + 1 : t) * hGroup, after = (reversed ? t : t + 1) * hGroup;
    ldz = call.integer(Cell::ldz), ldh = call.integer(Cell::ldh), rows = call.integer(Cell::rows);
    z = call.at(Cell::z) + t * zGroup, r = call.at(Cell::r) + t * zGroup;
    hBefore = call.at(Cell::h) + before, h = call.at(Cell::h) + after;
    cBefore = call.at(Cell::c) + before, c = call.at(Cell::c) + after;
    tanhC = call.at(Cell::tanhC) + t * hGroup, dh = call.at(Cell::dh) + t * hGroup, dc = call.at(Cell::dc);
    dhBefore = reversed ? dh + hGroup : dh - hGroup;
    units = call.integer(Cell::units), first = call.integer(Cell::firstBlock) * PANEL;
    last = first + call.integer(Cell::blocks) * PANEL;
    activation = (int)call.integer(Cell::activation);
  }
};

// What stands behind the last unit is zero, whatever the function makes of zero.
INLINE vf masked(vf x, i64 unit, i64 units) {
  if (unit + VL <= units) return x;
  return (i32)unit + lanes() < (i32)units ? x : broadcast(0);
}

// Visits the rows and unit vectors of a call: `z` points at the first gate of the vector's units, the others follow PANEL apart.
template <int GATES, class Step>
INLINE void visit(const CellRows& q, Step step) {
  for (i64 row = 0; row < q.rows; row++)
    for (i64 unit = q.first; unit < q.last; unit += VL)
      step(row * q.ldz + unit / PANEL * (PANEL * GATES) + unit % PANEL, row * q.ldh + unit, unit);
}

INLINE vf activate(vf x, int activation) {
  if (activation == TANH) return flush(tanh(x));
  if (activation == SIGMOID) return sigmoid(x);
  return x <= broadcast(0) ? broadcast(0) : x;  // NaN is not below zero and goes through
}

// h(t) = f(z(t))
static int rnnForward(Arena& arena, double descriptor, double t, double) {
  Call call(arena, descriptor, t, t, Cell::size);
  if (!staysInside(call, t, 1, false, false, false)) return OUTSIDE;
  if (isIdle(call)) return OK;
  CellRows q(call, (i64)t);
  visit<1>(q, [&](i64 z, i64 u, i64 unit) { store(q.h + u, masked(activate(load(q.z + z), q.activation), unit, q.units)); });
  return OK;
}

// dz = dh f'(z), with f' by h: sigmoid h (1 - h), tanh 1 - h^2, ReLU 1 where h > 0; there the penalty is added to dh
static int rnnBackward(Arena& arena, double descriptor, double t, double) {
  Call call(arena, descriptor, t, t, Cell::size);
  if (!staysInside(call, t, 1, false, false, true)) return OUTSIDE;
  if (isIdle(call)) return OK;
  CellRows q(call, (i64)t);
  const vf one = broadcast(1.0f), penalty = broadcast(call.number(Cell::penalty));
  visit<1>(q, [&](i64 z, i64 u, i64 unit) {
    vf h = load(q.h + u), d = load(q.dh + u);
    vf dz = q.activation == TANH ? d * (one - h * h) : q.activation == SIGMOID ? d * (h * (one - h)) : h > broadcast(0) ? d + penalty : broadcast(0);
    store(q.z + z, masked(flush(dz), unit, q.units));
  });
  return OK;
}

// c(t) = f c(t-1) + i g, h(t) = o tanh c(t)
static int lstmForward(Arena& arena, double descriptor, double t, double) {
  Call call(arena, descriptor, t, t, Cell::size);
  if (!staysInside(call, t, 4, true, false, false)) return OUTSIDE;
  if (isIdle(call)) return OK;
  CellRows q(call, (i64)t);
  visit<4>(q, [&](i64 z, i64 u, i64 unit) {
    float* gate = q.z + z;
    vf i = sigmoid(load(gate)), f = sigmoid(load(gate + PANEL)), g = flush(tanh(load(gate + 2 * PANEL))), o = sigmoid(load(gate + 3 * PANEL));
    vf c = masked(flush(fma(f, load(q.cBefore + u), i * g)), unit, q.units), tanhC = tanh(c);
    store(gate, i), store(gate + PANEL, f), store(gate + 2 * PANEL, g), store(gate + 3 * PANEL, o);
    store(q.c + u, c), store(q.tanhC + u, tanhC);
    store(q.h + u, masked(flush(o * tanhC), unit, q.units));
  });
  return OK;
}

// dc = dc(t+1) f(t+1) + dh o (1 - tanh^2 c);  di = dc g i (1 - i), df = dc c(t-1) f (1 - f), dg = dc i (1 - g^2), do = dh tanh c o (1 - o)
static int lstmBackward(Arena& arena, double descriptor, double t, double) {
  Call call(arena, descriptor, t, t, Cell::size);
  if (!staysInside(call, t, 4, true, false, true)) return OUTSIDE;
  if (isIdle(call)) return OK;
  CellRows q(call, (i64)t);
  const vf one = broadcast(1.0f);
  visit<4>(q, [&](i64 z, i64 u, i64 unit) {
    float* gate = q.z + z;
    vf i = load(gate), f = load(gate + PANEL), g = load(gate + 2 * PANEL), o = load(gate + 3 * PANEL);
    vf tanhC = load(q.tanhC + u), dh = load(q.dh + u);
    vf dc = fma(dh * o, one - tanhC * tanhC, load(q.dc + u));
    store(q.dc + u, masked(flush(dc * f), unit, q.units));
    store(gate, masked(flush(dc * g * (i * (one - i))), unit, q.units));
    store(gate + PANEL, masked(flush(dc * load(q.cBefore + u) * (f * (one - f))), unit, q.units));
    store(gate + 2 * PANEL, masked(flush(dc * i * (one - g * g)), unit, q.units));
    store(gate + 3 * PANEL, masked(flush(dh * tanhC * (o * (one - o))), unit, q.units));
  });
  return OK;
}

// n = tanh(z_n + r r_n), h(t) = (1 - z) n + z h(t-1) = n + z (h(t-1) - n)
static int gruForward(Arena& arena, double descriptor, double t, double) {
  Call call(arena, descriptor, t, t, Cell::size);
  if (!staysInside(call, t, 3, false, true, false)) return OUTSIDE;
  if (isIdle(call)) return OK;
  CellRows q(call, (i64)t);
  visit<3>(q, [&](i64 at, i64 u, i64 unit) {
    float *x = q.z + at, *y = q.r + at;
    vf r = sigmoid(load(x) + load(y)), z = sigmoid(load(x + PANEL) + load(y + PANEL));
    vf n = flush(tanh(fma(r, load(y + 2 * PANEL), load(x + 2 * PANEL))));
    store(x, r), store(x + PANEL, z), store(x + 2 * PANEL, n);
    store(q.h + u, masked(flush(fma(z, load(q.hBefore + u) - n, n)), unit, q.units));
  });
  return OK;
}

// dn = dh (1 - z) (1 - n^2), dr = dn r_n r (1 - r), dz = dh (h(t-1) - n) z (1 - z); the recurrent weights see r dn for n
static int gruBackward(Arena& arena, double descriptor, double t, double) {
  Call call(arena, descriptor, t, t, Cell::size);
  if (!staysInside(call, t, 3, false, true, true)) return OUTSIDE;
  if (isIdle(call)) return OK;
  CellRows q(call, (i64)t);
  const vf one = broadcast(1.0f);
  const bool carries = t > 0 || call.integer(Cell::reversed) != 0;
  visit<3>(q, [&](i64 at, i64 u, i64 unit) {
    float *x = q.z + at, *y = q.r + at;
    vf r = load(x), z = load(x + PANEL), n = load(x + 2 * PANEL), dh = load(q.dh + u);
    vf dn = masked(flush(dh * (one - z) * (one - n * n)), unit, q.units);
    vf dr = masked(flush(dn * load(y + 2 * PANEL) * (r * (one - r))), unit, q.units);
    vf dz = masked(flush(dh * (load(q.hBefore + u) - n) * (z * (one - z))), unit, q.units);
    store(x, dr), store(x + PANEL, dz), store(x + 2 * PANEL, dn);
    store(y, dr), store(y + PANEL, dz), store(y + 2 * PANEL, masked(flush(dn * r), unit, q.units));
    if (carries) {
      float* before = q.dhBefore + u;
      store(before, masked(flush(fma(dh, z, load(before))), unit, q.units));
    }
  });
  return OK;
}
