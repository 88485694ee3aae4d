/* SPDX-License-Identifier: Apache-2.0 */
/* limn-entry-error.h - a control whose value cannot be used: outlined, with the reason below it. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Marks a control and writes the reason, a sentence, into a label that is hidden otherwise; NULL
 * takes both away. One label may serve several controls: one that is fine does not clear another's
 * reason. */
void limn_entry_error_set (GtkWidget *entry, GtkLabel *label, const char *reason);

G_END_DECLS
