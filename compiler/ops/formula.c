/* formula.c: each operation as a line of mathematics: its value Y, and how Y changes with its operands.
 *
 * In: an op. Out: the two lines that an adjoint rule follows from. A change of the operands changes a scalar L by
 * sum dX * δX, and it does so through Y alone, sum G * δY; put δY in and read off dX:
 *
 *     matmul   Y = A . B   δY = δA . B + A . δB     so  sum G * (δA . B) = sum (G . B^T) * δA,  dA = G . B^T
 *
 * `*` is the elementwise product, `.` the matrix product. docs/adjoints.md derives every rule. */
#include "ops/ops.h"

static const OpFormula formulas[] = {
    {&op_reshape, "Y = X in another shape", "δY = δX in that shape"},
    {&op_permute, "Y = X with its axes in another order", "δY = δX in that order"},
    {&op_broadcast, "Y = X repeated along axes", "δY = δX repeated along the same axes"},
    {&op_slice, "Y = a window of X", "δY = the same window of δX"},
    {&op_add, "Y = A + B", "δY = δA + δB"},
    {&op_sub, "Y = A - B", "δY = δA - δB"},
    {&op_mul, "Y = A * B", "δY = B * δA + A * δB"},
    {&op_div, "Y = A / B", "δY = (δA - Y * δB) / B"},
    {&op_mod, "Y = A - B * floor(A / B)", "δY = δA - floor(A / B) * δB"},
    {&op_pow, "Y = A^B", "δY = B * A^(B - 1) * δA + Y * log(A) * δB"},
    {&op_minimum, "Y = the smaller of A and B", "δY = δA where A < B, δB where B < A, half of each where equal"},
    {&op_maximum, "Y = the larger of A and B", "δY = δA where A > B, δB where B > A, half of each where equal"},
    {&op_neg, "Y = -X", "δY = -δX"},
    {&op_abs, "Y = |X|", "δY = sign(X) * δX"},
    {&op_exp, "Y = e^X", "δY = Y * δX"},
    {&op_log, "Y = log X", "δY = δX / X"},
    {&op_sqrt, "Y = sqrt(X)", "δY = δX / (2 Y)"},
    {&op_rsqrt, "Y = 1 / sqrt(X)", "δY = -Y^3 / 2 * δX"},
    {&op_tanh, "Y = tanh X", "δY = (1 - Y^2) * δX"},
    {&op_sigmoid, "Y = 1 / (1 + e^-X)", "δY = Y * (1 - Y) * δX"},
    {&op_relu, "Y = max(X, 0)", "δY = δX where X > 0, else 0"},
    {&op_gelu, "Y = X * Phi(X), Phi the normal distribution", "δY = (Phi(X) + X * phi(X)) * δX"},
    {&op_d_gelu, "Y = Phi(X) + X * phi(X)", "δY = phi(X) * (2 - X^2) * δX"},
    {&op_gelu_tanh, "Y = X * (1 + tanh U) / 2, U = sqrt(2/pi) * (X + 0.044715 X^3)", "δY = gelu_tanh'(X) * δX"},
    {&op_d_gelu_tanh, "Y = gelu_tanh'(X)", "δY = gelu_tanh''(X) * δX"},
    {&op_silu, "Y = X * S, S = sigmoid(X)", "δY = (S + Y * (1 - S)) * δX"},
    {&op_erf, "Y = erf X", "δY = 2 / sqrt(pi) * e^(-X^2) * δX"},
    {&op_sin, "Y = sin X", "δY = cos(X) * δX"},
    {&op_cos, "Y = cos X", "δY = -sin(X) * δX"},
    {&op_where, "Y = A where C, else B", "δY = δA where C, else δB"},
    {&op_sum, "Y = sum of X over axes", "δY = sum of δX over the same axes"},
    {&op_max, "Y = the largest of X over axes", "δY = mean of δX where X = Y"},
    {&op_min, "Y = the smallest of X over axes", "δY = mean of δX where X = Y"},
    {&op_logsumexp, "Y = log sum e^X over axes", "δY = sum of e^(X - Y) * δX"},
    {&op_softmax, "P = e^S / sum e^S, along rows", "δP = P * (δS - rowsum(P * δS))"},
    {&op_log_softmax, "Y = S - log sum e^S, along rows", "δY = δS - rowsum(e^Y * δS)"},
    {&op_layernorm, "Y = (X - mean X) * r, r = 1 / sqrt(var X + eps)", "δY = r * (δX - mean δX - Y * mean(Y * δX))"},
    {&op_rmsnorm, "Y = X * r, r = 1 / sqrt(mean X^2 + eps)", "δY = r * (δX - Y * mean(Y * δX))"},
    {&op_matmul, "C = A . B, either of them transposed if flagged", "δC = δA . B + A . δB"},
    {&op_attend, "O = D(P) . V, P = softmax(s Q . K^T), D dropout", "δO = D(δP) . V + D(P) . δV"},
    {&op_attend_lse, "L = log(rowsum(exp(s Q . K^T)))", "δL = rowsum(P * δS), S = s Q . K^T"},
    {&op_attend_dq, "Y = s dS . K, dS = P * (D(G . V^T) - rowsum(G * O))", "δY = s (δdS . K + dS . δK)"},
    {&op_attend_dk, "Y = s dS^T . Q, dS as in attend_dq", "δY = s (δdS^T . Q + dS^T . δQ)"},
    {&op_attend_dv, "Y = D(P)^T . G", "δY = D(δP)^T . G + D(P)^T . δG"},
    {&op_gather, "Y = rows of Table at ids", "δY = rows of δTable at ids"},
    {&op_scatter_add, "Y = Base, with rows of Value added at ids", "δY = δBase, with rows of δValue added at ids"},
    {&op_concat, "Y = parts side by side", "δY = δParts side by side"},
    {&op_pad, "Y = X with numbers around it", "δY = δX with zeros around it"},
};

const OpFormula *op_formula(const Op *op) {
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; i++)
        if (formulas[i].op == op) return &formulas[i];
    return NULL;
}
