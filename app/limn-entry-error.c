/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-entry-error.h"

void
limn_entry_error_set (GtkWidget *entry, GtkLabel *label, const char *reason)
{
  if (!reason && !gtk_widget_has_css_class (entry, "error"))
    return;
  if (reason)
    gtk_widget_add_css_class (entry, "error");
  else
    gtk_widget_remove_css_class (entry, "error");
  gtk_label_set_text (label, reason ? reason : "");
  gtk_widget_set_visible (GTK_WIDGET (label), reason != NULL);
  gtk_accessible_update_state (GTK_ACCESSIBLE (entry), GTK_ACCESSIBLE_STATE_INVALID,
                               reason ? GTK_ACCESSIBLE_INVALID_TRUE : GTK_ACCESSIBLE_INVALID_FALSE,
                               -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (entry), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                  reason ? reason : "", -1);
}
