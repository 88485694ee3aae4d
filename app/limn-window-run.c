/* SPDX-License-Identifier: Apache-2.0 */
/* The run on show: what the window makes of its states, and its pauses. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

#define NOTIFY_AFTER_S 10 /* a shorter run is not worth a notification */

/* ---- the desktop ---- */

void
limn_window_set_inhibited (LimnWindow *self, gboolean inhibited)
{
  GtkApplication *application = gtk_window_get_application (GTK_WINDOW (self));

  if (!application || self->inhibited == inhibited)
    return;
  self->inhibited = inhibited;
  if (inhibited)
    self->inhibit_cookie
        = gtk_application_inhibit (application, GTK_WINDOW (self), GTK_APPLICATION_INHIBIT_SUSPEND,
                                   _ ("A picture is being painted"));
  else if (self->inhibit_cookie) /* 0: no desktop is there to be asked */
    gtk_application_uninhibit (application, self->inhibit_cookie);
  if (!inhibited)
    self->inhibit_cookie = 0;
}

gboolean
limn_window_is_worth_telling (gboolean looked_at, double elapsed_s)
{
  return !looked_at && elapsed_s > NOTIFY_AFTER_S;
}

static void
notify_desktop (LimnWindow *self)
{
  GApplication *application = G_APPLICATION (gtk_window_get_application (GTK_WINDOW (self)));
  const struct fit_generate_params *params = limn_run_get_params (self->run);
  g_autoptr (GNotification) notification = NULL;

  if (!application || !limn_window_is_worth_telling (gtk_window_is_active (GTK_WINDOW (self)),
                                                     limn_run_get_elapsed (self->run)))
    return;
  notification = g_notification_new (_ ("Your picture is ready"));
  g_notification_set_body (notification,
                           limn_session_get_class_name (self->session, params->class_id));
  g_application_send_notification (application, "done", notification);
}

/* ---- states ---- */

gboolean
limn_window_is_busy (LimnWindow *self)
{
  return (self->run && limn_run_is_active (self->run)) ||
         limn_compare_view_is_active (self->comparison);
}

gboolean
limn_window_is_paused (LimnWindow *self)
{
  return self->run && limn_run_get_state (self->run) == FIT_JOB_PAUSED;
}

gboolean
limn_window_can_continue (LimnWindow *self)
{
  enum fit_job_state state = self->run ? limn_run_get_state (self->run) : FIT_JOB_DONE;

  return (state == FIT_JOB_FAILED ||
          (state == FIT_JOB_CANCELLED && limn_run_get_step (self->run) > 0)) &&
         !limn_window_is_comparing (self) && !self->generate_wanted &&
         !limn_session_has_lost_device (self->session);
}

void
limn_window_refresh_activity (LimnWindow *self)
{
  limn_window_set_inhibited (self, limn_window_is_busy (self) && !limn_window_is_paused (self));
  limn_window_put_off_rest (self);
  limn_window_refresh (self);
}

static void
run_error_cb (LimnWindow *self)
{
  g_autoptr (GError) error = limn_run_dup_error (self->run);

  if (error)
    limn_window_show_failure (self, error);
}

static void
run_state_cb (LimnWindow *self)
{
  enum fit_job_state state = limn_run_get_state (self->run);

  if (state == FIT_JOB_FAILED)
    run_error_cb (self);
  if (state == FIT_JOB_DONE && state != self->last_state)
    {
      notify_desktop (self);
      limn_window_remember_picture (self);
    }
  self->last_state = state;
  limn_window_refresh_activity (self);
  if (self->generate_wanted && !limn_window_is_busy (self))
    limn_window_generate_soon (self);
}

static void
follow_run (LimnWindow *self)
{
  static const struct
  {
    const char *signal;
    void (*callback) (LimnWindow *self);
  } signals[] = {
    { "notify::step", limn_window_refresh_progress },
    { "notify::remaining", limn_window_refresh_progress },
    { "notify::state", run_state_cb },
    { "notify::error", run_error_cb },
    { "notify::texture", limn_window_refresh_actions },
    { "notify::shown-step", limn_window_refresh_actions },
  };

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    g_signal_connect_swapped (self->run, signals[i].signal, G_CALLBACK (signals[i].callback),
                              self);
}

void
limn_window_let_go_of_run (LimnWindow *self)
{
  if (self->run)
    g_signal_handlers_disconnect_by_data (self->run, self);
  g_clear_object (&self->run);
}

void
limn_window_set_run (LimnWindow *self, LimnRun *run)
{
  LimnRecovery *recovery = limn_session_get_recovery (self->session);

  if (run)
    g_object_ref (run);
  limn_window_let_go_of_run (self);
  self->run = run;
  limn_recovery_watch (recovery, run && limn_run_is_active (run) ? run : NULL);
  limn_step_scrubber_set_run (self->scrubber, run);
  limn_canvas_set_run (self->canvas, run);
  gtk_revealer_set_reveal_child (self->scrubber_revealer, run != NULL);
  if (run)
    {
      g_clear_object (&self->chosen);
      self->chosen_is_branch = FALSE;
      limn_window_hide_interrupted (self);
      follow_run (self);
      /* One that is over already, as from a comparison, comes in here too. */
      self->last_state = FIT_JOB_WAITING;
      run_state_cb (self);
    }
  limn_window_refresh (self);
}

void
limn_window_begin_run (LimnWindow *self, LimnRun *run)
{
  limn_recovery_discard (limn_session_get_recovery (self->session));
  limn_window_set_run (self, run);
}

/* ---- pausing and going on ---- */

static gboolean
go_on (LimnWindow *self)
{
  g_autoptr (LimnRun) run = limn_session_continue (self->session, self->run, NULL);

  if (!run)
    return FALSE;
  limn_window_hide_trouble (self);
  limn_window_set_run (self, run);
  return TRUE;
}

void
limn_window_toggle_pause (LimnWindow *self)
{
  if (limn_window_is_paused (self))
    limn_run_resume (self->run);
  else if (self->run && limn_run_is_moving (self->run))
    limn_run_pause (self->run);
  else if (limn_window_can_continue (self) && !go_on (self))
    limn_window_generate (self);
}

/* ---- a picture that the program's end interrupted ---- */

void
limn_window_hide_interrupted (LimnWindow *self)
{
  gtk_info_bar_set_revealed (self->interrupted, FALSE);
}

/* Tells why, and does not tell it again at the next start. */
static void
refuse_interrupted (LimnWindow *self, const GError *error)
{
  /* Translators: the reason follows, a sentence */
  g_autofree char *sentence = g_strdup_printf (
      _ ("The picture that was interrupted cannot be continued: %s"), error->message);

  if (g_error_matches (error, limn_fit_error_quark (), FIT_ERROR_FILE))
    limn_recovery_set_aside (limn_session_get_recovery (self->session));
  limn_window_show_trouble (self, sentence, FALSE);
}

static void
looked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnWindow) self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  struct fit_settings settings;
  struct fit_progress progress;
  gboolean found = limn_recovery_look_finish (result, &settings, &progress, &error);

  (void) source;
  if (!self->session || self->run)
    return;
  if (error)
    refuse_interrupted (self, error);
  if (!found)
    return;
  text = g_strdup_printf (_ ("“%s”, %d × %d, was interrupted at step %d of %d."),
                          limn_session_get_class_name (self->session, settings.params.class_id),
                          settings.params.width, settings.params.height, progress.step,
                          progress.steps);
  gtk_label_set_text (self->interrupted_text, text);
  gtk_info_bar_set_revealed (self->interrupted, TRUE);
  limn_window_refresh_actions (self);
}

void
limn_window_look_for_interrupted (LimnWindow *self)
{
  if (!self->looked_for_interrupted)
    limn_recovery_look_async (limn_session_get_recovery (self->session), looked_cb,
                              g_object_ref (self));
  self->looked_for_interrupted = TRUE;
}

void
limn_window_continue_interrupted (LimnWindow *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LimnRun) run = NULL;

  limn_window_hide_interrupted (self);
  if (limn_window_is_busy (self))
    return;
  run = limn_session_recover (self->session, &error);
  if (!run)
    {
      refuse_interrupted (self, error);
      return;
    }
  limn_window_hide_trouble (self);
  limn_undo_close_step (self->undo);
  limn_settings_apply_params (self->settings, limn_run_get_params (run));
  limn_undo_close_step (self->undo);
  limn_window_set_run (self, run);
}
