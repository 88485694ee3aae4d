/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-token-gauge.h"

#include <glib/gi18n.h>
#include <math.h>

#include "limn-labels.h"

struct _LimnTokenGauge
{
  GtkWidget parent_instance;

  LimnSession *session;
  LimnSettings *settings;

  GtkWidget *button, *icon, *count, *bar, *verdict, *explanation;
};

G_DEFINE_FINAL_TYPE (LimnTokenGauge, limn_token_gauge, GTK_TYPE_WIDGET)

/* "width ×1.25", "height ×1.25" or both: how far the axes go beyond training. */
static char *
dup_axes (const struct fit_canvas *canvas)
{
  gboolean wide = canvas->scale_x > 1, high = canvas->scale_y > 1;

  if (wide && high)
    return g_strdup_printf (_ ("width ×%.3g, height ×%.3g"), canvas->scale_x, canvas->scale_y);
  if (wide)
    return g_strdup_printf (_ ("width ×%.3g"), canvas->scale_x);
  if (high)
    return g_strdup_printf (_ ("height ×%.3g"), canvas->scale_y);
  return NULL;
}

static char *
dup_verdict (const struct fit_canvas *canvas, const struct fit_model_info *info)
{
  g_autofree char *axes = dup_axes (canvas);
  const char *method = limn_method_label (canvas->method);

  if (!canvas->within_tokens)
    /* Translators: how many times more tokens than the model was trained with, and the method */
    return g_strdup_printf (_ ("beyond training ×%.3g — %s"),
                            (double) canvas->tokens / info->context_tokens, method);
  if (canvas->trained)
    return g_strdup (_ ("within training"));
  if (axes)
    /* Translators: such as "width ×1.25 — Vision NTK" */
    return g_strdup_printf (_ ("%s — %s"), axes, method);
  /* Translators: the position method is not the one that the model was trained with */
  return g_strdup_printf (_ ("%s instead of the trained method"), method);
}

static char *
dup_explanation (const struct fit_canvas *canvas, const struct fit_model_info *info)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *memory = g_format_size (canvas->memory_bytes);

  g_string_append_printf (
      text,
      _ ("A picture of %d × %d pixels is %d × %d patches, %d tokens. The model was trained with up "
         "to %d tokens and %d patches along a side."),
      canvas->width, canvas->height, canvas->columns, canvas->rows, canvas->tokens,
      info->context_tokens, info->axis_tokens);
  g_string_append (text, "\n\n");
  if (canvas->trained)
    g_string_append (text, _ ("This shape is what the model knows."));
  else if (!canvas->within_tokens)
    g_string_append (text, _ ("Larger pictures work, but things may repeat or lose their "
                              "connection. The dashed line shows the trained area."));
  else
    g_string_append (text, _ ("The area is what the model knows, but the positions along a side go "
                              "further than in training, or are placed in another way."));
  g_string_append (text, "\n\n");
  /* Translators: a position method, and an amount of memory such as "40 MB" */
  g_string_append_printf (text, _ ("Position method: %s. A run adds about %s of memory."),
                          limn_method_label (canvas->method), memory);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static const char *
verdict_icon (const struct fit_canvas *canvas)
{
  if (canvas->trained)
    return "limn-trained-symbolic";
  return canvas->within_tokens ? "dialog-information-symbolic" : "limn-beyond-symbolic";
}

static void
refresh (LimnTokenGauge *self)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);
  struct fit_canvas canvas;
  g_autofree char *count = NULL, *verdict = NULL, *explanation = NULL, *spoken = NULL;

  gtk_widget_set_visible (GTK_WIDGET (self), info != NULL);
  if (!info)
    return;
  limn_session_describe (self->session, limn_settings_get_width (self->settings),
                         limn_settings_get_height (self->settings),
                         limn_settings_get_method (self->settings), &canvas);
  /* Translators: tokens of the picture and of the model's budget, "200 of 256 tokens" */
  count = g_strdup_printf (_ ("%d of %d tokens"), canvas.tokens, info->context_tokens);
  verdict = dup_verdict (&canvas, info);
  explanation = dup_explanation (&canvas, info);
  spoken = g_strdup_printf ("%s, %s", count, verdict);

  gtk_image_set_from_icon_name (GTK_IMAGE (self->icon), verdict_icon (&canvas));
  gtk_label_set_text (GTK_LABEL (self->count), count);
  gtk_label_set_text (GTK_LABEL (self->verdict), verdict);
  gtk_label_set_text (GTK_LABEL (self->explanation), explanation);
  gtk_level_bar_set_value (GTK_LEVEL_BAR (self->bar),
                           fmin (1, (double) canvas.tokens / info->context_tokens));
  if (canvas.within_tokens)
    gtk_widget_remove_css_class (self->bar, "beyond");
  else
    gtk_widget_add_css_class (self->bar, "beyond");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  spoken, GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, explanation, -1);
}

void
limn_token_gauge_set_session (LimnTokenGauge *self, LimnSession *session, LimnSettings *settings)
{
  static const char *const signals[] = { "notify::width", "notify::height", "notify::method" };

  g_return_if_fail (LIMN_IS_TOKEN_GAUGE (self));

  g_set_object (&self->session, session);
  g_set_object (&self->settings, settings);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    g_signal_connect_object (settings, signals[i], G_CALLBACK (refresh), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::state", G_CALLBACK (refresh), self,
                           G_CONNECT_SWAPPED);
  refresh (self);
}

static void
limn_token_gauge_dispose (GObject *object)
{
  LimnTokenGauge *self = LIMN_TOKEN_GAUGE (object);

  g_clear_object (&self->session);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->button, gtk_widget_unparent);
  G_OBJECT_CLASS (limn_token_gauge_parent_class)->dispose (object);
}

static void
limn_token_gauge_class_init (LimnTokenGaugeClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_token_gauge_dispose;
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-token-gauge.ui");
  gtk_widget_class_bind_template_child (widget_class, LimnTokenGauge, button);
  gtk_widget_class_bind_template_child (widget_class, LimnTokenGauge, icon);
  gtk_widget_class_bind_template_child (widget_class, LimnTokenGauge, count);
  gtk_widget_class_bind_template_child (widget_class, LimnTokenGauge, bar);
  gtk_widget_class_bind_template_child (widget_class, LimnTokenGauge, verdict);
  gtk_widget_class_bind_template_child (widget_class, LimnTokenGauge, explanation);
}

static void
limn_token_gauge_init (LimnTokenGauge *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
