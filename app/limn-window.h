/* SPDX-License-Identifier: Apache-2.0 */
/* limn-window.h - the main window: side pane, viewer, status line and scrubber over one session. */
#pragma once

#include <adwaita.h>

#include "limn-session.h"

G_BEGIN_DECLS

#define LIMN_TYPE_WINDOW (limn_window_get_type ())
G_DECLARE_FINAL_TYPE (LimnWindow, limn_window, LIMN, WINDOW, AdwApplicationWindow)

LimnWindow *limn_window_new (GtkApplication *application, LimnSession *session);

/* Restores the settings of a picture, or loads the model when `file` is a folder. */
void limn_window_open (LimnWindow *self, GFile *file);

/* Says in one sentence what went wrong, until it is closed or something new begins. */
void limn_window_tell (LimnWindow *self, const char *sentence);

G_END_DECLS
