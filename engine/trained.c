/* SPDX-License-Identifier: Apache-2.0 */
#include "trained.h"

#include <stdlib.h>
#include <string.h>

#include "fit_weights.h"

static bool matches(const struct fit_name_parts *parts, const char *name)
{
    for (int i = 0; i < parts->n; i++)
        if (strstr(name, parts->part[i]))
            return true;
    return !parts->n;
}

static bool check_parts(const struct fit_config *config, const struct fit_name_parts *parts,
                        struct fit_error *e)
{
    struct fit_tensor_spec spec;
    for (int i = 0; i < parts->n; i++) {
        size_t k = 0;
        while (fit_weights_spec(config, k, &spec) && !strstr(spec.name, parts->part[i]))
            k++;
        if (k == fit_weights_count(config))
            return fit_fail(e, FIT_ERROR_ARGUMENT,
                            "model.trained: no parameter's name contains \"%s\"", parts->part[i]);
    }
    return true;
}

/* Up to the next tensor, so that neighbours join. */
static void add(struct fit_trained *t, size_t first, size_t end)
{
    struct fit_span *last = t->n_spans ? &t->span[t->n_spans - 1] : NULL;
    if (last && last->first + last->n == first)
        last->n = end - last->first;
    else
        t->span[t->n_spans++] = (struct fit_span){first, end - first};
}

bool fit_trained_init(struct fit_trained *t, const struct fit_config *config,
                      const struct fit_name_parts *parts, struct fit_error *e)
{
    size_t n = fit_weights_count(config);
    struct fit_tensor_spec spec, next;
    memset(t, 0, sizeof *t);
    if (!check_parts(config, parts, e))
        return false;
    t->span = calloc(n, sizeof *t->span);
    if (!t->span)
        return fit_fail(e, FIT_ERROR_MEMORY, "no memory for %zu spans", n);
    for (size_t i = 0; fit_weights_spec(config, i, &spec); i++) {
        size_t end = fit_weights_spec(config, i + 1, &next) ? next.offset
                                                            : fit_weights_total(config);
        t->all += spec.n_values;
        if (!matches(parts, spec.name))
            continue;
        t->values += spec.n_values;
        add(t, spec.offset, end);
    }
    return true;
}

void fit_trained_finish(struct fit_trained *t)
{
    free(t->span);
    memset(t, 0, sizeof *t);
}

bool fit_trained_has(const struct fit_trained *t, size_t offset)
{
    for (size_t i = 0; i < t->n_spans; i++)
        if (offset >= t->span[i].first && offset - t->span[i].first < t->span[i].n)
            return true;
    return false;
}
