/* SPDX-License-Identifier: Apache-2.0 */
/* YAML through libyaml: one bounded document, looked up by key. Aliases are followed as libyaml
 * composes them, as references: a document never grows beyond its text. */
#ifndef FIT_YAML_H
#define FIT_YAML_H

#include <yaml.h>

#include "error.h"

struct fit_yaml {
    char path[1024];
    yaml_document_t document;
};

/* Reads the first document of a file of at most 64 kB, whose root is a mapping; no mapping in it
 * may have a key twice. */
bool fit_yaml_open(struct fit_yaml *yaml, const char *path, struct fit_error *error);
void fit_yaml_close(struct fit_yaml *yaml);

const yaml_node_t *fit_yaml_root(struct fit_yaml *yaml);

/* The value of a key of a mapping; NULL when there is none or `node` is no mapping (or NULL). */
const yaml_node_t *fit_yaml_get(struct fit_yaml *yaml, const yaml_node_t *node, const char *key);

/* A scalar's text, or NULL for anything else. */
const char *fit_yaml_text(const yaml_node_t *node);

/* True for a missing value, an empty plain scalar, "null" and "~". */
bool fit_yaml_is_null(const yaml_node_t *node);

#endif
