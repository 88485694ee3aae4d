/* SPDX-License-Identifier: Apache-2.0 */
/* What people can do in the window, apart from how it looks. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

/* ---- painting ---- */

gboolean
limn_window_would_repeat (LimnWindow *self)
{
  struct fit_canvas canvas;

  return self->run && limn_run_get_state (self->run) == FIT_JOB_DONE &&
         limn_session_describe (self->session, limn_settings_get_width (self->settings),
                                limn_settings_get_height (self->settings), FIT_METHOD_AUTO,
                                &canvas) &&
         limn_settings_match (self->settings, limn_run_get_params (self->run), canvas.method);
}

void
limn_window_generate_as_set (LimnWindow *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LimnRun) run = NULL;

  if (limn_window_is_busy (self))
    return;
  limn_window_hide_trouble (self);
  run = limn_session_generate (self->session, self->settings, &error);
  if (!run)
    {
      limn_window_show_failure (self, error);
      return;
    }
  limn_settings_store (self->settings, self->memory);
  limn_class_picker_remember (self->classes);
  limn_window_begin_run (self, run);
}

void
limn_window_generate (LimnWindow *self)
{
  if (limn_window_is_busy (self))
    return;
  if (limn_compare_view_is_of_kept (self->comparison))
    limn_window_leave_compare (self);
  if (limn_window_is_comparing (self))
    {
      limn_window_compare (self, limn_compare_view_get_axis (self->comparison));
      return;
    }
  if (limn_window_would_repeat (self) && !limn_settings_get_keep_seed (self->settings))
    limn_settings_roll_seed (self->settings);
  limn_window_generate_as_set (self);
}

void
limn_window_generate_soon (LimnWindow *self)
{
  self->generate_wanted = limn_window_is_busy (self);
  if (!self->generate_wanted)
    limn_window_generate (self);
}

/* Whether a step before the end is on show, of a run that rests. */
static gboolean
can_go_on (LimnWindow *self)
{
  return self->run && !limn_run_is_moving (self->run) && !limn_window_is_comparing (self) &&
         limn_run_get_shown_step (self->run) < limn_run_get_n_steps (self->run);
}

void
limn_window_finish_from_here (LimnWindow *self)
{
  struct fit_generate_params params;
  g_autoptr (GError) error = NULL;
  g_autoptr (LimnRun) run = NULL;

  if (!can_go_on (self))
    return;
  limn_window_hide_trouble (self);
  limn_settings_to_params (self->settings, &params);
  limn_run_go_on_from_shown (self->run, &params);
  run = limn_session_start (self->session, &params, &error);
  if (!run)
    {
      limn_window_refuse_branch (self, &params, error);
      return;
    }
  limn_window_begin_run (self, run);
}

static void
generate_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  (void) name;
  (void) parameter;
  limn_window_generate (LIMN_WINDOW (widget));
}

static void
finish_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  (void) name;
  (void) parameter;
  limn_window_finish_from_here (LIMN_WINDOW (widget));
}

static void
pause_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);

  (void) parameter;
  if (g_str_equal (name, "win.continue-interrupted"))
    limn_window_continue_interrupted (self);
  else
    limn_window_toggle_pause (self);
}

/* The ways out of what went wrong. */
static void
trouble_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);

  (void) parameter;
  if (g_str_equal (name, "win.details"))
    limn_window_show_details (self);
  else if (g_str_equal (name, "win.use-smaller"))
    limn_window_use_smaller (self);
  else
    limn_window_move_to_processor (self);
}

static void
stop_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);
  gboolean busy = limn_window_is_busy (self);

  (void) name;
  (void) parameter;
  if (self->run)
    limn_run_stop (self->run);
  if (limn_window_is_comparing (self) && !busy)
    limn_window_leave_compare (self);
  else
    limn_compare_view_stop (self->comparison);
}

static void
compare_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);

  (void) parameter;
  if (g_str_equal (name, "win.leave-compare"))
    limn_window_leave_compare (self);
  else if (g_str_equal (name, "win.keep-chosen"))
    limn_window_keep_chosen (self);
  else if (g_str_equal (name, "win.compare-methods"))
    limn_window_compare (self, LIMN_AXIS_METHOD);
  else if (g_str_equal (name, "win.compare-checkpoints"))
    limn_window_compare (self, LIMN_AXIS_CHECKPOINT);
  else if (gtk_widget_get_mapped (GTK_WIDGET (self->history_view)))
    limn_window_compare_selected (self);
  else if (limn_window_is_comparing (self))
    limn_window_leave_compare (self);
  else
    limn_window_compare (self, limn_compare_view_get_axis (self->comparison));
}

/* ---- settings ---- */

static void
seed_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  (void) name;
  (void) parameter;
  limn_settings_roll_seed (LIMN_WINDOW (widget)->settings);
}

static void
random_class_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);
  const struct fit_model_info *info = limn_session_get_info (self->session);

  (void) name;
  (void) parameter;
  if (info)
    limn_settings_set_class_id (self->settings, g_random_int_range (0, info->n_classes));
}

static void
swap_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnSettings *settings = LIMN_WINDOW (widget)->settings;
  int width = limn_settings_get_width (settings), height = limn_settings_get_height (settings);

  (void) name;
  (void) parameter;
  limn_settings_set_size (settings, height, width);
  limn_settings_keep_present_ratio (settings);
}

static void
keep_ratio_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnSettings *settings = LIMN_WINDOW (widget)->settings;
  gboolean kept = limn_settings_get_keep (settings) == LIMN_KEEP_RATIO;

  (void) name;
  (void) parameter;
  g_object_set (settings, "keep", kept ? LIMN_KEEP_NOTHING : LIMN_KEEP_RATIO, NULL);
}

/* Somebody who edits text means the text, but for pictures thrown away where the search for them
 * is. */
static void
undo_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (self));
  gboolean back = g_str_equal (name, "win.undo");

  (void) parameter;
  if (back && gtk_widget_get_mapped (GTK_WIDGET (self->history_view)) &&
      limn_window_undo_discard (self))
    return;
  if (focus && GTK_IS_TEXT (focus) &&
      gtk_widget_activate_action (focus, back ? "text.undo" : "text.redo", NULL))
    return;
  if (back && limn_window_undo_discard (self))
    return;
  if (back)
    limn_undo_back (self->undo);
  else
    limn_undo_forth (self->undo);
}

static void
search_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);

  (void) name;
  (void) parameter;
  /* In the panel of earlier pictures it is these. */
  if (gtk_widget_get_mapped (GTK_WIDGET (self->history_view)))
    {
      limn_history_view_start_search (self->history_view);
      return;
    }
  adw_flap_set_reveal_flap (self->flap, TRUE);
  limn_class_picker_start_search (self->classes);
}

static void
favourite_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);

  (void) name;
  (void) parameter;
  if (gtk_widget_get_mapped (GTK_WIDGET (self->history_view)))
    limn_history_view_toggle_star (self->history_view);
  else
    limn_class_picker_toggle_favourite (self->classes);
}

/* ---- viewer ---- */

static void
zoom_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnCanvas *canvas = LIMN_WINDOW (widget)->canvas;

  (void) parameter;
  if (g_str_equal (name, "win.zoom-in"))
    limn_canvas_zoom_step (canvas, 1);
  else if (g_str_equal (name, "win.zoom-out"))
    limn_canvas_zoom_step (canvas, -1);
  else if (g_str_equal (name, "win.zoom-100"))
    limn_canvas_zoom_to (canvas, 1);
  else if (g_str_equal (name, "win.zoom-200"))
    limn_canvas_zoom_to (canvas, 2);
  else
    limn_canvas_zoom_fit (canvas);
}

static void
view_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnStepScrubber *scrubber = LIMN_WINDOW (widget)->scrubber;

  (void) parameter;
  if (g_str_equal (name, "win.view-state"))
    limn_step_scrubber_set_view (scrubber, FIT_VIEW_STATE);
  else if (g_str_equal (name, "win.view-velocity"))
    limn_step_scrubber_set_view (scrubber, FIT_VIEW_VELOCITY);
  else
    limn_step_scrubber_set_view (scrubber, FIT_VIEW_PREDICTION);
}

static void
play_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  (void) name;
  (void) parameter;
  limn_step_scrubber_toggle_play (LIMN_WINDOW (widget)->scrubber);
}

static void
speed_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  (void) parameter;
  limn_step_scrubber_change_speed (LIMN_WINDOW (widget)->scrubber,
                                   g_str_equal (name, "win.faster") ? 1 : -1);
}

static void
loop_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  (void) name;
  (void) parameter;
  limn_step_scrubber_toggle_loop (LIMN_WINDOW (widget)->scrubber);
}

static void
end_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);
  int step = g_str_equal (name, "win.first-step") ? 0 : LIMN_RUN_LIVE;

  (void) parameter;
  if (self->run)
    limn_run_show (self->run, step, limn_run_get_view (self->run));
}

static void
fullscreen_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  GtkWindow *window = GTK_WINDOW (widget);

  (void) name;
  (void) parameter;
  if (gtk_window_is_fullscreen (window))
    gtk_window_unfullscreen (window);
  else
    gtk_window_fullscreen (window);
}

static void
sidebar_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  AdwFlap *flap = LIMN_WINDOW (widget)->flap;

  (void) name;
  (void) parameter;
  adw_flap_set_reveal_flap (flap, !adw_flap_get_reveal_flap (flap));
}

/* ---- files ---- */

static void
file_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);

  (void) parameter;
  if (g_str_equal (name, "win.save"))
    limn_window_save (self);
  else if (g_str_equal (name, "win.open"))
    limn_window_choose_picture (self);
  else if (g_str_equal (name, "win.open-model"))
    limn_window_choose_model (self);
  else if (g_str_equal (name, "win.verify"))
    limn_window_choose_to_verify (self);
  else if (g_str_equal (name, "win.history"))
    limn_window_toggle_history (self);
  else if (g_str_equal (name, "win.copy-command"))
    limn_window_copy_command (self);
  else if (g_str_equal (name, "win.export-sheet"))
    limn_window_export_sheet (self);
  else
    limn_window_show_saved (self);
}

static void
copy_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (self));

  (void) name;
  (void) parameter;
  /* Somebody who edits text means the text. */
  if (focus && GTK_IS_TEXT (focus))
    gtk_widget_activate_action (focus, "clipboard.copy", NULL);
  else
    limn_window_copy_picture (self);
}

static void
paste_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LimnWindow *self = LIMN_WINDOW (widget);
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (self));

  (void) name;
  (void) parameter;
  if (focus && GTK_IS_TEXT (focus))
    gtk_widget_activate_action (focus, "clipboard.paste", NULL);
  else
    limn_window_paste (self);
}

void
limn_window_refresh_actions (LimnWindow *self)
{
  GtkWidget *widget = GTK_WIDGET (self);
  gboolean ready = limn_session_get_info (self->session) != NULL && !self->moving;
  gboolean busy = limn_window_is_busy (self);
  struct fit_frame *frame = self->run ? limn_run_dup_frame (self->run) : NULL;

  gtk_widget_action_set_enabled (widget, "win.generate", ready && !busy);
  gtk_widget_action_set_enabled (widget, "win.stop", busy || limn_window_is_comparing (self));
  gtk_widget_action_set_enabled (widget, "win.pause",
                                 (self->run && limn_run_is_active (self->run)) ||
                                     limn_window_can_continue (self));
  gtk_widget_action_set_enabled (widget, "win.continue-interrupted", ready && !busy);
  gtk_widget_action_set_enabled (widget, "win.use-smaller", ready && !busy);
  gtk_widget_action_set_enabled (widget, "win.move-to-processor", ready && !busy);
  gtk_widget_action_set_enabled (widget, "win.verify", ready && !busy);
  gtk_widget_action_set_enabled (widget, "win.compare", ready || limn_window_is_comparing (self));
  gtk_widget_action_set_enabled (widget, "win.compare-methods", ready);
  gtk_widget_action_set_enabled (widget, "win.compare-checkpoints",
                                 ready && limn_compare_view_has_checkpoints (self->comparison));
  gtk_widget_action_set_enabled (widget, "win.export-sheet",
                                 !limn_compare_view_is_of_kept (self->comparison));
  gtk_widget_action_set_enabled (widget, "win.save", frame || (!self->run && self->chosen));
  gtk_widget_action_set_enabled (widget, "win.random-class", ready);
  gtk_widget_action_set_enabled (widget, "win.favourite", ready);
  gtk_widget_action_set_enabled (widget, "win.finish-from-here", can_go_on (self));
  /* No command says how a branch came about. */
  gtk_widget_action_set_enabled (widget, "win.copy-command",
                                 ready && !(self->run ? limn_run_is_branch (self->run)
                                                      : self->chosen_is_branch));
  gtk_widget_action_set_enabled (widget, "win.undo",
                                 limn_undo_can_undo (self->undo) || self->discarding);
  gtk_widget_action_set_enabled (widget, "win.redo", limn_undo_can_redo (self->undo));
  fit_frame_unref (&frame);
}

/* Out of the whole screen, when nothing nearer takes the key. */
static gboolean
leave_fullscreen_cb (GtkWindow *window, guint keyval)
{
  if (keyval != GDK_KEY_Escape || !gtk_window_is_fullscreen (window))
    return GDK_EVENT_PROPAGATE;
  gtk_window_unfullscreen (window);
  return GDK_EVENT_STOP;
}

/* Letters act only while the viewer has the focus, never while somebody types. */
void
limn_window_add_keys (LimnWindow *self)
{
  static const struct
  {
    guint key;
    const char *action;
  } keys[] = {
    { GDK_KEY_p, "win.view-prediction" }, { GDK_KEY_s, "win.view-state" },
    { GDK_KEY_v, "win.view-velocity" },   { GDK_KEY_space, "win.play" },
    { GDK_KEY_Home, "win.first-step" },   { GDK_KEY_End, "win.last-step" },
    { GDK_KEY_comma, "win.slower" },      { GDK_KEY_period, "win.faster" },
    { GDK_KEY_l, "win.loop" },
    { GDK_KEY_x, "win.swap" },            { GDK_KEY_r, "win.keep-ratio" },
  };
  GtkEventController *controller = gtk_shortcut_controller_new ();
  GtkEventController *escape = gtk_event_controller_key_new ();

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    gtk_shortcut_controller_add_shortcut (
        GTK_SHORTCUT_CONTROLLER (controller),
        gtk_shortcut_new (gtk_keyval_trigger_new (keys[i].key, 0),
                          gtk_named_action_new (keys[i].action)));
  gtk_widget_add_controller (self->viewer, controller);
  g_signal_connect_swapped (escape, "key-pressed", G_CALLBACK (leave_fullscreen_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self), escape);
}

void
limn_window_class_install_actions (GtkWidgetClass *klass)
{
  static const struct
  {
    const char *name;
    GtkWidgetActionActivateFunc activate;
  } actions[] = {
    { "win.generate", generate_action },
    { "win.stop", stop_action },
    { "win.pause", pause_action },
    { "win.continue-interrupted", pause_action },
    { "win.details", trouble_action },
    { "win.use-smaller", trouble_action },
    { "win.move-to-processor", trouble_action },
    { "win.finish-from-here", finish_action },
    { "win.random-seed", seed_action },
    { "win.random-class", random_class_action },
    { "win.swap", swap_action },
    { "win.keep-ratio", keep_ratio_action },
    { "win.search", search_action },
    { "win.favourite", favourite_action },
    { "win.zoom-in", zoom_action },
    { "win.zoom-out", zoom_action },
    { "win.zoom-fit", zoom_action },
    { "win.zoom-100", zoom_action },
    { "win.zoom-200", zoom_action },
    { "win.view-prediction", view_action },
    { "win.view-state", view_action },
    { "win.view-velocity", view_action },
    { "win.play", play_action },
    { "win.slower", speed_action },
    { "win.faster", speed_action },
    { "win.loop", loop_action },
    { "win.first-step", end_action },
    { "win.last-step", end_action },
    { "win.fullscreen", fullscreen_action },
    { "win.sidebar", sidebar_action },
    { "win.save", file_action },
    { "win.open", file_action },
    { "win.open-model", file_action },
    { "win.show-in-files", file_action },
    { "win.history", file_action },
    { "win.verify", file_action },
    { "win.copy-command", file_action },
    { "win.export-sheet", file_action },
    { "win.compare", compare_action },
    { "win.compare-methods", compare_action },
    { "win.compare-checkpoints", compare_action },
    { "win.leave-compare", compare_action },
    { "win.keep-chosen", compare_action },
    { "win.undo", undo_action },
    { "win.redo", undo_action },
    { "win.copy", copy_action },
    { "win.paste", paste_action },
  };

  for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
    gtk_widget_class_install_action (klass, actions[i].name, NULL, actions[i].activate);
}
