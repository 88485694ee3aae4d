/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - where the program keeps what it can do without. */
#ifndef LIMN_CLI_CACHE_H
#define LIMN_CLI_CACHE_H

enum { CACHE_PATH_BYTES = 4096 };

/* By the XDG base directories: $XDG_CACHE_HOME/limn, else ~/.cache/limn, written to `path`; NULL
 * without a home. */
const char *cache_folder(char (*path)[CACHE_PATH_BYTES]);

#endif
