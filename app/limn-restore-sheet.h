/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-restore-sheet.h - what a picture's settings would change, each with a check box.
 *
 * The sheet lists only what differs from the settings now, "now → then", and says below what the
 * picture said beyond that. It emits "chosen" with what to do when somebody has decided; before, it
 * has put the checked ones into the settings, except to verify.
 */
#pragma once

#include <adwaita.h>

#include "limn-session.h"

G_BEGIN_DECLS

typedef enum
{
  LIMN_RESTORE_CLASS = 1 << 0,
  LIMN_RESTORE_SHAPE = 1 << 1,
  LIMN_RESTORE_SEED = 1 << 2,
  LIMN_RESTORE_STEPS = 1 << 3,
  LIMN_RESTORE_GUIDANCE = 1 << 4,
  LIMN_RESTORE_SOLVER = 1 << 5,
  LIMN_RESTORE_METHOD = 1 << 6,
  LIMN_RESTORE_OPTIONS = 1 << 7,
  LIMN_RESTORE_ALL = (1 << 8) - 1
} LimnRestoreParts;

typedef enum
{
  LIMN_RESTORE_APPLY,
  LIMN_RESTORE_GENERATE,
  LIMN_RESTORE_VERIFY
} LimnRestoreChoice;

/* What a picture says. */
typedef struct
{
  struct fit_generate_params params;
  LimnRestoreParts said;
  gboolean can_verify;
  char *notes; /* sentences, or ""; borrowed */
} LimnRestore;

#define LIMN_TYPE_RESTORE_SHEET (limn_restore_sheet_get_type ())
G_DECLARE_FINAL_TYPE (LimnRestoreSheet, limn_restore_sheet, LIMN, RESTORE_SHEET, AdwWindow)

LimnRestoreSheet *limn_restore_sheet_new (GtkWindow *parent, LimnSession *session,
                                          LimnSettings *settings, const LimnRestore *restore);

/* What is offered, and what of it is checked. */
LimnRestoreParts limn_restore_sheet_get_offered (LimnRestoreSheet *self);
LimnRestoreParts limn_restore_sheet_get_checked (LimnRestoreSheet *self);
void limn_restore_sheet_set_checked (LimnRestoreSheet *self, LimnRestoreParts parts);

/* As the buttons do. */
void limn_restore_sheet_choose (LimnRestoreSheet *self, LimnRestoreChoice choice);

G_END_DECLS
