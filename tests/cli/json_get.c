/* SPDX-License-Identifier: Apache-2.0 */
/* json_get KEY...: reads JSON from the standard input and prints what lies at the keys (numbers for
 * lists): a text as it is, a list or object as its size. Fails when it is not JSON, or not
 * there. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    json_error_t cause;
    json_t *root = json_loadf(stdin, JSON_REJECT_DUPLICATES, &cause);
    const json_t *at = root;
    if (!root) {
        fprintf(stderr, "json_get: line %d: %s\n", cause.line, cause.text);
        return 1;
    }
    for (int i = 1; i < argc && at; i++)
        at = json_is_array(at) ? json_array_get(at, strtoul(argv[i], NULL, 10))
                               : json_object_get(at, argv[i]);
    if (!at)
        fprintf(stderr, "json_get: there is no %s\n", argc > 1 ? argv[argc - 1] : "value");
    else if (json_is_string(at))
        printf("%s\n", json_string_value(at));
    else if (json_is_array(at) || json_is_object(at))
        printf("%zu\n", json_is_array(at) ? json_array_size(at) : json_object_size(at));
    else
        json_dumpf(at, stdout, JSON_ENCODE_ANY);
    int status = at ? 0 : 1;
    json_decref(root);
    return status;
}
