// The fields of the descriptors, in the order of kernels.ts (a test compares the two files).
#pragma once

namespace Product { enum { a, lda, aGroup, panels, depth, panelStride, panelCount, c, ldc, cGroup, rows, init, bias, bias2, active, ldActive, activeGroup, counts, countGroup, size }; }
namespace ActiveUnits { enum { a, lda, aGroup, rows, columns, active, ldActive, activeGroup, counts, countGroup, size }; }
namespace Winners { enum { a, lda, aGroup, rows, columns, keep, size }; }
namespace ActiveRows { enum { a, lda, rows, columns, active, ldActive, counts, indices, values, starts, size }; }
namespace Gradient { enum { x, ldx, d, ldd, rows, depth, dw, scratch, sums, sums2, indices, values, starts, firstRow, size }; }
namespace Gather { enum { table, ldt, vocabulary, tokens, tokenGroup, out, ldo, outGroup, rows, columns, bias, bias2, size }; }
namespace Scatter { enum { d, ldd, tokens, rows, table, ldt, vocabulary, size }; }
namespace ColumnSums { enum { d, ldd, rows, out, out2, size }; }
namespace Cell { enum { z, ldz, zGroup, r, h, ldh, hGroup, c, tanhC, dh, dc, rows, units, firstBlock, blocks, activation, reversed, penalty, size }; }
namespace Softmax { enum { logits, ldl, logitGroup, classes, targets, targetGroup, rows, losses, hits, scale, train, weights, smoothing, size }; }
namespace OutputLoss { enum { logits, ldl, logitGroup, outputs, values, ldv, valueGroup, targets, targetGroup, rows, losses, hits, scale, train, smoothing, size }; }
namespace Dropout { enum { in, out, ld, group, rows, columns, threshold, scale, key, firstStream, size }; }
namespace Add { enum { a, b, out, ld, group, rows, columns, size }; }
namespace LayerNorm { enum { in, out, normal, inverse, inverseGroup, gain, bias, dOut, dIn, ld, group, rows, units, parts, epsilon, size }; }
namespace Update { enum { kind, w, g, m, v, undo, transposed, depth, transposedDepth, shared, clipFactor, clipValue, l1, l2, proximal, rate, beta1, beta2, epsilon, correction1, correction2, size }; }
namespace Deal { enum { starts, features, values, rows, chunkRows, vocabulary, pieces, pieceRows, dealtFeatures, dealtRows, dealtValues, bins, size }; }
namespace Lookup { enum { table, ldt, vocabulary, m, starts, features, values, rowGroup, out, ldo, outGroup, rows, columns, bias, bias2, catchUp, touchedAt, maps, period, size }; }
namespace RowGradient { enum { d, ldd, rows, columns, vocabulary, dealtFeatures, dealtRows, dealtValues, bins, chunks, pieces, bases, g, touched, norms, slots, hash, hashSize, size }; }
namespace RowUpdate { enum { kind, w, m, v, columns, vocabulary, places, g, touched, slots, undo, scratch, all, now, catchUp, touchedAt, maps, period, clipFactor, clipValue, l1, l2, proximal, rate, beta1, beta2, epsilon, correction1, correction2, size }; }
namespace SquareNorm { enum { g, size }; }
namespace Elementwise { enum { in, out, function, size }; }
namespace MultiplyAdd { enum { values, factor, size }; }
namespace Triad { enum { a, b, c, scale, size }; }

enum Init { INIT_ZERO, INIT_ACCUMULATE, INIT_BIAS };
enum Activation { SIGMOID, TANH, RELU, EXP };
enum CatchUp { CATCH_UP_NONE, CATCH_UP_SHRINK, CATCH_UP_MOMENTUM };
enum Optimizer { SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM, ADAMW };
