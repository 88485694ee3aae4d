/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-shape-panel.h"

#include <glib/gi18n.h>
#include <math.h>

#include "limn-entry-error.h"
#include "limn-shape-text.h"

typedef struct
{
  int across, down;
} Ratio;

static const Ratio ratios[] = { { 1, 1 }, { 4, 3 }, { 3, 2 }, { 16, 9 }, { 2, 1 }, { 3, 1 } };

#define N_KEEPS (LIMN_KEEP_AREA + 1)

struct _LimnShapePanel
{
  GtkWidget parent_instance;

  LimnSession *session;
  LimnSettings *settings;

  gboolean refreshing;
  gboolean refused; /* the size that the entries show */

  GtkWidget *content, *width, *height, *ratio, *reason, *crop, *presets;
  GtkWidget *keeps[N_KEEPS]; /* by LimnKeep */
  GtkWidget *buttons[G_N_ELEMENTS (ratios)];
};

G_DEFINE_FINAL_TYPE (LimnShapePanel, limn_shape_panel, GTK_TYPE_WIDGET)

/* ---- entries ---- */

static int
get_length (LimnShapePanel *self, GtkWidget *entry)
{
  return entry == self->width ? limn_settings_get_width (self->settings)
                              : limn_settings_get_height (self->settings);
}

static char *
dup_ratio (LimnShapePanel *self)
{
  int width = limn_settings_get_width (self->settings);
  int height = limn_settings_get_height (self->settings);
  const char *name = limn_geometry_ratio_name (width, height);

  return *name ? g_strdup (name) : g_strdup_printf ("%.2f", (double) width / height);
}

/* What stands in an entry while nobody types. */
static char *
dup_text (LimnShapePanel *self, GtkWidget *entry)
{
  return entry == self->ratio ? dup_ratio (self)
                              : g_strdup_printf ("%d", get_length (self, entry));
}

/* One sentence below the entries is enough: people correct one after the other. */
static void
mark_error (LimnShapePanel *self, GtkWidget *entry, const char *reason)
{
  limn_entry_error_set (entry, GTK_LABEL (self->reason), reason);
}

static void
show_value (LimnShapePanel *self, GtkWidget *entry)
{
  g_autofree char *text = dup_text (self, entry);

  gtk_editable_set_text (GTK_EDITABLE (entry), text);
  mark_error (self, entry, NULL);
}

static void
set_length (LimnShapePanel *self, GtkWidget *entry, double pixels)
{
  if (entry == self->width)
    limn_settings_set_width (self->settings, pixels);
  else
    limn_settings_set_height (self->settings, pixels);
  show_value (self, entry);
}

static void
commit_length (LimnShapePanel *self, GtkWidget *entry, const char *text)
{
  LimnLengthRule rule = { .token_pixels = limn_settings_get_token_pixels (self->settings),
                          .present = get_length (self, entry),
                          .largest = limn_settings_get_largest_side (self->settings) };
  LimnShapeText answer;
  g_autofree char *reason = NULL;
  double pixels;

  answer = limn_shape_text_parse_length (text, &rule, &pixels);
  if (answer == LIMN_SHAPE_TEXT_OK)
    {
      set_length (self, entry, pixels);
      return;
    }
  if (answer == LIMN_SHAPE_TEXT_UNREADABLE)
    reason = g_strdup (_ ("Not a length. Write pixels, such as 320, patches, such as 20p, or "
                          "percent, such as 50%."));
  else
    reason = g_strdup_printf (_ ("A side has %d to %d pixels."),
                              limn_settings_get_rule (self->settings).snap, rule.largest);
  mark_error (self, entry, reason);
}

/* The size of a ratio, as large as is kept, or else as the model was trained with. */
static void
size_of_ratio (LimnShapePanel *self, double ratio, int *width, int *height)
{
  limn_session_fit_ratio (self->session, ratio, limn_settings_get_kept_tokens (self->settings),
                          width, height);
}

static void
set_ratio (LimnShapePanel *self, double ratio)
{
  int width = 0, height = 0;

  size_of_ratio (self, ratio, &width, &height);
  if (width == 0)
    return; /* no model yet */
  limn_settings_set_size (self->settings, width, height);
  limn_settings_keep_present_ratio (self->settings);
}

static void
commit_ratio (LimnShapePanel *self, const char *text)
{
  int most = limn_settings_get_largest_side (self->settings) /
             limn_settings_get_token_pixels (self->settings);
  gboolean upright = get_length (self, self->height) >= get_length (self, self->width);
  LimnShapeText answer;
  g_autofree char *reason = NULL;
  double ratio;

  answer = limn_shape_text_parse_ratio (text, upright, most, &ratio);
  if (answer == LIMN_SHAPE_TEXT_OK)
    {
      set_ratio (self, ratio);
      show_value (self, self->ratio);
      return;
    }
  if (answer == LIMN_SHAPE_TEXT_UNREADABLE)
    reason = g_strdup (_ ("Not a ratio. Write 2:1, 1.618 or A4."));
  else
    reason = g_strdup_printf (_ ("A ratio goes from 1:%d to %d:1."), most, most);
  mark_error (self, self->ratio, reason);
}

static void
commit_cb (LimnShapePanel *self, GtkWidget *entry)
{
  const char *text = gtk_editable_get_text (GTK_EDITABLE (entry));
  g_autofree char *shown = dup_text (self, entry);

  /* Going through an entry changes nothing, not even by rounding. */
  if (g_str_equal (text, shown))
    mark_error (self, entry, NULL);
  else if (entry == self->ratio)
    commit_ratio (self, text);
  else
    commit_length (self, entry, text);
}

static gboolean
entry_key_cb (GtkEventControllerKey *controller, guint keyval, guint code, GdkModifierType state,
              LimnShapePanel *self)
{
  GtkWidget *entry = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (controller));
  int unit = limn_settings_get_token_pixels (self->settings);
  int step = state & (GDK_SHIFT_MASK | GDK_CONTROL_MASK) ? 4 * unit : unit;

  (void) code;
  if (keyval == GDK_KEY_Escape)
    {
      show_value (self, entry);
      return GDK_EVENT_STOP;
    }
  if (entry == self->ratio || (keyval != GDK_KEY_Up && keyval != GDK_KEY_Down))
    return GDK_EVENT_PROPAGATE;
  set_length (self, entry, get_length (self, entry) + (keyval == GDK_KEY_Up ? step : -step));
  return GDK_EVENT_STOP;
}

static void
entry_left_cb (LimnShapePanel *self, GtkEventController *controller)
{
  commit_cb (self, gtk_event_controller_get_widget (controller));
}

static void
watch_entry (LimnShapePanel *self, GtkWidget *entry)
{
  GtkEventController *keys = gtk_event_controller_key_new ();
  GtkEventController *focus = gtk_event_controller_focus_new ();

  /* Before the text gets the arrows. */
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect (keys, "key-pressed", G_CALLBACK (entry_key_cb), self);
  g_signal_connect_swapped (focus, "leave", G_CALLBACK (entry_left_cb), self);
  gtk_widget_add_controller (entry, keys);
  gtk_widget_add_controller (entry, focus);
}

/* ---- what is kept ---- */

static void
keep_cb (LimnShapePanel *self, GtkToggleButton *button)
{
  for (int keep = 0; keep < N_KEEPS; keep++)
    if (GTK_WIDGET (button) == self->keeps[keep] && gtk_toggle_button_get_active (button))
      g_object_set (self->settings, "keep", keep, NULL);
}

static void
keep_changed_cb (LimnShapePanel *self)
{
  int tokens = limn_settings_get_kept_tokens (self->settings);
  g_autofree char *area = NULL;

  if (tokens > 0)
    area = g_strdup_printf (ngettext ("Keep the area, at most %d token",
                                      "Keep the area, at most %d tokens", tokens),
                            tokens);
  gtk_widget_set_tooltip_text (self->keeps[LIMN_KEEP_AREA], area ? area : _ ("Keep the area"));
  gtk_toggle_button_set_active (
      GTK_TOGGLE_BUTTON (self->keeps[limn_settings_get_keep (self->settings)]), TRUE);
}

/* ---- presets ---- */

static void
preset_size (LimnShapePanel *self, guint i, int *width, int *height)
{
  size_of_ratio (self, (double) ratios[i].across / ratios[i].down, width, height);
}

static char *
dup_preset_tooltip (guint i, int width, int height, int tokens)
{
  double off = fabs ((double) width / height * ratios[i].down / ratios[i].across - 1);

  if (off < 0.001)
    return g_strdup_printf (ngettext ("%d × %d, %d token", "%d × %d, %d tokens", tokens), width,
                            height, tokens);
  /* Translators: width, height, tokens, and how far the ratio is from the named one in percent */
  return g_strdup_printf (_ ("%d × %d, %d tokens, %.1f %% off the ratio"), width, height, tokens,
                          100 * off);
}

static void
refresh_presets (LimnShapePanel *self)
{
  int unit = limn_settings_get_token_pixels (self->settings);

  self->refreshing = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (ratios); i++)
    {
      int width = 0, height = 0;
      g_autofree char *tooltip = NULL;
      gboolean active;

      preset_size (self, i, &width, &height);
      if (width == 0)
        continue;
      tooltip = dup_preset_tooltip (i, width, height, width / unit * (height / unit));
      gtk_widget_set_tooltip_text (self->buttons[i], tooltip);
      active = width == limn_settings_get_width (self->settings) &&
               height == limn_settings_get_height (self->settings);
      gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->buttons[i]), active);
    }
  self->refreshing = FALSE;
}

static void
preset_cb (LimnShapePanel *self, GtkWidget *button)
{
  if (self->refreshing)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (ratios); i++)
    if (button == self->buttons[i])
      set_ratio (self, (double) ratios[i].across / ratios[i].down);
  refresh_presets (self);
}

static void
add_presets (LimnShapePanel *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (ratios); i++)
    {
      g_autofree char *label = g_strdup_printf ("%d:%d", ratios[i].across, ratios[i].down);
      GtkWidget *button = gtk_toggle_button_new_with_label (label);

      gtk_widget_add_css_class (button, "ratio");
      g_signal_connect_swapped (button, "toggled", G_CALLBACK (preset_cb), self);
      gtk_box_append (GTK_BOX (self->presets), button);
      self->buttons[i] = button;
    }
}

/* ---- widget ---- */

/* An exact size says what is painted for it. */
static void
show_crop (LimnShapePanel *self)
{
  struct fit_generate_params params;
  g_autofree char *text = NULL;

  limn_settings_to_params (self->settings, &params);
  gtk_widget_set_visible (self->crop, params.width != params.crop_width ||
                                          params.height != params.crop_height);
  text = g_strdup_printf (_ ("Painted at %d × %d and cropped"), params.width, params.height);
  gtk_label_set_text (GTK_LABEL (self->crop), text);
}

static void
size_changed_cb (LimnShapePanel *self)
{
  self->refused = FALSE;
  show_value (self, self->width);
  show_value (self, self->height);
  show_value (self, self->ratio);
  show_crop (self);
  refresh_presets (self);
}

static void
state_changed_cb (LimnShapePanel *self)
{
  gtk_widget_set_sensitive (self->presets, limn_session_get_info (self->session) != NULL);
  refresh_presets (self);
}

void
limn_shape_panel_set_session (LimnShapePanel *self, LimnSession *session, LimnSettings *settings)
{
  g_return_if_fail (LIMN_IS_SHAPE_PANEL (self));

  g_set_object (&self->session, session);
  g_set_object (&self->settings, settings);
  watch_entry (self, self->width);
  watch_entry (self, self->height);
  watch_entry (self, self->ratio);
  g_signal_connect_object (settings, "notify::width", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::height", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::keep", G_CALLBACK (keep_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::keep", G_CALLBACK (refresh_presets), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::state", G_CALLBACK (state_changed_cb), self,
                           G_CONNECT_SWAPPED);
  keep_changed_cb (self);
  size_changed_cb (self);
  state_changed_cb (self);
}

void
limn_shape_panel_refuse_size (LimnShapePanel *self, const char *reason)
{
  g_return_if_fail (LIMN_IS_SHAPE_PANEL (self));

  if (!reason && !self->refused)
    return;
  self->refused = reason != NULL;
  mark_error (self, self->width, reason);
  mark_error (self, self->height, reason);
}

static void
limn_shape_panel_dispose (GObject *object)
{
  LimnShapePanel *self = LIMN_SHAPE_PANEL (object);

  g_clear_object (&self->session);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->content, gtk_widget_unparent);
  G_OBJECT_CLASS (limn_shape_panel_parent_class)->dispose (object);
}

static void
limn_shape_panel_class_init (LimnShapePanelClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_shape_panel_dispose;
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-shape-panel.ui");
  gtk_widget_class_bind_template_child (widget_class, LimnShapePanel, content);
  gtk_widget_class_bind_template_child (widget_class, LimnShapePanel, width);
  gtk_widget_class_bind_template_child (widget_class, LimnShapePanel, height);
  gtk_widget_class_bind_template_child (widget_class, LimnShapePanel, ratio);
  gtk_widget_class_bind_template_child (widget_class, LimnShapePanel, reason);
  gtk_widget_class_bind_template_child (widget_class, LimnShapePanel, crop);
  gtk_widget_class_bind_template_child (widget_class, LimnShapePanel, presets);
  gtk_widget_class_bind_template_child_full (widget_class, "keep_nothing", FALSE,
                                             G_STRUCT_OFFSET (LimnShapePanel, keeps[LIMN_KEEP_NOTHING]));
  gtk_widget_class_bind_template_child_full (widget_class, "keep_ratio", FALSE,
                                             G_STRUCT_OFFSET (LimnShapePanel, keeps[LIMN_KEEP_RATIO]));
  gtk_widget_class_bind_template_child_full (widget_class, "keep_area", FALSE,
                                             G_STRUCT_OFFSET (LimnShapePanel, keeps[LIMN_KEEP_AREA]));
  gtk_widget_class_bind_template_callback (widget_class, commit_cb);
  gtk_widget_class_bind_template_callback (widget_class, keep_cb);
}

static void
limn_shape_panel_init (LimnShapePanel *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  add_presets (self);
}
