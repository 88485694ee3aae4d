/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-compare-view-private.h"

#include <glib/gi18n.h>

#include "limn-compare-sheet.h"
#include "limn-labels.h"

#define FIRST_COLUMNS 2 /* until the room is known; a narrow window holds them */
#define BLINK_MS 500 /* twice a second, which nobody's eyes mind */

G_DEFINE_FINAL_TYPE (LimnCompareView, limn_compare_view, GTK_TYPE_WIDGET)

/* ---- looking again ---- */

static gboolean
refresh_cb (gpointer data)
{
  LimnCompareView *self = data;

  self->refresh_source = 0;
  limn_compare_view_draw (self);
  return G_SOURCE_REMOVE;
}

/* Several runs tell of themselves at once; the panes are looked over once for all of them. */
void
limn_compare_view_refresh (LimnCompareView *self)
{
  if (!self->refresh_source)
    self->refresh_source = g_idle_add (refresh_cb, self);
}

static guint activity_signal;

void
limn_compare_view_tell_activity (LimnCompareView *self)
{
  limn_compare_view_refresh (self);
  g_signal_emit (self, activity_signal, 0);
}

static gboolean
blink_cb (gpointer data)
{
  LimnCompareView *self = data;

  self->blinked = !self->blinked;
  limn_compare_view_refresh (self);
  return G_SOURCE_CONTINUE;
}

/* ---- what people do ---- */

void
limn_compare_view_set_mode (LimnCompareView *self, LimnCompareMode mode)
{
  GtkWidget *buttons[] = { self->side, self->split, self->blink, self->difference };
  gboolean single = mode == LIMN_COMPARE_SPLIT || mode == LIMN_COMPARE_BLINK;

  self->mode = mode;
  self->blinked = FALSE;
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (buttons[mode]), TRUE);
  gtk_stack_set_visible_child_name (GTK_STACK (self->stack), single ? "single" : "grid");
  gtk_widget_set_visible (self->gain, mode == LIMN_COMPARE_DIFFERENCE);
  limn_compare_view_refresh_tools (self);
  g_clear_handle_id (&self->blink_source, g_source_remove);
  if (mode == LIMN_COMPARE_BLINK)
    self->blink_source = g_timeout_add (BLINK_MS, blink_cb, self);
  limn_compare_view_refresh (self);
}

static void
mode_toggled_cb (LimnCompareView *self)
{
  GtkWidget *buttons[] = { self->side, self->split, self->blink, self->difference };

  for (int mode = 0; mode < (int) G_N_ELEMENTS (buttons); mode++)
    if (gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (buttons[mode])) &&
        mode != (int) self->mode)
      limn_compare_view_set_mode (self, (LimnCompareMode) mode);
}

static void
gain_changed_cb (LimnCompareView *self)
{
  limn_compare_view_refresh (self);
}

void
limn_compare_view_choose (LimnCompareView *self, int pane)
{
  if (pane < 0 || pane >= self->n)
    return;
  self->chosen = pane;
  limn_compare_view_refresh (self);
}

void
limn_compare_view_set_reference (LimnCompareView *self, int pane)
{
  if (pane < 0 || pane >= self->n)
    return;
  self->reference = pane;
  limn_compare_view_refresh (self);
}

void
limn_compare_view_set_t (LimnCompareView *self, double t)
{
  gtk_range_set_value (GTK_RANGE (self->time), t);
}

static void
time_changed_cb (LimnCompareView *self)
{
  double t = gtk_range_get_value (GTK_RANGE (self->time));

  for (int i = 0; i < self->n; i++)
    {
      LimnRun *run = self->variants[i].run;

      if (run)
        limn_run_show (run,
                       t >= 1 ? LIMN_RUN_LIVE
                              : limn_step_at (t, limn_run_get_n_steps (run),
                                              limn_run_get_step (run)),
                       limn_run_get_view (run));
    }
  limn_compare_view_refresh (self);
}

static void
axis_selected_cb (LimnCompareView *self)
{
  guint selected = gtk_drop_down_get_selected (GTK_DROP_DOWN (self->axis));

  if (!self->listing && selected < LIMN_N_AXES)
    limn_compare_view_start (self, (LimnAxis) selected);
}

static void
pane_chosen_cb (LimnCompareView *self, GtkWidget *pane)
{
  for (int i = 0; i < self->n; i++)
    if (self->variants[i].pane == pane)
      limn_compare_view_choose (self, i);
}

static void
lens_changed_cb (LimnCompareView *self)
{
  gtk_widget_queue_draw (self->big);
  for (int i = 0; i < self->n; i++)
    gtk_widget_queue_draw (self->variants[i].pane);
}

/* The same key again leads back to all of them. */
static gboolean
mode_key (LimnCompareView *self, guint keyval)
{
  LimnCompareMode mode;

  switch (keyval)
    {
    case GDK_KEY_bar:
      mode = LIMN_COMPARE_SPLIT;
      break;
    case GDK_KEY_b:
      mode = LIMN_COMPARE_BLINK;
      break;
    case GDK_KEY_d:
      mode = LIMN_COMPARE_DIFFERENCE;
      break;
    default:
      return GDK_EVENT_PROPAGATE;
    }
  limn_compare_view_set_mode (self, self->mode == mode ? LIMN_COMPARE_SIDE : mode);
  return GDK_EVENT_STOP;
}

/* 1 to 6 choose a picture, with Shift the reference. A digit is where it stands, not what it types
 * there. Who types the gain means a number. */
static gboolean
key_cb (LimnCompareView *self, guint keyval, guint keycode, GdkModifierType state)
{
  GtkWidget *focus = gtk_root_get_focus (gtk_widget_get_root (GTK_WIDGET (self)));
  static const guint digits[] = { GDK_KEY_1, GDK_KEY_2, GDK_KEY_3, GDK_KEY_4, GDK_KEY_5, GDK_KEY_6 };
  guint plain = 0;

  if (GTK_IS_TEXT (focus) || state & (GDK_CONTROL_MASK | GDK_ALT_MASK))
    return GDK_EVENT_PROPAGATE;
  gdk_display_translate_key (gtk_widget_get_display (GTK_WIDGET (self)), keycode, 0, 0, &plain,
                             NULL, NULL, NULL);
  for (int i = 0; i < (int) G_N_ELEMENTS (digits); i++)
    if (plain == digits[i])
      {
        if (state & GDK_SHIFT_MASK)
          limn_compare_view_set_reference (self, i);
        else
          limn_compare_view_choose (self, i);
        return GDK_EVENT_STOP;
      }
  return mode_key (self, keyval);
}

/* ---- runs ---- */

char *
limn_compare_view_dup_setting (LimnAxis axis, const struct fit_generate_params *p)
{
  char seed[24]; /* translations know no macros */

  switch (axis)
    {
    case LIMN_AXIS_SEED:
      g_snprintf (seed, sizeof seed, "%" G_GUINT64_FORMAT, p->seed);
      return g_strdup_printf (_ ("Seed %s"), seed);
    case LIMN_AXIS_STEPS:
      return g_strdup_printf (ngettext ("%d step", "%d steps", (gulong) p->steps), p->steps);
    case LIMN_AXIS_GUIDANCE:
      return g_strdup_printf (_ ("Guidance %g"), p->guidance);
    case LIMN_AXIS_SOLVER:
      return g_strdup (limn_solver_label (p->solver));
    case LIMN_AXIS_CHECKPOINT: /* with the model */
      return g_strdup ("");
    case LIMN_AXIS_METHOD:
    default:
      return g_strdup (limn_method_label (p->method));
    }
}

void
limn_compare_view_stop (LimnCompareView *self)
{
  for (int i = 0; i < self->n; i++)
    {
      LimnVariant *v = &self->variants[i];

      if (v->run)
        limn_run_stop (v->run);
      if (v->opening)
        {
          limn_compare_view_end (self, i);
          v->trouble = g_strdup (_ ("Stopped before the model was there."));
          limn_compare_view_tell_activity (self);
        }
    }
}

void
limn_compare_view_end (LimnCompareView *self, int i)
{
  LimnVariant *v = &self->variants[i];

  if (v->opening)
    g_cancellable_cancel (v->opening);
  g_clear_object (&v->opening);
  if (v->run)
    g_signal_handlers_disconnect_by_data (v->run, self);
  g_clear_object (&v->run);
  g_clear_pointer (&v->trouble, g_free);
  limn_compare_view_forget_kept (v);
}

void
limn_compare_view_clear (LimnCompareView *self)
{
  limn_compare_view_stop (self);
  for (int i = 0; i < self->n; i++)
    {
      LimnVariant *v = &self->variants[i];

      limn_compare_view_end (self, i);
      g_clear_pointer (&v->title, g_free);
      gtk_grid_remove (GTK_GRID (self->grid), v->pane);
    }
  self->n = self->columns = self->chosen = self->reference = 0;
  limn_compare_pane_set_texture (LIMN_COMPARE_PANE (self->big), NULL);
  limn_compare_pane_set_second (LIMN_COMPARE_PANE (self->big), NULL);
  g_clear_handle_id (&self->blink_source, g_source_remove);
}

static void
add_variant (LimnCompareView *self, const struct fit_generate_params *params, int i)
{
  LimnVariant *v = &self->variants[i];

  limn_settings_get_shown_size (params, &v->width, &v->height);
  v->params = *params;
  v->title = limn_compare_view_dup_setting (self->chosen_axis, params);
  v->step = -1;
  limn_compare_view_add_pane (self, i);
}

void
limn_compare_view_add_pane (LimnCompareView *self, int i)
{
  LimnVariant *v = &self->variants[i];

  v->pane = limn_compare_pane_new (&self->lens);
  gtk_grid_attach (GTK_GRID (self->grid), v->pane, i % FIRST_COLUMNS, i / FIRST_COLUMNS, 1, 1);
  g_signal_connect_swapped (v->pane, "lens-changed", G_CALLBACK (lens_changed_cb), self);
  g_signal_connect_swapped (v->pane, "chosen", G_CALLBACK (pane_chosen_cb), self);
  g_signal_connect_swapped (v->pane, "picked", G_CALLBACK (limn_compare_view_pick), self);
}

void
limn_compare_view_begin (LimnCompareView *self, int i, struct fit_model *model)
{
  LimnVariant *v = &self->variants[i];
  g_autoptr (GError) error = NULL;

  limn_compare_view_end (self, i);
  v->run = model ? limn_session_start_on (self->session, model, &v->params, &error)
                 : limn_session_start (self->session, &v->params, &error);
  v->trouble = g_strdup (error ? error->message : "");
  if (v->run)
    {
      g_signal_connect_swapped (v->run, "notify::texture", G_CALLBACK (limn_compare_view_refresh),
                                self);
      g_signal_connect_swapped (v->run, "notify::step", G_CALLBACK (limn_compare_view_refresh),
                                self);
      g_signal_connect_swapped (v->run, "notify::state",
                                G_CALLBACK (limn_compare_view_tell_activity), self);
    }
}

/* A reference to each, so that the models they are painted with stay open. */
static GPtrArray *
dup_runs (LimnCompareView *self)
{
  GPtrArray *runs = g_ptr_array_new_with_free_func (g_object_unref);

  for (int i = 0; i < self->n; i++)
    if (self->variants[i].run)
      g_ptr_array_add (runs, g_object_ref (self->variants[i].run));
  return runs;
}

void
limn_compare_view_look_at_all (LimnCompareView *self)
{
  self->lens = (LimnLens){ 1, 0.5, 0.5 };
  self->columns = FIRST_COLUMNS;
  gtk_range_set_value (GTK_RANGE (self->time), 1);
}

void
limn_compare_view_start (LimnCompareView *self, LimnAxis axis)
{
  struct fit_generate_params base, variants[LIMN_MOST_VARIANTS];
  gint64 steps[LIMN_MOST_VARIANTS];
  gboolean first_version = limn_session_has_solver (self->session, FIT_SOLVER_DDPM);
  g_autoptr (GPtrArray) before = NULL;
  int n, n_steps;

  g_return_if_fail (LIMN_IS_COMPARE_VIEW (self));

  if (axis == LIMN_AXIS_CHECKPOINT && !limn_compare_view_has_checkpoints (self))
    axis = LIMN_AXIS_SEED;
  before = dup_runs (self);
  n_steps = limn_compare_view_pick_steps (self, steps);
  limn_compare_view_clear (self);
  self->chosen_axis = axis;
  self->listing = TRUE;
  gtk_drop_down_set_selected (GTK_DROP_DOWN (self->axis), axis);
  self->listing = FALSE;
  limn_compare_view_look_at_all (self);
  limn_settings_to_params (self->settings, &base);
  n = limn_variants (axis, &base, first_version, variants);
  if (axis == LIMN_AXIS_CHECKPOINT)
    n = MIN (n, n_steps);
  self->group++;
  for (int i = 0; i < n; i++)
    {
      variants[i].group = self->group;
      add_variant (self, &variants[i], i);
      self->n = i + 1;
      if (axis == LIMN_AXIS_CHECKPOINT)
        limn_compare_view_open_step (self, i, steps[i], before);
      else
        limn_compare_view_begin (self, i, NULL);
    }
  limn_compare_view_list_steps (self);
  self->chosen = n > 1 ? 1 : 0;
  limn_compare_view_refresh_axes (self);
  limn_compare_view_set_mode (self, self->mode);
}

gboolean
limn_compare_view_is_active (LimnCompareView *self)
{
  for (int i = 0; i < self->n; i++)
    if (self->variants[i].opening ||
        (self->variants[i].run && limn_run_is_active (self->variants[i].run)))
      return TRUE;
  return FALSE;
}

LimnAxis
limn_compare_view_get_axis (LimnCompareView *self)
{
  return self->chosen_axis;
}

int
limn_compare_view_get_n_panes (LimnCompareView *self)
{
  return self->n;
}

LimnRun *
limn_compare_view_get_run (LimnCompareView *self, int pane)
{
  return pane >= 0 && pane < self->n ? self->variants[pane].run : NULL;
}

const char *
limn_compare_view_get_trouble (LimnCompareView *self, int pane)
{
  const char *trouble = pane >= 0 && pane < self->n ? self->variants[pane].trouble : NULL;

  return trouble ? trouble : "";
}

int
limn_compare_view_get_chosen (LimnCompareView *self)
{
  return self->chosen;
}

gboolean
limn_compare_view_export (LimnCompareView *self, const char *path, GError **error)
{
  LimnSheetPicture pictures[LIMN_MOST_VARIANTS];
  int n = 0;

  for (int i = 0; i < self->n; i++)
    if (self->variants[i].run)
      {
        pictures[n].run = self->variants[i].run;
        pictures[n++].title = self->variants[i].title;
      }
  return limn_compare_sheet_write (path, pictures, n, error);
}

void
limn_compare_view_add_toast (LimnCompareView *self, AdwToast *toast)
{
  adw_toast_overlay_add_toast (ADW_TOAST_OVERLAY (self->toasts), toast);
}

/* ---- widget ---- */

void
limn_compare_view_set_session (LimnCompareView *self, LimnSession *session, LimnSettings *settings)
{
  g_set_object (&self->session, session);
  g_set_object (&self->settings, settings);
  limn_compare_view_follow_session (self);
}

/* On the time, where the arrow keys lead through the steps, if there are any. */
static gboolean
limn_compare_view_grab_focus (GtkWidget *widget)
{
  LimnCompareView *self = LIMN_COMPARE_VIEW (widget);

  return gtk_widget_grab_focus (limn_compare_view_is_of_kept (self) ? self->side : self->time);
}

/* Another size of the window may call for other columns. */
static void
limn_compare_view_root (GtkWidget *widget)
{
  GtkRoot *root;

  GTK_WIDGET_CLASS (limn_compare_view_parent_class)->root (widget);
  root = gtk_widget_get_root (widget);
  g_signal_connect_object (root, "notify::default-width", G_CALLBACK (limn_compare_view_refresh),
                           widget,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (root, "notify::default-height", G_CALLBACK (limn_compare_view_refresh),
                           widget,
                           G_CONNECT_SWAPPED);
}

static void
limn_compare_view_dispose (GObject *object)
{
  LimnCompareView *self = LIMN_COMPARE_VIEW (object);

  if (self->content)
    limn_compare_view_clear (self);
  g_clear_handle_id (&self->blink_source, g_source_remove);
  g_clear_handle_id (&self->refresh_source, g_source_remove);
  g_clear_object (&self->session);
  g_clear_object (&self->settings);
  g_clear_object (&self->checkpoints);
  g_clear_pointer (&self->listed, g_array_unref);
  g_clear_pointer (&self->content, gtk_widget_unparent);
  G_OBJECT_CLASS (limn_compare_view_parent_class)->dispose (object);
}

#define BIND(child) gtk_widget_class_bind_template_child (widget_class, LimnCompareView, child)

static void
limn_compare_view_class_init (LimnCompareViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_compare_view_dispose;
  widget_class->root = limn_compare_view_root;
  widget_class->grab_focus = limn_compare_view_grab_focus;
  activity_signal = g_signal_new ("activity", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                  NULL, NULL, NULL, G_TYPE_NONE, 0);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-compare-view.ui");
  BIND (content);
  BIND (axis);
  BIND (side);
  BIND (split);
  BIND (blink);
  BIND (difference);
  BIND (gain);
  BIND (export);
  BIND (keep);
  BIND (toasts);
  BIND (stack);
  BIND (grid);
  BIND (single);
  BIND (time);
  BIND (status);
  gtk_widget_class_bind_template_callback (widget_class, axis_selected_cb);
  gtk_widget_class_bind_template_callback (widget_class, mode_toggled_cb);
  gtk_widget_class_bind_template_callback (widget_class, gain_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, time_changed_cb);
}

static void
limn_compare_view_init (LimnCompareView *self)
{
  GtkEventController *keys = gtk_event_controller_key_new ();

  self->lens = (LimnLens){ 1, 0.5, 0.5 };
  self->chosen_axis = LIMN_AXIS_SEED;
  gtk_widget_init_template (GTK_WIDGET (self));
  limn_compare_view_set_up_checkpoints (self);
  self->listing = TRUE;
  limn_compare_view_set_up_axes (self);
  gtk_drop_down_set_selected (GTK_DROP_DOWN (self->axis), LIMN_AXIS_SEED);
  self->listing = FALSE;
  self->big = limn_compare_pane_new (&self->lens);
  g_signal_connect_swapped (self->big, "lens-changed", G_CALLBACK (lens_changed_cb), self);
  gtk_box_append (GTK_BOX (self->single), self->big);
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (key_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self), keys);
}
