/* SPDX-License-Identifier: Apache-2.0 */
/* How far apart two sets of pictures are, by the means and covariances of their features. */
#include <math.h>
#include <stdlib.h>

#include "error.h"
#include "fit/fit-measure.h"

enum { MOST_WIDTH = 512, MOST_SWEEPS = 60 };

/* ---- features ----------------------------------------------------------------------------- */

void fit_latent_features(const float *latent, int channels, int rows, int columns, float *features)
{
    for (int c = 0; c < channels; c++, latent += rows * columns)
        for (int quarter = 0; quarter < 4; quarter++) {
            int top = quarter / 2 * (rows / 2), bottom = quarter / 2 ? rows : rows / 2;
            int left = quarter % 2 * (columns / 2), right = quarter % 2 ? columns : columns / 2;
            double sum = 0, square = 0, n = (double)(bottom - top) * (right - left);
            for (int y = top; y < bottom; y++)
                for (int x = left; x < right; x++) {
                    double value = latent[y * columns + x];
                    sum += value;
                    square += value * value;
                }
            *features++ = (float)(sum / n);
            *features++ = (float)sqrt(fmax(square / n - sum / n * (sum / n), 0));
        }
}

/* ---- symmetric matrices ------------------------------------------------------------------- */

static double norm_off_diagonal(const double *m, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            sum += m[i * n + j] * m[i * n + j];
    return sqrt(sum);
}

/* Turns rows p and q of m, [n][n]: with (cos, sin) what was their element in a column. */
static void turn_rows(double *m, int n, int p, int q, double cosine, double sine)
{
    for (int k = 0; k < n; k++) {
        double a = m[p * n + k], b = m[q * n + k];
        m[p * n + k] = cosine * a - sine * b;
        m[q * n + k] = sine * a + cosine * b;
    }
}

/* Makes m[p][q] zero (G. Golub, C. Van Loan, Matrix Computations, section 8.5). */
static void rotate(double *m, double *vectors, int n, int p, int q)
{
    double off = m[p * n + q];
    if (off == 0)
        return;
    double tau = (m[q * n + q] - m[p * n + p]) / (2 * off);
    double t = copysign(1, tau) / (fabs(tau) + sqrt(1 + tau * tau));
    double cosine = 1 / sqrt(1 + t * t), sine = t * cosine;
    turn_rows(m, n, p, q, cosine, sine);
    for (int k = 0; k < n; k++) {
        double a = m[k * n + p], b = m[k * n + q];
        m[k * n + p] = cosine * a - sine * b;
        m[k * n + q] = sine * a + cosine * b;
    }
    if (vectors)
        turn_rows(vectors, n, p, q, cosine, sine);
}

/* Jacobi's method: m becomes diagonal, its eigenvalues; the rows of `vectors` (may be NULL), which
 * begin as the unit matrix, its eigenvectors. */
static void diagonalise(double *m, double *vectors, int n)
{
    double size = norm_off_diagonal(m, n);
    for (int i = 0; i < n; i++)
        size = hypot(size, m[i * n + i]);
    for (int i = 0; vectors && i < n * n; i++)
        vectors[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < MOST_SWEEPS && norm_off_diagonal(m, n) > 1e-15 * size; sweep++)
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                rotate(m, vectors, n, p, q);
}

static void multiply(double *out, const double *a, const double *b, int n)
{
    for (int i = 0; i < n * n; i++)
        out[i] = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            for (int j = 0; j < n; j++)
                out[i * n + j] += a[i * n + k] * b[k * n + j];
}

/* m becomes its square root; `vectors` and `other` are room for [n][n] each. */
static void take_root(double *m, double *vectors, double *other, int n)
{
    diagonalise(m, vectors, n);
    for (int i = 0; i < n; i++) {
        double root = sqrt(fmax(m[i * n + i], 0));
        for (int j = 0; j < n; j++)
            other[j * n + i] = vectors[i * n + j] * root;
    }
    multiply(m, other, vectors, n);
}

/* ---- the distance ------------------------------------------------------------------------- */

/* Of features x [n][width]: the mean [width] and the covariance [width][width]. */
static void measure_normal(const float *x, int n, int width, double *mean, double *covariance)
{
    for (int i = 0; i < width; i++)
        mean[i] = 0;
    for (int i = 0; i < n * width; i++)
        mean[i % width] += x[i] / (double)n;
    for (int i = 0; i < width * width; i++)
        covariance[i] = 0;
    for (int k = 0; k < n; k++, x += width)
        for (int i = 0; i < width; i++)
            for (int j = 0; j < width; j++)
                covariance[i * width + j] += (x[i] - mean[i]) * (x[j] - mean[j]) / (n - 1);
}

static double trace(const double *m, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += m[i * n + i];
    return sum;
}

static bool check(const float *x, int n, int width, struct fit_error *error)
{
    if (n < 2 || width < 1 || width > MOST_WIDTH || n > INT32_MAX / width)
        return fit_fail(error, FIT_ERROR_ARGUMENT,
                        "features: expected 2 or more pictures with 1 to %d each, found %d with %d",
                        MOST_WIDTH, n, width);
    for (int i = 0; i < n * width; i++)
        if (!isfinite(x[i]))
            return fit_fail(error, FIT_ERROR_ARGUMENT,
                            "features: that numbered %d of picture %d is not finite", i % width,
                            i / width);
    return true;
}

bool fit_frechet_distance(const float *a, int n_a, const float *b, int n_b, int width,
                          double *distance, struct fit_error *error)
{
    if (!check(a, n_a, width, error) || !check(b, n_b, width, error))
        return false;
    size_t n = (size_t)width, square = n * n;
    double *room = malloc((2 * n + 4 * square) * sizeof *room);
    if (!room)
        return fit_fail(error, FIT_ERROR_MEMORY, "no memory for covariances of %d features", width);
    double *mean_a = room, *mean_b = mean_a + n, *of_a = mean_b + n, *of_b = of_a + square;
    double *first = of_b + square, *second = first + square, sum = 0;
    measure_normal(a, n_a, width, mean_a, of_a);
    measure_normal(b, n_b, width, mean_b, of_b);
    for (int i = 0; i < width; i++)
        sum += (mean_a[i] - mean_b[i]) * (mean_a[i] - mean_b[i]);
    sum += trace(of_a, width) + trace(of_b, width);
    /* C_a C_b has the eigenvalues of R C_b R, R the root of C_a, which is symmetric. */
    take_root(of_a, first, second, width);
    multiply(first, of_a, of_b, width);
    multiply(second, first, of_a, width);
    diagonalise(second, NULL, width);
    for (int i = 0; i < width; i++)
        sum -= 2 * sqrt(fmax(second[i * width + i], 0));
    *distance = fmax(sum, 0);
    free(room);
    return true;
}
