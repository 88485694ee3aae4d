/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, in one sentence, and the ways out of it. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

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

void
limn_window_show_trouble (LimnWindow *self, const char *sentence, gboolean elsewhere)
{
  g_autofree char *shown = dup_capitalized (sentence);

  gtk_label_set_text (self->trouble_text, shown);
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_elsewhere), elsewhere);
  gtk_widget_set_visible (GTK_WIDGET (self->trouble_retry),
                          !elsewhere && self->run &&
                              limn_run_get_state (self->run) == FIT_JOB_FAILED);
  gtk_info_bar_set_revealed (self->trouble, TRUE);
}

void
limn_window_hide_trouble (LimnWindow *self)
{
  gtk_info_bar_set_revealed (self->trouble, FALSE);
}
