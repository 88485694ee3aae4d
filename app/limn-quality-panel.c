/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-quality-panel.h"

#include <glib/gi18n.h>

#include "limn-entry-error.h"
#include "limn-labels.h"

struct _LimnQualityPanel
{
  GtkWidget parent_instance;

  LimnSession *session;
  LimnSettings *settings;
  GtkStringList *methods, *solvers;
  enum fit_solver listed[FIT_N_SOLVERS]; /* behind the list of solvers */
  guint n_listed;

  gboolean renaming; /* a list is being edited, which moves its selection */

  GtkWidget *content, *seed, *keep_seed, *steps, *guidance, *solver, *method, *exact;
  GtkLabel *seed_reason, *steps_reason, *guidance_reason;
  GtkWidget *options_row, *options;
};

G_DEFINE_FINAL_TYPE (LimnQualityPanel, limn_quality_panel, GTK_TYPE_WIDGET)

/* ---- seed: whole 64 bits, which a spin button's doubles cannot hold ---- */

static void
show_seed (LimnQualityPanel *self)
{
  g_autofree char *text
      = g_strdup_printf ("%" G_GUINT64_FORMAT, limn_settings_get_seed (self->settings));

  gtk_editable_set_text (GTK_EDITABLE (self->seed), text);
  limn_entry_error_set (self->seed, self->seed_reason, NULL);
}

static void
seed_commit_cb (LimnQualityPanel *self)
{
  g_autofree char *text
      = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->seed))));
  g_autofree char *largest = NULL, *reason = NULL;
  guint64 seed;

  if (g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &seed, NULL))
    {
      limn_settings_set_seed (self->settings, seed);
      show_seed (self);
      return;
    }
  largest = g_strdup_printf ("%" G_GUINT64_FORMAT, G_MAXUINT64);
  /* Translators: the largest seed */
  reason = g_strdup_printf (_ ("A seed is a whole number from 0 to %s."), largest);
  limn_entry_error_set (self->seed, self->seed_reason, reason);
}

static gboolean
seed_key_cb (LimnQualityPanel *self, guint keyval)
{
  if (keyval != GDK_KEY_Escape)
    return GDK_EVENT_PROPAGATE;
  show_seed (self);
  return GDK_EVENT_STOP;
}

/* ---- numbers: while somebody types, before the nearest possible one takes their place ---- */

static void
number_changed_cb (LimnQualityPanel *self, GtkEditable *entry)
{
  GtkLabel *label = GTK_WIDGET (entry) == self->steps ? self->steps_reason : self->guidance_reason;
  const char *text = gtk_editable_get_text (entry);
  double least, most, value = g_strtod (text, NULL);
  g_autofree char *reason = NULL;

  gtk_spin_button_get_range (GTK_SPIN_BUTTON (entry), &least, &most);
  if (*text && (value < least || value > most))
    reason = g_strdup_printf (_ ("From %g to %g."), least, most);
  limn_entry_error_set (GTK_WIDGET (entry), label, reason);
}

/* ---- position method: "Automatic" says what it stands for ---- */

static void
method_selected_cb (LimnQualityPanel *self)
{
  guint selected = gtk_drop_down_get_selected (GTK_DROP_DOWN (self->method));

  if (!self->renaming && selected < FIT_N_METHODS)
    g_object_set (self->settings, "method", (int) selected, NULL);
}

static void
show_method (LimnQualityPanel *self)
{
  struct fit_canvas canvas;
  g_autofree char *label = g_strdup (limn_method_label (FIT_METHOD_AUTO));

  if (limn_session_describe (self->session, limn_settings_get_width (self->settings),
                             limn_settings_get_height (self->settings), FIT_METHOD_AUTO, &canvas))
    {
      g_free (label);
      /* Translators: what the automatic choice of the position method stands for at present */
      label = g_strdup_printf (_ ("Automatic (%s)"), limn_method_label (canvas.method));
    }
  self->renaming = TRUE;
  if (g_strcmp0 (gtk_string_list_get_string (self->methods, FIT_METHOD_AUTO), label) != 0)
    gtk_string_list_splice (self->methods, FIT_METHOD_AUTO, 1,
                            (const char *const[]){ label, NULL });
  gtk_drop_down_set_selected (GTK_DROP_DOWN (self->method),
                              (guint) limn_settings_get_method (self->settings));
  self->renaming = FALSE;
}

/* ---- solvers: those that the model can be run with ---- */

static void
solver_selected_cb (LimnQualityPanel *self)
{
  guint selected = gtk_drop_down_get_selected (GTK_DROP_DOWN (self->solver));

  if (!self->renaming && selected < self->n_listed)
    g_object_set (self->settings, "solver", (int) self->listed[selected], NULL);
}

static void
show_solver (LimnQualityPanel *self)
{
  guint selected = GTK_INVALID_LIST_POSITION;

  for (guint i = 0; i < self->n_listed; i++)
    if (self->listed[i] == limn_settings_get_solver (self->settings))
      selected = i;
  self->renaming = TRUE;
  gtk_drop_down_set_selected (GTK_DROP_DOWN (self->solver), selected);
  self->renaming = FALSE;
}

static void
list_solvers (LimnQualityPanel *self)
{
  const char *labels[FIT_N_SOLVERS + 1] = { NULL };

  self->n_listed = 0;
  for (int solver = 0; solver < FIT_N_SOLVERS; solver++)
    if (limn_session_has_solver (self->session, (enum fit_solver) solver))
      {
        labels[self->n_listed] = limn_solver_label ((enum fit_solver) solver);
        self->listed[self->n_listed++] = (enum fit_solver) solver;
      }
  self->renaming = TRUE;
  gtk_string_list_splice (self->solvers, 0,
                          g_list_model_get_n_items (G_LIST_MODEL (self->solvers)), labels);
  self->renaming = FALSE;
  show_solver (self);
}

/* ---- what a restored picture brought beyond these controls ---- */

static void
show_options (LimnQualityPanel *self)
{
  g_autofree char *text = limn_settings_dup_options (self->settings);

  gtk_label_set_text (GTK_LABEL (self->options), text);
  gtk_widget_set_visible (self->options_row, *text != '\0');
}

static void
options_reset_cb (LimnQualityPanel *self)
{
  limn_settings_set_options (self->settings, NULL);
}

/* ---- widget ---- */

void
limn_quality_panel_set_session (LimnQualityPanel *self, LimnSession *session,
                                LimnSettings *settings)
{
  static const char *const sizes[] = { "notify::width", "notify::height", "notify::method" };
  GBindingFlags both = G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE;

  g_return_if_fail (LIMN_IS_QUALITY_PANEL (self));

  g_set_object (&self->session, session);
  g_set_object (&self->settings, settings);
  g_object_bind_property (settings, "steps",
                          gtk_spin_button_get_adjustment (GTK_SPIN_BUTTON (self->steps)), "value",
                          both);
  g_object_bind_property (settings, "guidance",
                          gtk_spin_button_get_adjustment (GTK_SPIN_BUTTON (self->guidance)),
                          "value", both);
  g_object_bind_property (settings, "keep-seed", self->keep_seed, "active", both);
  g_object_bind_property (settings, "exact", self->exact, "active", both);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    g_signal_connect_object (settings, sizes[i], G_CALLBACK (show_method), self,
                             G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::state", G_CALLBACK (show_method), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::seed", G_CALLBACK (show_seed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::solver", G_CALLBACK (show_solver), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (session, "notify::state", G_CALLBACK (list_solvers), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::options", G_CALLBACK (show_options), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::solver", G_CALLBACK (show_options), self,
                           G_CONNECT_SWAPPED);
  list_solvers (self);
  show_method (self);
  show_seed (self);
  show_options (self);
}

static void
limn_quality_panel_dispose (GObject *object)
{
  LimnQualityPanel *self = LIMN_QUALITY_PANEL (object);

  g_clear_object (&self->session);
  g_clear_object (&self->settings);
  g_clear_object (&self->methods);
  g_clear_object (&self->solvers);
  g_clear_pointer (&self->content, gtk_widget_unparent);
  G_OBJECT_CLASS (limn_quality_panel_parent_class)->dispose (object);
}

static void
limn_quality_panel_class_init (LimnQualityPanelClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_quality_panel_dispose;
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-quality-panel.ui");
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, content);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, seed);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, keep_seed);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, steps);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, guidance);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, solver);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, method);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, exact);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, seed_reason);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, steps_reason);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, guidance_reason);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, options_row);
  gtk_widget_class_bind_template_child (widget_class, LimnQualityPanel, options);
  gtk_widget_class_bind_template_callback (widget_class, options_reset_cb);
  gtk_widget_class_bind_template_callback (widget_class, seed_commit_cb);
  gtk_widget_class_bind_template_callback (widget_class, seed_key_cb);
  gtk_widget_class_bind_template_callback (widget_class, number_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, method_selected_cb);
  gtk_widget_class_bind_template_callback (widget_class, solver_selected_cb);
}

static void
limn_quality_panel_init (LimnQualityPanel *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->solvers = gtk_string_list_new (NULL);
  self->renaming = TRUE;
  gtk_drop_down_set_model (GTK_DROP_DOWN (self->solver), G_LIST_MODEL (self->solvers));
  self->methods = gtk_string_list_new (NULL);
  for (int method = 0; method < FIT_N_METHODS; method++)
    gtk_string_list_append (self->methods, limn_method_label ((enum fit_method) method));
  gtk_drop_down_set_model (GTK_DROP_DOWN (self->method), G_LIST_MODEL (self->methods));
  self->renaming = FALSE;
}
