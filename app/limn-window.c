/* SPDX-License-Identifier: Apache-2.0 */
/* How the window looks in each state of the session and of the run. */
#include "limn-window-private.h"

#include <glib/gi18n.h>
#include <math.h>

#define SPINNER_MS 1000 /* a shorter wait needs no spinner */

G_DEFINE_FINAL_TYPE (LimnWindow, limn_window, ADW_TYPE_APPLICATION_WINDOW)

/* ---- words ---- */

/* "0:04", as players write it. */
char *
limn_window_dup_clock (double seconds)
{
  int whole = (int) ceil (fmax (seconds, 0));

  return g_strdup_printf ("%d:%02d", whole / 60, whole % 60);
}

static char *
dup_step (LimnRun *run)
{
  int step = limn_run_get_step (run), n_steps = limn_run_get_n_steps (run);
  double remaining = limn_run_get_remaining (run);
  g_autofree char *clock = limn_window_dup_clock (remaining);

  if (step >= n_steps)
    return g_strdup (_ ("Almost done…"));
  if (remaining < 0)
    return g_strdup_printf (_ ("Step %d of %d"), step, n_steps);
  /* Translators: steps done, all steps, time such as 0:04 */
  return g_strdup_printf (_ ("Step %d of %d · %s left"), step, n_steps, clock);
}

static gboolean
settings_differ (LimnWindow *self)
{
  struct fit_canvas canvas;

  return limn_session_describe (self->session, limn_settings_get_width (self->settings),
                                limn_settings_get_height (self->settings), FIT_METHOD_AUTO,
                                &canvas) &&
         !limn_settings_match (self->settings, limn_run_get_params (self->run), canvas.method);
}

static char *
dup_running (LimnWindow *self)
{
  g_autofree char *step = dup_step (self->run);

  if (!settings_differ (self))
    return g_steal_pointer (&step);
  /* Translators: after "Step 3 of 20"; settings were changed during the run */
  return g_strdup_printf (_ ("%s · changes are for the next picture"), step);
}

static char *
dup_changed (LimnWindow *self)
{
  double forecast = limn_session_forecast (self->session, self->settings);

  if (forecast <= 0)
    return g_strdup (_ ("Settings changed"));
  /* Translators: how long the next picture will take, in seconds */
  return g_strdup_printf (_ ("Settings changed · about %.1f s"), forecast);
}

static char *
dup_status (LimnWindow *self)
{
  double elapsed;

  if (self->moving)
    return g_strdup (_ ("Moving to the processor…"));
  if (!self->run)
    return g_strdup ("");
  switch (limn_run_get_state (self->run))
    {
    case FIT_JOB_WAITING:
      return g_strdup (_ ("Starting…"));
    case FIT_JOB_RUNNING:
      return dup_running (self);
    case FIT_JOB_PAUSED:
      return g_strdup_printf (_ ("Paused at step %d of %d"), limn_run_get_step (self->run),
                              limn_run_get_n_steps (self->run));
    case FIT_JOB_FAILED:
      return g_strdup_printf (_ ("Failed at step %d of %d"), limn_run_get_step (self->run),
                              limn_run_get_n_steps (self->run));
    case FIT_JOB_CANCELLED:
      return g_strdup_printf (_ ("Stopped at step %d of %d"), limn_run_get_step (self->run),
                              limn_run_get_n_steps (self->run));
    case FIT_JOB_DONE:
    default:
      break;
    }
  if (settings_differ (self))
    return dup_changed (self);
  elapsed = limn_run_get_elapsed (self->run);
  /* Translators: a time in seconds */
  return g_strdup_printf (elapsed < 1 ? _ ("Done in %.2f s") : _ ("Done in %.1f s"), elapsed);
}

/* ---- refreshing ---- */

static void
refresh_title (LimnWindow *self)
{
  int class_id = limn_settings_get_class_id (self->settings);
  const char *name = limn_session_get_class_name (self->session, class_id);
  g_autofree char *size
      = g_strdup_printf ("%d × %d", limn_settings_get_width (self->settings),
                         limn_settings_get_height (self->settings));
  gboolean ready = limn_session_get_info (self->session) != NULL;

  adw_window_title_set_title (self->title, *name ? name : _ ("Limn"));
  adw_window_title_set_subtitle (self->title, ready ? size : "");
}

/* What a button of the header does at this moment. */
typedef struct
{
  const char *action, *icon, *label, *name, *tooltip;
} Deed;

static Deed
main_deed (LimnWindow *self)
{
  if (limn_window_is_paused (self))
    return (Deed){ "win.pause", "media-playback-start-symbolic", _ ("_Resume"), _ ("Resume"),
                   _ ("Go on painting (Ctrl+Space)") };
  if (limn_window_is_busy (self))
    return (Deed){ "win.stop", "media-playback-stop-symbolic", _ ("_Stop"), _ ("Stop"),
                   _ ("Stop and keep what is painted (Esc)") };
  return (Deed){ "win.generate", "media-playback-start-symbolic", _ ("_Generate"), _ ("Generate"),
                 limn_session_get_info (self->session)
                     ? _ ("Paint a picture (Ctrl+Enter)")
                     : _ ("There is no model to paint with yet") };
}

static Deed
second_deed (LimnWindow *self)
{
  if (limn_window_is_paused (self))
    return (Deed){ "win.stop", "media-playback-stop-symbolic", NULL, _ ("Stop"),
                   _ ("Stop and keep what is painted (Esc)") };
  return (Deed){ "win.pause", "media-playback-pause-symbolic", NULL, _ ("Pause"),
                 _ ("Pause (Ctrl+Space)") };
}

static void
set_deed (GtkButton *button, const Deed *deed)
{
  gtk_actionable_set_action_name (GTK_ACTIONABLE (button), deed->action);
  gtk_widget_set_tooltip_text (GTK_WIDGET (button), deed->tooltip);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  deed->name, GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, deed->tooltip,
                                  -1);
}

static void
refresh_generate (LimnWindow *self)
{
  Deed deed = main_deed (self), second = second_deed (self);

  adw_button_content_set_label (self->generate_content, deed.label);
  adw_button_content_set_icon_name (self->generate_content, deed.icon);
  set_deed (self->generate, &deed);
  if (g_str_equal (deed.action, "win.stop"))
    gtk_widget_remove_css_class (GTK_WIDGET (self->generate), "suggested-action");
  else
    gtk_widget_add_css_class (GTK_WIDGET (self->generate), "suggested-action");
  gtk_button_set_icon_name (self->pause, second.icon);
  set_deed (self->pause, &second);
  gtk_widget_set_visible (GTK_WIDGET (self->pause), self->run && limn_run_is_active (self->run));
  gtk_widget_set_visible (GTK_WIDGET (self->go_on), limn_window_can_continue (self));
}

void
limn_window_refresh_progress (LimnWindow *self)
{
  gboolean busy = limn_window_is_busy (self);
  g_autofree char *status = dup_status (self);

  gtk_label_set_text (self->status, status);
  gtk_widget_set_opacity (GTK_WIDGET (self->progress), busy ? 1 : 0);
  if (busy && self->run)
    gtk_progress_bar_set_fraction (self->progress, (double) limn_run_get_step (self->run) /
                                                       limn_run_get_n_steps (self->run));
}

static void
refresh_zoom (LimnWindow *self)
{
  g_autofree char *percent
      = g_strdup_printf (_ ("%.0f %%"), 100 * limn_canvas_get_zoom (self->canvas));

  gtk_menu_button_set_label (self->zoom,
                             limn_canvas_is_fitted (self->canvas) ? _ ("Fit") : percent);
}

void
limn_window_refresh_page (LimnWindow *self)
{
  LimnSessionState state = limn_session_get_state (self->session);
  const char *message = limn_session_get_message (self->session);
  g_autofree char *escaped = g_markup_escape_text (message, -1);
  g_autofree char *description = NULL;

  /* Earlier pictures need no model. */
  if (limn_session_get_info (self->session) || limn_compare_view_is_of_kept (self->comparison))
    {
      gtk_stack_set_visible_child_name (self->pages,
                                        limn_window_is_comparing (self) ? "compare" : "viewer");
      if (state == LIMN_SESSION_READY && *message)
        limn_window_show_refused_model (self, message);
      return;
    }
  if (state == LIMN_SESSION_LOADING)
    {
      gtk_stack_set_visible_child_name (self->pages, "loading");
      return;
    }
  /* Translators: under the reason why a model could not be loaded */
  description = g_strdup_printf (
      "%s%s%s", escaped, *escaped ? "\n\n" : "",
      _ ("A model is a folder with “model.json”, “transformer.safetensors”, "
         "“autoencoder.safetensors” and “classes.txt”. Choose one, or drop it here."));
  adw_status_page_set_title (self->no_model, *message ? _ ("The Model Cannot Be Opened")
                                                      : _ ("Add a FiT Model"));
  adw_status_page_set_description (self->no_model, description);
  gtk_stack_set_visible_child_name (self->pages, "no-model");
}

void
limn_window_refresh (LimnWindow *self)
{
  refresh_title (self);
  refresh_generate (self);
  limn_window_refresh_progress (self);
  refresh_zoom (self);
  limn_window_refresh_actions (self);
}

/* ---- the session ---- */

static gboolean
show_spinner_cb (gpointer data)
{
  LimnWindow *self = data;

  self->loading_source = 0;
  gtk_spinner_start (self->spinner);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), TRUE);
  return G_SOURCE_REMOVE;
}

/* What the window opens for is to be had with one key, unless somebody types already. */
static void
focus_generate (LimnWindow *self)
{
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (self));

  if (!self->focus_given && !(focus && GTK_IS_TEXT (focus)))
    gtk_widget_grab_focus (GTK_WIDGET (self->generate));
  self->focus_given = TRUE;
}

static void
session_state_cb (LimnWindow *self)
{
  LimnSessionState state = limn_session_get_state (self->session);
  const struct fit_model_info *info = limn_session_get_info (self->session);

  g_clear_handle_id (&self->loading_source, g_source_remove);
  gtk_spinner_stop (self->spinner);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), FALSE);
  if (state == LIMN_SESSION_LOADING)
    self->loading_source = g_timeout_add (SPINNER_MS, show_spinner_cb, self);
  /* After a load that failed the old model is still there, and so are its settings. */
  if (state == LIMN_SESSION_READY && !limn_window_arrive_on_processor (self) &&
      !*limn_session_get_message (self->session))
    {
      limn_settings_restore (self->settings, self->memory, info);
      if (!limn_session_has_solver (self->session, limn_settings_get_solver (self->settings)))
        g_object_set (self->settings, "solver", (int) info->default_solver, NULL);
      limn_undo_forget (self->undo);
      if (!limn_compare_view_is_of_kept (self->comparison))
        limn_compare_view_clear (self->comparison);
      limn_window_show_notice (self);
      limn_window_look_for_interrupted (self);
      limn_window_open_waiting (self);
    }
  limn_window_refresh_page (self);
  limn_window_refresh (self);
  limn_window_put_off_rest (self);
  if (info)
    focus_generate (self);
}

/* ---- the window itself ---- */

/* A narrow window has no room for gauge and status side by side. */
static void
folded_cb (LimnWindow *self)
{
  gboolean folded = adw_flap_get_folded (self->flap);

  gtk_orientable_set_orientation (GTK_ORIENTABLE (self->status_bar),
                                  folded ? GTK_ORIENTATION_VERTICAL : GTK_ORIENTATION_HORIZONTAL);
  gtk_label_set_xalign (self->status, folded ? 0 : 1);
  limn_window_lay_out_trouble (self);
}

static void
restore_window (LimnWindow *self)
{
  gtk_window_set_default_size (GTK_WINDOW (self),
                               g_settings_get_int (self->memory, "window-width"),
                               g_settings_get_int (self->memory, "window-height"));
  if (g_settings_get_boolean (self->memory, "window-maximized"))
    gtk_window_maximize (GTK_WINDOW (self));
  adw_flap_set_reveal_flap (self->flap, g_settings_get_boolean (self->memory, "sidebar-visible"));
}

static gboolean
limn_window_close_request (GtkWindow *window)
{
  LimnWindow *self = LIMN_WINDOW (window);
  int width, height;

  gtk_window_get_default_size (window, &width, &height);
  g_settings_set_int (self->memory, "window-width", CLAMP (width, 360, 16384));
  g_settings_set_int (self->memory, "window-height", CLAMP (height, 294, 16384));
  g_settings_set_boolean (self->memory, "window-maximized", gtk_window_is_maximized (window));
  if (!adw_flap_get_folded (self->flap))
    g_settings_set_boolean (self->memory, "sidebar-visible",
                            adw_flap_get_reveal_flap (self->flap));
  if (limn_session_get_info (self->session))
    limn_settings_store (self->settings, self->memory);
  if (self->run)
    limn_run_stop (self->run);
  limn_compare_view_stop (self->comparison);
  limn_window_set_inhibited (self, FALSE);
  return GTK_WINDOW_CLASS (limn_window_parent_class)->close_request (window);
}

static void
limn_window_dispose (GObject *object)
{
  LimnWindow *self = LIMN_WINDOW (object);

  g_clear_handle_id (&self->loading_source, g_source_remove);
  g_clear_handle_id (&self->rest_source, g_source_remove);
  limn_window_let_go_of_run (self);
  g_clear_object (&self->chosen);
  g_clear_object (&self->to_open);
  g_clear_object (&self->left);
  g_clear_object (&self->branch_from);
  g_clear_error (&self->failure);
  g_clear_weak_pointer (&self->discarding);
  g_clear_object (&self->saved);
  g_clear_object (&self->session);
  g_clear_object (&self->undo);
  g_clear_object (&self->history);
  g_clear_object (&self->live);
  if (self->import)
    limn_import_cancel (self->import);
  g_clear_object (&self->import);
  g_clear_object (&self->settings);
  g_clear_object (&self->memory);
  G_OBJECT_CLASS (limn_window_parent_class)->dispose (object);
}

#define BIND(child) gtk_widget_class_bind_template_child (widget_class, LimnWindow, child)

static void
limn_window_class_init (LimnWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = limn_window_close_request;

  g_type_ensure (LIMN_TYPE_CANVAS);
  g_type_ensure (LIMN_TYPE_COMPARE_VIEW);
  g_type_ensure (LIMN_TYPE_HISTORY_VIEW);
  g_type_ensure (LIMN_TYPE_CLASS_PICKER);
  g_type_ensure (LIMN_TYPE_QUALITY_PANEL);
  g_type_ensure (LIMN_TYPE_SHAPE_PANEL);
  g_type_ensure (LIMN_TYPE_STEP_SCRUBBER);
  g_type_ensure (LIMN_TYPE_TOKEN_GAUGE);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-window.ui");
  BIND (title);
  BIND (generate);
  BIND (generate_content);
  BIND (pause);
  BIND (go_on);
  BIND (progress);
  BIND (flap);
  BIND (content);
  BIND (toasts);
  BIND (pages);
  BIND (spinner);
  BIND (no_model);
  BIND (interrupted);
  BIND (interrupted_text);
  BIND (import_bar);
  BIND (import_text);
  BIND (import_progress);
  BIND (import_close);
  BIND (trouble);
  BIND (trouble_text);
  BIND (trouble_retry);
  BIND (trouble_elsewhere);
  BIND (trouble_smaller);
  BIND (trouble_processor);
  BIND (trouble_model);
  BIND (trouble_details);
  BIND (trouble_box);
  BIND (trouble_buttons);
  BIND (classes);
  BIND (shape);
  BIND (quality);
  BIND (viewer);
  BIND (canvas);
  BIND (gauge);
  BIND (status);
  BIND (status_bar);
  BIND (zoom);
  BIND (scrubber_revealer);
  BIND (scrubber);
  BIND (comparison);
  BIND (history_button);
  BIND (history_view);
  gtk_widget_class_bind_template_callback (widget_class, limn_window_hide_trouble);
  gtk_widget_class_bind_template_callback (widget_class, limn_window_close_import);
  gtk_widget_class_bind_template_callback (widget_class, limn_window_hide_interrupted);
  limn_window_class_install_actions (widget_class);
}

static void
limn_window_init (LimnWindow *self)
{
  g_autoptr (GAction) live = NULL;

  gtk_widget_init_template (GTK_WIDGET (self));
  self->settings = limn_settings_new ();
  self->undo = limn_undo_new (self->settings);
  self->memory = g_settings_new ("io.github.limn.Limn");
  g_signal_connect_object (self->flap, "notify::folded", G_CALLBACK (folded_cb), self,
                           G_CONNECT_SWAPPED);
  limn_window_add_keys (self);
  limn_window_reach_into_popovers (self);
  limn_window_add_drop_target (self);
  limn_window_set_up_history (self);
  live = g_settings_create_action (self->memory, "live");
  g_action_map_add_action (G_ACTION_MAP (self), live);
  restore_window (self);
}

void
limn_window_tell (LimnWindow *self, const char *sentence)
{
  g_return_if_fail (LIMN_IS_WINDOW (self));

  limn_window_show_trouble (self, sentence, FALSE);
}

LimnWindow *
limn_window_new (GtkApplication *application, LimnSession *session)
{
  LimnWindow *self = g_object_new (LIMN_TYPE_WINDOW, "application", application, NULL);

  self->session = g_object_ref (session);
  limn_class_picker_set_session (self->classes, session, self->settings, self->memory);
  limn_shape_panel_set_session (self->shape, session, self->settings);
  limn_quality_panel_set_session (self->quality, session, self->settings);
  limn_token_gauge_set_session (self->gauge, session, self->settings);
  limn_canvas_set_session (self->canvas, session, self->settings);
  limn_compare_view_set_session (self->comparison, session, self->settings);
  g_signal_connect_object (self->comparison, "activity", G_CALLBACK (limn_window_refresh_activity), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::state", G_CALLBACK (session_state_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->settings, "notify", G_CALLBACK (limn_window_refresh), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->undo, "notify", G_CALLBACK (limn_window_refresh_actions), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->canvas, "notify::zoom", G_CALLBACK (refresh_zoom), self,
                           G_CONNECT_SWAPPED);
  limn_window_set_up_live (self);
  session_state_cb (self);
  return self;
}
