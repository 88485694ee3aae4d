/* SPDX-License-Identifier: Apache-2.0 */
#include "lists.h"

#include <stdio.h>
#include <string.h>

#include "session.h"

enum { LIST_BYTES = 512 };

static bool copy_list(char list[LIST_BYTES], const char *option, const char *text,
                      struct fit_error *error)
{
    return (size_t)snprintf(list, LIST_BYTES, "%s", text) < LIST_BYTES ||
           set_error(error, FIT_ERROR_ARGUMENT, "--%s: the list is too long", option);
}

static void add_method(enum fit_method method, enum fit_method *out, int *n)
{
    for (int i = 0; i < *n; i++)
        if (out[i] == method)
            return;
    out[(*n)++] = method;
}

bool list_methods(const char *text, enum fit_method out[FIT_N_METHODS], int *n,
                  struct fit_error *error)
{
    char list[LIST_BYTES], *rest = list, *name;
    enum fit_method method;
    *n = 0;
    if (!strcmp(text, "all")) {
        for (int i = FIT_METHOD_NONE; i < FIT_N_METHODS; i++)
            add_method((enum fit_method)i, out, n);
        return true;
    }
    if (!copy_list(list, "methods", text, error))
        return false;
    while ((name = strsep(&rest, ","))) {
        const char *nearest = nearest_name(name, method_name);
        if (!fit_method_parse(name, &method))
            return set_error(error, FIT_ERROR_ARGUMENT,
                             "--methods: \"%.60s\" is unknown%s%s; expected all, or names "
                             "separated by commas", name, nearest ? "; the nearest is " : "",
                             nearest ? nearest : "");
        add_method(method, out, n);
    }
    return true;
}

bool list_sizes(const char *text, struct size out[LIST_MOST_SIZES], int *n,
                struct fit_error *error)
{
    char list[LIST_BYTES], *rest = list, *size;
    *n = 0;
    if (!copy_list(list, "sizes", text, error))
        return false;
    while ((size = strsep(&rest, ","))) {
        if (*n == LIST_MOST_SIZES || !size_parse(size, &out[*n]))
            return set_error(error, FIT_ERROR_ARGUMENT,
                             "--sizes: expected up to %d of WIDTHxHEIGHT in pixels as in "
                             "256x128,512x256, found \"%.60s\"", LIST_MOST_SIZES, size);
        ++*n;
    }
    return true;
}
