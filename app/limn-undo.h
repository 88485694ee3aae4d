/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-undo.h - the way back to earlier settings.
 *
 * Follows every change of the settings. Changes that come close upon one another, as while a handle
 * is dragged or a number is typed, are one step.
 */
#pragma once

#include "limn-settings.h"

G_BEGIN_DECLS

#define LIMN_TYPE_UNDO (limn_undo_get_type ())
G_DECLARE_FINAL_TYPE (LimnUndo, limn_undo, LIMN, UNDO, GObject)

/* Properties "can-undo" and "can-redo". */
LimnUndo *limn_undo_new (LimnSettings *settings);

gboolean limn_undo_can_undo (LimnUndo *self);
gboolean limn_undo_can_redo (LimnUndo *self);
void limn_undo_back (LimnUndo *self);
void limn_undo_forth (LimnUndo *self);

/* What comes next is a step of its own. */
void limn_undo_close_step (LimnUndo *self);

/* Begins anew with the present settings, as after another model was opened. */
void limn_undo_forget (LimnUndo *self);

G_END_DECLS
