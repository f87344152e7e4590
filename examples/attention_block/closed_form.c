/* closed_form.c: every entry of the derivatives that tgc compiled, beside the closed forms of README.md.
 *
 *     tgc build attention_block.tg --dtype f64 -o libattention_block.so
 *     cc closed_form.c -I. -L. -lattention_block -Wl,-rpath,'$ORIGIN' -lm -o closed_form && ./closed_form
 *
 * Prints the largest difference of each and ends with status 1 if one is above 1e-10.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "attention_block.h"

enum { N = 3, M = 4, K = 2, T = 5, S = 6, D = 4 };
static const double lambda = 0.5;

static int failures;

static void compare(const char *what, const double *got, const double *wanted, int count) {
    double worst = 0;
    for (int i = 0; i < count; i++) {
        double difference = fabs(got[i] - wanted[i]);
        if (!(difference <= worst)) worst = difference; /* a NaN stays */
    }
    printf("%-44s largest difference %.2e\n", what, worst);
    if (!(worst <= 1e-10)) failures++;
}

static void check_call(attention_block *model, int status) {
    if (!status) return;
    fprintf(stderr, "closed_form: %s\n", attention_block_error(model));
    failures++;
}

static void fill(double *to, int count, double phase) { /* no entry like another, none large */
    for (int i = 0; i < count; i++) to[i] = sin(1.7 * i + phase) + 0.3 * cos(0.9 * i * phase);
}

/* ---- f(x, y) = softmax(L x^T A^T B y) C x ---- */

/* F[i][j] = exp(z_ij) / sum over j, z_ij = L a(x_i) . b(y_j), where x_i is column i of x */
static void probabilities(double x[N][M], double y[N][M], double A[K][N], double B[K][N], double F[M][M]) {
    for (int i = 0; i < M; i++) {
        double total = 0;
        for (int j = 0; j < M; j++) {
            double z = 0;
            for (int k = 0; k < K; k++) {
                double ax = 0, by = 0;
                for (int n = 0; n < N; n++) ax += A[k][n] * x[n][i], by += B[k][n] * y[n][j];
                z += ax * by;
            }
            total += F[i][j] = exp(lambda * z);
        }
        for (int j = 0; j < M; j++) F[i][j] /= total;
    }
}

/* (S_i - s_i s_i^T) C x_m at entry j, where s_i is row i of F: s_ij (v_j - s_i . v), v = C x_m */
static double centred(double F[M][M], double C[M][N], double x[N][M], int i, int m, int j) {
    double v[M], mean = 0;
    for (int r = 0; r < M; r++) {
        v[r] = 0;
        for (int n = 0; n < N; n++) v[r] += C[r][n] * x[n][m];
        mean += F[i][r] * v[r];
    }
    return F[i][j] * (v[j] - mean);
}

/* df_im / dx_lk = L a_l^T B Y (S_k - s_k s_k^T) C x_m [i = k] + e_i^T F c_l [m = k] */
static double by_x(double x[N][M], double y[N][M], double A[K][N], double B[K][N], double C[M][N], double F[M][M],
                   int i, int m, int l, int k) {
    double sum = 0;
    for (int j = 0; j < M && i == k; j++) {
        double score = 0; /* a_l^T B y_j */
        for (int r = 0; r < K; r++)
            for (int n = 0; n < N; n++) score += A[r][l] * B[r][n] * y[n][j];
        sum += lambda * score * centred(F, C, x, k, m, j);
    }
    for (int j = 0; j < M && m == k; j++) sum += F[i][j] * C[j][l];
    return sum;
}

/* df_im / dy_lk = L (b_l^T A x_i) (e_k^T (S_i - s_i s_i^T) C x_m) */
static double by_y(double x[N][M], double A[K][N], double B[K][N], double C[M][N], double F[M][M], int i, int m, int l,
                   int k) {
    double score = 0;
    for (int r = 0; r < K; r++)
        for (int n = 0; n < N; n++) score += B[r][l] * A[r][n] * x[n][i];
    return lambda * score * centred(F, C, x, i, m, k);
}

static void check_block(attention_block *model) {
    static double x[N][M], y[N][M], A[K][N], B[K][N], C[M][N], F[M][M];
    static double f[M][M], df_dx[M][M][N][M], df_dy[M][M][N][M], df[M][M][N][M], wanted[M][M][N][M], value[M][M];
    fill(&x[0][0], N * M, 0.1), fill(&y[0][0], N * M, 0.7);
    fill(&A[0][0], K * N, 1.3), fill(&B[0][0], K * N, 2.1), fill(&C[0][0], M * N, 2.9);
    check_call(model, attention_block_derivatives(model, &x[0][0], &y[0][0], &A[0][0], &B[0][0], &C[0][0], &f[0][0],
                                                  &df_dx[0][0][0][0], &df_dy[0][0][0][0]));
    probabilities(x, y, A, B, F);
    for (int i = 0; i < M; i++)
        for (int m = 0; m < M; m++) {
            value[i][m] = 0;
            for (int j = 0; j < M; j++)
                for (int n = 0; n < N; n++) value[i][m] += F[i][j] * C[j][n] * x[n][m];
        }
    compare("f(x, y)", &f[0][0], &value[0][0], M * M);
    for (int e = 0; e < M * M * N * M; e++)
        (&wanted[0][0][0][0])[e] = by_x(x, y, A, B, C, F, e / (M * N * M), e / (N * M) % M, e / M % N, e % M);
    compare("df/dx", &df_dx[0][0][0][0], &wanted[0][0][0][0], M * M * N * M);
    for (int e = 0; e < M * M * N * M; e++)
        (&wanted[0][0][0][0])[e] = by_y(x, A, B, C, F, e / (M * N * M), e / (N * M) % M, e / M % N, e % M);
    compare("df/dy", &df_dy[0][0][0][0], &wanted[0][0][0][0], M * M * N * M);

    /* at y = x the gradient of f(x, x) is the sum of both */
    check_call(model,
               attention_block_derivative_of_both(model, &x[0][0], &A[0][0], &B[0][0], &C[0][0], &df[0][0][0][0]));
    probabilities(x, x, A, B, F);
    for (int e = 0; e < M * M * N * M; e++) {
        int i = e / (M * N * M), m = e / (N * M) % M, l = e / M % N, k = e % M;
        (&wanted[0][0][0][0])[e] = by_x(x, x, A, B, C, F, i, m, l, k) + by_y(x, A, B, C, F, i, m, l, k);
    }
    compare("d f(x, x)/dx, the sum of both at y = x", &df[0][0][0][0], &wanted[0][0][0][0], M * M * N * M);
}

/* ---- scaled dot-product attention, allowed NULL for no mask ---- */

static void check_attention(attention_block *model, const uint8_t *allowed) {
    static double q[T][D], k[S][D], v[S][D], g[T][D], o[T][D], dq[T][D], dk[S][D], dv[S][D];
    static double P[T][S], dP[T][S], dS[T][S], wanted_o[T][D], wanted_q[T][D], wanted_k[S][D], wanted_v[S][D];
    fill(&q[0][0], T * D, 0.2), fill(&k[0][0], S * D, 0.4), fill(&v[0][0], S * D, 0.6), fill(&g[0][0], T * D, 0.8);
    if (allowed)
        check_call(model, attention_block_attention_masked(model, &q[0][0], &k[0][0], &v[0][0], allowed, &g[0][0],
                                                           &o[0][0], &dq[0][0], &dk[0][0], &dv[0][0]));
    else
        check_call(model, attention_block_attention(model, &q[0][0], &k[0][0], &v[0][0], &g[0][0], &o[0][0], &dq[0][0],
                                                    &dk[0][0], &dv[0][0]));
    double scale = 1 / sqrt(D);
    for (int t = 0; t < T; t++) {
        double total = 0, inner = 0;
        for (int s = 0; s < S; s++) {
            double z = 0;
            for (int d = 0; d < D; d++) z += q[t][d] * k[s][d];
            total += P[t][s] = allowed && !allowed[t * S + s] ? 0 : exp(z * scale);
        }
        for (int s = 0; s < S; s++) {
            P[t][s] = total > 0 ? P[t][s] / total : 0;
            dP[t][s] = 0;
            for (int d = 0; d < D; d++) dP[t][s] += g[t][d] * v[s][d];
            inner += dP[t][s] * P[t][s];
        }
        for (int s = 0; s < S; s++) dS[t][s] = P[t][s] * (dP[t][s] - inner); /* P o (dP - rowsum(dP o P)) */
    }
    for (int d = 0; d < D; d++) {
        for (int t = 0; t < T; t++) {
            wanted_o[t][d] = wanted_q[t][d] = 0;
            for (int s = 0; s < S; s++) wanted_o[t][d] += P[t][s] * v[s][d];
            for (int s = 0; s < S; s++) wanted_q[t][d] += dS[t][s] * k[s][d] * scale; /* dQ = dS K / sqrt(d) */
        }
        for (int s = 0; s < S; s++) {
            wanted_k[s][d] = wanted_v[s][d] = 0;
            for (int t = 0; t < T; t++) wanted_v[s][d] += P[t][s] * g[t][d];          /* dV = P^T dO */
            for (int t = 0; t < T; t++) wanted_k[s][d] += dS[t][s] * q[t][d] * scale; /* dK = dS^T Q / sqrt(d) */
        }
    }
    compare(allowed ? "masked attention: O" : "attention: O", &o[0][0], &wanted_o[0][0], T * D);
    compare("  dQ", &dq[0][0], &wanted_q[0][0], T * D);
    compare("  dK", &dk[0][0], &wanted_k[0][0], S * D);
    compare("  dV", &dv[0][0], &wanted_v[0][0], S * D);
}

int main(void) {
    attention_block *model;
    if (attention_block_new(&model, 2, 1)) {
        fputs("closed_form: no memory for the model\n", stderr);
        return 1;
    }
    check_block(model);
    check_attention(model, NULL);
    uint8_t allowed[T * S];
    for (int i = 0; i < T * S; i++) allowed[i] = i / S != 2 && i % S <= i / S + 1; /* query 2 may look nowhere */
    check_attention(model, allowed);
    attention_block_free(model);
    return failures ? 1 : 0;
}
