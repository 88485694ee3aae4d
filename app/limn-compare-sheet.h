/* SPDX-License-Identifier: Apache-2.0 */
/* limn-compare-sheet.h - pictures that were compared, on one sheet with their names. */
#pragma once

#include "limn-run.h"

G_BEGIN_DECLS

typedef struct
{
  LimnRun *run;
  const char *title;
} LimnSheetPicture;

/* A PNG of the decoded pictures in rows, names above. Its settings are those of the
 * first, with the others' under "comparison". Pictures that are not there leave their place empty.
 * *blocks* on the disk. */
gboolean limn_compare_sheet_write (const char *path, const LimnSheetPicture *pictures, int n,
                                   GError **error);

G_END_DECLS
