/* SPDX-License-Identifier: Apache-2.0 */
#include "autoencoder_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiny.h"

/* ---- weights in memory -------------------------------------------------------------------- */

static void add(struct weights *w, const char *name, const char *tail, int out, int in, int kernel)
{
    struct fit_tensor *t = &w->tensor[w->n];
    assert_true(w->n < WEIGHTS_MOST);
    assert_true(snprintf(w->name[w->n], WEIGHTS_NAME_BYTES, "%s.%s", name, tail) < WEIGHTS_NAME_BYTES);
    *t = (struct fit_tensor){.name = w->name[w->n++], .type = FIT_TENSOR_F32, .n_dims = 1,
                             .dims = {(uint64_t)out, (uint64_t)in, (uint64_t)kernel,
                                      (uint64_t)kernel}};
    t->n_dims = kernel ? 4 : in ? 2 : 1;
    t->n_values = 1;
    for (int i = 0; i < t->n_dims; i++)
        t->n_values *= t->dims[i];
    t->bytes = t->n_values * sizeof(float);
}

static void add_conv(struct weights *w, const char *name, int out, int in, int kernel)
{
    add(w, name, "weight", out, in, kernel);
    add(w, name, "bias", out, 0, 0);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fit_tensor *)a)->name, ((const struct fit_tensor *)b)->name);
}

static void fill_tensor(struct fit_tensor *t, uint32_t k, float matrix_scale)
{
    float *x = malloc(t->bytes);
    assert_non_null(x);
    float scale = t->n_dims > 1 ? matrix_scale : 0.125f;
    float one = strstr(t->name, "norm") && strstr(t->name, ".weight") ? 1 : 0;
    for (uint32_t i = 0; i < t->n_values; i++)
        x[i] = tiny_fill(k, i, scale) + one;
    t->data = x;
}

void weights_free(struct weights *w)
{
    for (int i = 0; i < w->n; i++)
        free((void *)w->tensor[i].data);
    free(w);
}

struct fit_safetensors weights_file(const struct weights *w)
{
    struct fit_safetensors file = {.path = "rule.safetensors", .n_tensors = (size_t)w->n};
    file.tensors = malloc(file.n_tensors * sizeof *file.tensors);
    assert_non_null(file.tensors);
    memcpy(file.tensors, w->tensor, file.n_tensors * sizeof *file.tensors);
    qsort(file.tensors, file.n_tensors, sizeof *file.tensors, by_name);
    return file;
}

/* ---- the two graphs, as lists of tensors ---------------------------------------------------- */

static void add_resnet(struct weights *w, const char *level, int j, int in, int out)
{
    char name[WEIGHTS_NAME_BYTES], part[WEIGHTS_NAME_BYTES + 16];
    snprintf(name, sizeof name, "%s.resnets.%d", level, j);
    for (int i = 1; i <= 2; i++) {
        snprintf(part, sizeof part, "%s.norm%d", name, i);
        add(w, part, "weight", i == 1 ? in : out, 0, 0);
        add(w, part, "bias", i == 1 ? in : out, 0, 0);
        snprintf(part, sizeof part, "%s.conv%d", name, i);
        add_conv(w, part, out, i == 1 ? in : out, 3);
    }
    snprintf(part, sizeof part, "%s.conv_shortcut", name);
    if (in != out)
        add_conv(w, part, out, in, 1);
}

static void add_ends(struct weights *w, const char *side, int in, int first, int last, int out)
{
    char name[WEIGHTS_NAME_BYTES];
    snprintf(name, sizeof name, "%s.conv_in", side);
    add_conv(w, name, first, in, 3);
    snprintf(name, sizeof name, "%s.conv_norm_out", side);
    add(w, name, "weight", last, 0, 0);
    add(w, name, "bias", last, 0, 0);
    snprintf(name, sizeof name, "%s.conv_out", side);
    add_conv(w, name, out, last, 3);
}

static void add_middle(struct weights *w, const char *side)
{
    static const char *const part[] = {"to_q", "to_k", "to_v", "to_out.0"};
    char name[WEIGHTS_NAME_BYTES], full[WEIGHTS_NAME_BYTES + 16];
    snprintf(name, sizeof name, "%s.mid_block", side);
    add_resnet(w, name, 0, 512, 512);
    add_resnet(w, name, 1, 512, 512);
    snprintf(name, sizeof name, "%s.mid_block.attentions.0", side);
    for (int i = 0; i < 4; i++) {
        snprintf(full, sizeof full, "%s.%s", name, part[i]);
        add(w, full, "weight", 512, 512, 0);
        add(w, full, "bias", 512, 0, 0);
    }
    snprintf(full, sizeof full, "%s.group_norm", name);
    add(w, full, "weight", 512, 0, 0);
    add(w, full, "bias", 512, 0, 0);
}

struct weights *weights_of_vae(void)
{
    static const int width[] = {128, 256, 512, 512};
    struct weights *w = calloc(1, sizeof *w);
    char name[WEIGHTS_NAME_BYTES];
    assert_non_null(w);
    add_ends(w, "encoder", 3, 128, 512, 8);
    add_ends(w, "decoder", 4, 512, 128, 3);
    add_middle(w, "encoder");
    add_middle(w, "decoder");
    for (int i = 0; i < 4; i++) {
        int out = width[i], in = i ? width[i - 1] : 128;
        snprintf(name, sizeof name, "encoder.down_blocks.%d", i);
        for (int j = 0; j < 2; j++)
            add_resnet(w, name, j, j ? out : in, out);
        snprintf(name, sizeof name, "encoder.down_blocks.%d.downsamplers.0.conv", i);
        if (i < 3)
            add_conv(w, name, out, out, 3);
        out = width[3 - i];
        in = i ? width[4 - i] : 512;
        snprintf(name, sizeof name, "decoder.up_blocks.%d", i);
        for (int j = 0; j < 3; j++)
            add_resnet(w, name, j, j ? out : in, out);
        snprintf(name, sizeof name, "decoder.up_blocks.%d.upsamplers.0.conv", i);
        if (i < 3)
            add_conv(w, name, out, out, 3);
    }
    add_conv(w, "quant_conv", 8, 8, 1);
    add_conv(w, "post_quant_conv", 4, 4, 1);
    assert_int_equal(w->n, 248);
    qsort(w->tensor, (size_t)w->n, sizeof *w->tensor, by_name);
    uint64_t values = 0;
    for (int k = 0; k < w->n; k++) {
        fill_tensor(&w->tensor[k], (uint32_t)k, 0.03125f);
        values += w->tensor[k].n_values;
    }
    assert_int_equal(values, 83653863);
    return w;
}

struct weights *weights_of_taesd(void)
{
    static const int blocks[] = {3, 4, 5, 8, 9, 10, 13, 14, 15, 18};
    struct weights *w = calloc(1, sizeof *w);
    char name[WEIGHTS_NAME_BYTES];
    assert_non_null(w);
    add_conv(w, "1", 64, 4, 3);
    for (int i = 0; i < 10; i++) {
        for (int j = 0; j < 3; j++) {
            snprintf(name, sizeof name, "%d.conv.%d", blocks[i], 2 * j);
            add_conv(w, name, 64, 64, 3);
        }
        snprintf(name, sizeof name, "%d", blocks[i] + 2);
        if (i == 2 || i == 5 || i == 8)
            add(w, name, "weight", 64, 64, 3);
    }
    add_conv(w, "19", 3, 64, 3);
    assert_int_equal(w->n, 67);
    for (int k = 0; k < w->n; k++)
        fill_tensor(&w->tensor[k], (uint32_t)k, 0.0625f);
    return w;
}
