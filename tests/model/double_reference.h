/* SPDX-License-Identifier: Apache-2.0 */
/*
 * double_reference.h - FiTv2 once more, in double precision and straight loops, from the formulas
 * of arXiv 2402.12376 and 2410.13925 and of their published code. It shares no line with the
 * engine: tests hold the engine against it on any shape, position method and guidance.
 *
 * Shapes: latents are [C][2 rows][2 columns], tokens [N][4 C] with N = rows * columns, token
 * row * columns + column, feature c * 4 + p1 * 2 + p2. Time 0 is noise, 1 is data.
 */
#ifndef DOUBLE_REFERENCE_H
#define DOUBLE_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

struct reference_model {
    int width;    /* of a token */
    int depth;    /* blocks */
    int heads;
    int hidden;   /* of the SwiGLU MLP */
    int rank;     /* of a block's modulation (LoRA) */
    int channels; /* C of the latent */
    int classes;  /* row `classes` of the table is "no class" */

    /* Writes the n numbers of the tensor of that name (the official state dict's), row-major.
     * false stops the evaluation. */
    bool (*read)(void *data, const char *name, size_t n, double *values);
    void *data;
};

enum reference_method {
    REFERENCE_NORMAL,
    REFERENCE_LINEAR,
    REFERENCE_NTK,
    REFERENCE_NTK_BY_PARTS,
    REFERENCE_YARN,
    REFERENCE_NTK_PRO1,
    REFERENCE_NTK_PRO2,
};

struct reference_positions {
    enum reference_method method;
    bool decouple;         /* an own stretch for each axis ("Vision" in the papers) */
    double trained_length; /* patches per side in training, 16 in all published models */
};

struct reference_guidance {
    double scale, power; /* guided when scale > 1; power 0: the same at all times */
    int channels;        /* latent channels that are guided: 3 */
};

/* The velocity of the first N tokens of a grid of rows x columns: tokens past N are padding, which
 * nothing attends to. v may not be x. */
bool reference_tokens(const struct reference_model *model,
                      const struct reference_positions *positions, int rows, int columns, int N,
                      const double *x, double t, int class, double *v);

/* The velocity of a latent, with classifier-free guidance when `guidance` is given. */
bool reference_velocity(const struct reference_model *model,
                        const struct reference_positions *positions,
                        const struct reference_guidance *guidance, int rows, int columns,
                        const double *latent, double t, int class, double *velocity);

#endif
