/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoints.h"

#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit_weights.h"
#include "torch_maker.h"

void checkpoint_add_tensor(struct checkpoint *c, const char *name, enum fit_tensor_type type,
                           int n_dims, const uint64_t *dims)
{
    assert_true(c->n < MAX_TENSORS);
    struct fit_tensor *t = &c->tensor[c->n];
    *t = (struct fit_tensor){.name = c->name[c->n], .type = type, .n_dims = n_dims, .n_values = 1};
    snprintf(c->name[c->n++], sizeof c->name[0], "%s", name);
    memcpy(t->dims, dims, (size_t)n_dims * sizeof *dims);
    for (int i = 0; i < n_dims; i++)
        t->n_values *= dims[i];
    t->bytes = t->n_values * fit_tensor_type_size(type);
    t->data = calloc(1, (size_t)t->bytes + 1);
    assert_non_null(t->data);
}

static void add_network(struct checkpoint *c, const char *prefix, float scale, int lora_rank)
{
    struct fit_config config;
    struct fit_tensor_spec spec;
    fit_config_defaults(&config);
    config.hidden = 8;
    config.depth = config.heads = 2;
    config.lora_rank = lora_rank;
    config.mlp_hidden = 21;
    config.n_classes = 3;
    for (size_t i = 0; fit_weights_spec(&config, i, &spec); i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", prefix, spec.name);
        checkpoint_add_tensor(c, name, FIT_TENSOR_F32, spec.n_dims, spec.dims);
        for (uint64_t k = 0; k < spec.n_values; k++)
            ((float *)c->tensor[c->n - 1].data)[k] = scale / (float)(i + k + 1);
    }
}

void checkpoint_add(struct checkpoint *c, const char *prefix, float scale)
{
    add_network(c, prefix, scale, 2);
}

void checkpoint_add_whole(struct checkpoint *c, const char *prefix, float scale)
{
    add_network(c, prefix, scale, 0);
}

void checkpoint_free(struct checkpoint *c)
{
    for (size_t i = 0; i < c->n; i++)
        free((void *)c->tensor[i].data);
    c->n = 0;
}

void checkpoint_write_safetensors(const struct checkpoint *c, const char *path)
{
    struct fit_error error = {0};
    if (!fit_safetensors_write(path, c->tensor, c->n, NULL, &error))
        fail_msg("%s", error.message);
}

static void code_one(struct made *pickle, const struct fit_tensor *t, size_t i)
{
    static const char *const types[] = {
        [FIT_TENSOR_F32] = "FloatStorage", [FIT_TENSOR_BF16] = "BFloat16Storage",
        [FIT_TENSOR_F16] = "HalfStorage", [FIT_TENSOR_I64] = "LongStorage"};
    char key[24];
    int64_t stride = 1;
    snprintf(key, sizeof key, "%zu", i);
    struct coded coded = {.storage = {types[t->type], key, (int64_t)t->n_values},
                          .n_dims = t->n_dims, .n_strides = t->n_dims};
    for (int d = t->n_dims; d-- > 0;) {
        coded.dims[d] = (int64_t)t->dims[d];
        coded.strides[d] = stride;
        stride *= coded.dims[d];
    }
    code_text(pickle, t->name);
    code_tensor(pickle, &coded);
}

void checkpoint_write_torch(const struct checkpoint *c, const char *path)
{
    static const struct archive_style style = {.zip64 = true};
    struct made pickle = {0}, archive = {0};
    struct entry entries[MAX_TENSORS + 1] = {{.name = "model_ema/data.pkl"}};
    char names[MAX_TENSORS][48];
    code_begin(&pickle);
    for (size_t i = 0; i < c->n; i++) {
        code_one(&pickle, &c->tensor[i], i);
        snprintf(names[i], sizeof names[i], "model_ema/data/%zu", i);
        entries[i + 1] = (struct entry){.name = names[i], .data = c->tensor[i].data,
                                        .n = (size_t)c->tensor[i].bytes};
    }
    code_end(&pickle);
    entries[0].data = pickle.data;
    entries[0].n = pickle.n;
    archive_make(&archive, entries, (int)c->n + 1, &style);
    hostile_write(path, archive.data, archive.n);
    made_clear(&archive);
    made_clear(&pickle);
}
