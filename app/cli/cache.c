/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

#include <stdio.h>
#include <stdlib.h>

const char *cache_folder(char (*path)[CACHE_PATH_BYTES])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = cache && cache[0] == '/' ? snprintf(*path, sizeof *path, "%s/limn", cache)
            : home && home[0] == '/' ? snprintf(*path, sizeof *path, "%s/.cache/limn", home)
                                     : -1;
    return n > 0 && (size_t)n < sizeof *path ? *path : NULL;
}
