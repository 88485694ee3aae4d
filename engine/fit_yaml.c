/* SPDX-License-Identifier: Apache-2.0 */
#include "fit_yaml.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"

/* Far above any configuration, and low because libyaml takes time that grows with the square of the
 * nesting: seconds for this much of "[[[", a quarter of an hour for a megabyte. */
#define FILE_LIMIT (64u << 10)

static bool load(struct fit_yaml *yaml, const char *text, struct fit_error *error)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory to read it", yaml->path);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    bool ok = yaml_parser_load(&parser, &yaml->document);
    if (!ok)
        fit_fail(error, FIT_ERROR_FILE, "%s: line %zu: is not YAML: %s", yaml->path,
                 parser.problem_mark.line + 1, parser.problem ? parser.problem : "no memory");
    yaml_parser_delete(&parser);
    return ok;
}

/* ---- keys twice: one reader would take the first, another the last ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool check_mapping(struct fit_yaml *yaml, const yaml_node_t *node, struct fit_error *error)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    size_t n = 0, most = (size_t)(node->data.mapping.pairs.top - pair);
    const char **keys = malloc((most + 1) * sizeof *keys);
    if (!keys)
        return fit_fail(error, FIT_ERROR_MEMORY, "%s: no memory to read it", yaml->path);
    for (; pair < node->data.mapping.pairs.top; pair++)
        if ((keys[n] = fit_yaml_text(yaml_document_get_node(&yaml->document, pair->key))))
            n++;
    qsort(keys, n, sizeof *keys, by_text);
    bool ok = true;
    for (size_t i = 1; ok && i < n; i++)
        if (!strcmp(keys[i - 1], keys[i]))
            ok = fit_fail(error, FIT_ERROR_FILE, "%s: line %zu: the key %.80s appears twice",
                          yaml->path, node->start_mark.line + 1, keys[i]);
    free(keys);
    return ok;
}

static bool check_keys(struct fit_yaml *yaml, struct fit_error *error)
{
    const yaml_node_t *node = yaml->document.nodes.start;
    for (; node < yaml->document.nodes.top; node++)
        if (node->type == YAML_MAPPING_NODE && !check_mapping(yaml, node, error))
            return false;
    return true;
}

bool fit_yaml_open(struct fit_yaml *yaml, const char *path, struct fit_error *error)
{
    *yaml = (struct fit_yaml){0};
    snprintf(yaml->path, sizeof yaml->path, "%s", path);
    char *text = fit_file_read_text(path, FILE_LIMIT, error);
    if (!text)
        return false;
    bool ok = load(yaml, text, error);
    free(text);
    if (!ok)
        return false;
    const yaml_node_t *root = fit_yaml_root(yaml);
    bool is_mapping = root && root->type == YAML_MAPPING_NODE;
    if (is_mapping && check_keys(yaml, error))
        return true;
    fit_yaml_close(yaml);
    return is_mapping ? false
                      : fit_fail(error, FIT_ERROR_FILE, "%s: is not a mapping of keys to values",
                                 path);
}

void fit_yaml_close(struct fit_yaml *yaml)
{
    yaml_document_delete(&yaml->document);
}

const yaml_node_t *fit_yaml_root(struct fit_yaml *yaml)
{
    return yaml_document_get_root_node(&yaml->document);
}

const yaml_node_t *fit_yaml_get(struct fit_yaml *yaml, const yaml_node_t *node, const char *key)
{
    if (!node || node->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const char *name = fit_yaml_text(yaml_document_get_node(&yaml->document, pair->key));
        if (name && !strcmp(name, key))
            return yaml_document_get_node(&yaml->document, pair->value);
    }
    return NULL;
}

const char *fit_yaml_text(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

bool fit_yaml_is_null(const yaml_node_t *node)
{
    const char *text = fit_yaml_text(node);
    if (!node)
        return true;
    return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || !strcmp(text, "null") || !strcmp(text, "~"));
}
