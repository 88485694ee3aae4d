/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-shape-panel.h"

#include <glib/gi18n.h>
#include <math.h>

#include "limn-geometry.h"

typedef struct
{
  int across, down;
} Ratio;

static const Ratio ratios[] = { { 1, 1 }, { 4, 3 }, { 3, 2 }, { 16, 9 }, { 2, 1 }, { 3, 1 } };

struct _LimnShapePanel
{
  GtkWidget parent_instance;

  LimnSession *session;
  LimnSettings *settings;

  gboolean refreshing;

  GtkWidget *content, *width, *height, *lock, *presets;
  GtkWidget *buttons[G_N_ELEMENTS (ratios)];
};

G_DEFINE_FINAL_TYPE (LimnShapePanel, limn_shape_panel, GTK_TYPE_WIDGET)

/* ---- entries ---- */

static gboolean
is_width (LimnShapePanel *self, GtkWidget *entry)
{
  return entry == self->width;
}

static void
mark_error (GtkWidget *entry, const char *reason)
{
  if (reason)
    gtk_widget_add_css_class (entry, "error");
  else
    gtk_widget_remove_css_class (entry, "error");
  gtk_widget_set_tooltip_text (entry, reason ? reason : _ ("Pixels, or patches such as 20p"));
  gtk_accessible_update_state (GTK_ACCESSIBLE (entry), GTK_ACCESSIBLE_STATE_INVALID,
                               reason ? GTK_ACCESSIBLE_INVALID_TRUE : GTK_ACCESSIBLE_INVALID_FALSE,
                               -1);
}

static void
show_length (LimnShapePanel *self, GtkWidget *entry)
{
  int pixels = is_width (self, entry) ? limn_settings_get_width (self->settings)
                                      : limn_settings_get_height (self->settings);
  g_autofree char *text = g_strdup_printf ("%d", pixels);

  gtk_editable_set_text (GTK_EDITABLE (entry), text);
  mark_error (entry, NULL);
}

static void
set_length (LimnShapePanel *self, GtkWidget *entry, double pixels)
{
  if (is_width (self, entry))
    limn_settings_set_width (self->settings, pixels);
  else
    limn_settings_set_height (self->settings, pixels);
  show_length (self, entry);
}

static void
commit_cb (LimnShapePanel *self, GtkWidget *entry)
{
  const char *text = gtk_editable_get_text (GTK_EDITABLE (entry));
  int unit = limn_settings_get_token_pixels (self->settings);
  double pixels;

  if (limn_geometry_parse_length (text, unit, &pixels))
    set_length (self, entry, pixels);
  else
    mark_error (entry, _ ("Not a length. Write pixels, such as 320, or patches, such as 20p."));
}

static gboolean
entry_key_cb (GtkEventControllerKey *controller, guint keyval, guint code, GdkModifierType state,
              LimnShapePanel *self)
{
  GtkWidget *entry = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (controller));
  int unit = limn_settings_get_token_pixels (self->settings);
  int step = state & (GDK_SHIFT_MASK | GDK_CONTROL_MASK) ? 4 * unit : unit;
  int pixels = is_width (self, entry) ? limn_settings_get_width (self->settings)
                                      : limn_settings_get_height (self->settings);

  (void) code;
  switch (keyval)
    {
    case GDK_KEY_Up:
      set_length (self, entry, pixels + step);
      return GDK_EVENT_STOP;
    case GDK_KEY_Down:
      set_length (self, entry, pixels - step);
      return GDK_EVENT_STOP;
    case GDK_KEY_Escape:
      show_length (self, entry);
      return GDK_EVENT_STOP;
    default:
      return GDK_EVENT_PROPAGATE;
    }
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
  mark_error (entry, NULL);
}

/* ---- presets ---- */

static void
preset_size (LimnShapePanel *self, guint i, int *width, int *height)
{
  limn_session_fit_ratio (self->session, (double) ratios[i].across / ratios[i].down, width,
                          height);
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
  int width = 0, height = 0;

  if (self->refreshing)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (ratios); i++)
    if (button == self->buttons[i])
      preset_size (self, i, &width, &height);
  if (width > 0)
    limn_settings_set_size (self->settings, width, height);
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

static void
size_changed_cb (LimnShapePanel *self)
{
  show_length (self, self->width);
  show_length (self, self->height);
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
  g_object_bind_property (settings, "keep-ratio", self->lock, "active",
                          G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  g_signal_connect_object (settings, "notify::width", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::height", G_CALLBACK (size_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::state", G_CALLBACK (state_changed_cb), self,
                           G_CONNECT_SWAPPED);
  size_changed_cb (self);
  state_changed_cb (self);
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
  gtk_widget_class_bind_template_child (widget_class, LimnShapePanel, lock);
  gtk_widget_class_bind_template_child (widget_class, LimnShapePanel, presets);
  gtk_widget_class_bind_template_callback (widget_class, commit_cb);
}

static void
limn_shape_panel_init (LimnShapePanel *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  add_presets (self);
}
