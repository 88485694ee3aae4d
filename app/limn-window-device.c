/* SPDX-License-Identifier: Apache-2.0 */
/* The device that the window computes on: what there is to know of it, and the way from one that
 * failed to the processor. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

/* The device is the same until somebody leaves it. */
void
limn_window_show_notice (LimnWindow *self)
{
  const char *notice = limn_session_get_notice (self->session);
  AdwToast *toast;

  if (*notice && !self->notice_shown)
    {
      toast = adw_toast_new (_ ("Painting on the processor: no graphics card can be used"));
      adw_toast_set_button_label (toast, _ ("Why?"));
      adw_toast_set_action_name (toast, "win.details");
      limn_window_add_toast (self, toast);
    }
  self->notice_shown = TRUE;
}

/* A run whose picture is not what it should be for the device's sake. */
static gboolean
is_troubled (LimnRun *run)
{
  return run && !limn_run_is_active (run) && *limn_run_get_error (run);
}

void
limn_window_refuse_branch (LimnWindow *self, const struct fit_generate_params *params,
                           const GError *error)
{
  g_set_object (&self->branch_from, self->run);
  self->branch = *params;
  limn_window_show_failure (self, error);
}

void
limn_window_move_to_processor (LimnWindow *self)
{
  g_autoptr (LimnRun) branch_from = NULL;

  if (limn_window_is_busy (self) || limn_window_is_comparing (self) ||
      !limn_session_get_info (self->session) || limn_session_is_on_processor (self->session))
    return;
  branch_from = g_steal_pointer (&self->branch_from);
  limn_window_hide_trouble (self);
  self->branch_from = g_steal_pointer (&branch_from);
  g_clear_object (&self->left);
  if (!self->branch_from && is_troubled (self->run))
    self->left = g_object_ref (self->run);
  self->moving = TRUE;
  limn_session_move_to_processor (self->session);
}

/* From where the run was kept last, or else from its beginning: the same settings and noise, or the
 * same step of the run that it goes on from. */
static LimnRun *
take_up (LimnWindow *self, LimnRun *left, GError **error)
{
  LimnRecovery *recovery = limn_session_get_recovery (self->session);
  struct fit_generate_params params = *limn_run_get_params (left);
  LimnRun *run = NULL;

  limn_recovery_finish (recovery);
  if (g_file_test (limn_recovery_get_path (recovery), G_FILE_TEST_EXISTS))
    run = limn_session_recover (self->session, NULL);
  return run ? run : limn_session_start (self->session, &params, error);
}

gboolean
limn_window_arrive_on_processor (LimnWindow *self)
{
  g_autoptr (LimnRun) left = g_steal_pointer (&self->left);
  g_autoptr (LimnRun) branch_from = g_steal_pointer (&self->branch_from);
  g_autoptr (LimnRun) run = NULL;
  g_autoptr (GError) error = NULL;

  if (!self->moving)
    return FALSE;
  self->moving = FALSE;
  if (!limn_session_is_on_processor (self->session))
    return TRUE; /* the session says why */
  limn_window_toast (self, _ ("Painting on the processor now"));
  if (!left && !branch_from)
    {
      limn_window_generate_as_set (self);
      return TRUE;
    }
  run = branch_from ? limn_session_start (self->session, &self->branch, &error)
                    : take_up (self, left, &error);
  if (run)
    limn_window_set_run (self, run);
  else
    limn_window_show_failure (self, error);
  return TRUE;
}
