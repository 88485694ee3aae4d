/* SPDX-License-Identifier: Apache-2.0 */
/* The way into the comparison and out of it. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

gboolean
limn_window_is_comparing (LimnWindow *self)
{
  return limn_compare_view_get_n_panes (self->comparison) > 0;
}

/* Six equal pictures would look like a fault. */
static void
tell_where_methods_part (LimnWindow *self)
{
  struct fit_canvas canvas;

  limn_session_describe (self->session, limn_settings_get_width (self->settings),
                         limn_settings_get_height (self->settings), FIT_METHOD_NONE, &canvas);
  if (canvas.within_axes)
    limn_window_toast (self, _ ("Position methods differ beyond the trained sides: try a larger shape"));
}

void
limn_window_compare (LimnWindow *self, LimnAxis axis)
{
  if (!limn_session_get_info (self->session))
    return;
  if (self->run)
    limn_run_stop (self->run);
  limn_window_hide_trouble (self);
  limn_settings_store (self->settings, self->memory);
  limn_compare_view_start (self->comparison, axis);
  if (axis == LIMN_AXIS_METHOD)
    tell_where_methods_part (self);
  limn_window_refresh_page (self);
  limn_window_refresh (self);
  gtk_widget_grab_focus (GTK_WIDGET (self->comparison));
}

void
limn_window_compare_kept (LimnWindow *self, GListModel *files)
{
  gtk_menu_button_popdown (self->history_button);
  limn_window_hide_trouble (self);
  limn_compare_view_show_kept (self->comparison, files);
  limn_window_refresh_page (self);
  limn_window_refresh (self);
  gtk_widget_grab_focus (GTK_WIDGET (self->comparison));
}

void
limn_window_compare_selected (LimnWindow *self)
{
  g_autofree char *reason = limn_history_view_dup_compare_reason ();

  if (!limn_history_view_compare (self->history_view))
    limn_window_toast (self, reason);
}

void
limn_window_leave_compare (LimnWindow *self)
{
  limn_compare_view_clear (self->comparison);
  limn_window_refresh_page (self);
  limn_window_refresh (self);
}

/* A picture by another checkpoint brings that with it; the settings are taken along. */
static void
use_model_of (LimnWindow *self, LimnRun *run)
{
  struct fit_model_info info;

  fit_model_info (limn_run_get_model (run), &info);
  if (g_str_equal (info.path, limn_session_get_info (self->session)->path))
    return;
  limn_settings_store (self->settings, self->memory);
  limn_session_use (self->session, limn_run_get_model (run));
}

/* The chosen picture becomes the one on show, with its settings and its model. */
void
limn_window_keep_chosen (LimnWindow *self)
{
  int chosen = limn_compare_view_get_chosen (self->comparison);
  LimnRun *run = limn_compare_view_get_run (self->comparison, chosen);
  g_autoptr (LimnRun) kept = run ? g_object_ref (run) : NULL;
  GFile *file = limn_compare_view_get_file (self->comparison, chosen);
  g_autoptr (GFile) earlier = file ? g_object_ref (file) : NULL;

  if (earlier)
    limn_window_show_earlier (self, earlier);
  if (!kept)
    return;
  use_model_of (self, kept);
  limn_undo_close_step (self->undo);
  limn_settings_apply_params (self->settings, limn_run_get_params (kept));
  limn_undo_close_step (self->undo);
  limn_run_show (kept, LIMN_RUN_LIVE, FIT_VIEW_PREDICTION);
  limn_window_leave_compare (self);
  limn_window_set_run (self, kept);
}
