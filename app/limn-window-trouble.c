/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, in one sentence, and the ways out of it. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

#include "limn-report.h"

#define MOST_BESIDE 2 /* buttons beside a sentence; more go below it */

/* The engine's sentences begin like those of a command line: "size 17x16 is not possible". */
static char *
dup_capitalized (const char *sentence)
{
  gsize letters = 0;

  while (g_ascii_isalpha (sentence[letters]))
    letters++;
  if (letters == 0 || sentence[letters] != ' ')
    return g_strdup (sentence);
  return g_strdup_printf ("%c%s", g_ascii_toupper (*sentence), sentence + 1);
}

static gboolean
has_failed (LimnWindow *self)
{
  return self->run && limn_run_get_state (self->run) == FIT_JOB_FAILED;
}

static gboolean
is_about (LimnWindow *self, enum fit_status status)
{
  return g_error_matches (self->failure, limn_fit_error_quark (), (int) status);
}

/* What could not be painted: the run that failed, or what the settings say. */
static gboolean
find_smaller (LimnWindow *self)
{
  struct fit_generate_params params;

  if (has_failed (self))
    params = *limn_run_get_params (self->run);
  else
    limn_settings_to_params (self->settings, &params);
  return limn_session_find_smaller (self->session, &params, &self->smaller_width,
                                    &self->smaller_height);
}

static void
offer_smaller (LimnWindow *self)
{
  /* A branch has the size of its run. */
  gboolean offered
      = is_about (self, FIT_ERROR_MEMORY) && !self->branch_from && find_smaller (self);
  /* Translators: a button; width and height in pixels */
  g_autofree char *label
      = g_strdup_printf (_ ("_Use %d × %d"), self->smaller_width, self->smaller_height);

  gtk_button_set_label (self->trouble_smaller, label);
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_smaller), offered);
}

static void
offer_processor (LimnWindow *self)
{
  gboolean begun = has_failed (self) && limn_run_get_step (self->run) > 0;

  gtk_button_set_label (self->trouble_processor, begun ? _ ("_Continue on the Processor")
                                                       : _ ("_Paint on the Processor"));
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_processor),
                          (is_about (self, FIT_ERROR_DEVICE) ||
                           is_about (self, FIT_ERROR_MEMORY)) &&
                              !limn_session_is_on_processor (self->session));
}

/* How many ways out the bar offers. */
static int
count_buttons (LimnWindow *self)
{
  GtkWidget *button = gtk_widget_get_first_child (GTK_WIDGET (self->trouble_buttons));
  int n = 0;

  for (; button; button = gtk_widget_get_next_sibling (button))
    n += gtk_widget_get_visible (button);
  return n;
}

void
limn_window_lay_out_trouble (LimnWindow *self)
{
  gboolean folded = adw_flap_get_folded (self->flap);
  gboolean below = folded || count_buttons (self) > MOST_BESIDE;

  gtk_orientable_set_orientation (GTK_ORIENTABLE (self->trouble_box),
                                  below ? GTK_ORIENTATION_VERTICAL : GTK_ORIENTATION_HORIZONTAL);
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self->trouble_buttons),
                                  folded ? GTK_ORIENTATION_VERTICAL : GTK_ORIENTATION_HORIZONTAL);
}

static void
show (LimnWindow *self, const char *sentence, gboolean elsewhere, const GError *failure)
{
  g_autofree char *shown = dup_capitalized (sentence);

  g_clear_error (&self->failure);
  self->failure = failure ? g_error_copy (failure) : NULL;
  gtk_label_set_text (self->trouble_text, shown);
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_elsewhere), elsewhere);
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_retry),
                          !elsewhere && has_failed (self) &&
                              !limn_session_has_lost_device (self->session));
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_details), failure || elsewhere);
  offer_smaller (self);
  offer_processor (self);
  limn_shape_panel_refuse_size (self->shape, is_about (self, FIT_ERROR_MEMORY)
                                                 ? _ ("Too large for the memory that is free.")
                                                 : NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_model), FALSE);
  limn_window_lay_out_trouble (self);
  gtk_info_bar_set_revealed (self->trouble, TRUE);
}

void
limn_window_show_trouble (LimnWindow *self, const char *sentence, gboolean elsewhere)
{
  show (self, sentence, elsewhere, NULL);
}

void
limn_window_show_refused_model (LimnWindow *self, const char *reason)
{
  /* Translators: the name of a model, and why another could not be opened */
  g_autofree char *sentence = g_strdup_printf (_ ("“%s” is still in use: %s"),
                                               limn_session_get_info (self->session)->name, reason);

  show (self, sentence, FALSE, NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_model), TRUE);
}

/* The driver's words are among the details. */
static char *
dup_sentence (LimnWindow *self, const GError *error)
{
  if (!g_error_matches (error, limn_fit_error_quark (), FIT_ERROR_DEVICE) ||
      limn_session_is_on_processor (self->session))
    return g_strdup (error->message);
  if (!limn_session_has_lost_device (self->session))
    /* Translators: the driver's words follow */
    return g_strdup_printf (_ ("The graphics card failed: %s"), error->message);
  if (has_failed (self) && limn_run_get_step (self->run) > 0)
    return g_strdup (_ ("The graphics card failed and does not answer any more. The steps so far "
                        "are kept."));
  return g_strdup (_ ("The graphics card failed and does not answer any more."));
}

void
limn_window_show_failure (LimnWindow *self, const GError *error)
{
  g_autofree char *sentence = dup_sentence (self, error);

  show (self, sentence, FALSE, error);
}

void
limn_window_hide_trouble (LimnWindow *self)
{
  g_clear_error (&self->failure);
  g_clear_object (&self->branch_from);
  limn_shape_panel_refuse_size (self->shape, NULL);
  gtk_info_bar_set_revealed (self->trouble, FALSE);
}

void
limn_window_show_details (LimnWindow *self)
{
  gboolean about_bar = gtk_info_bar_get_revealed (self->trouble);
  const char *sentence = self->failure ? self->failure->message
                         : about_bar   ? gtk_label_get_text (self->trouble_text)
                                       : limn_session_get_notice (self->session);
  g_autofree char *report
      = limn_report_dup (self->session, about_bar ? self->run : NULL, sentence);

  limn_report_present (GTK_WINDOW (self), report);
}

void
limn_window_use_smaller (LimnWindow *self)
{
  limn_undo_close_step (self->undo);
  limn_settings_set_size (self->settings, self->smaller_width, self->smaller_height);
  limn_undo_close_step (self->undo);
  limn_window_generate_as_set (self);
}
