/* SPDX-License-Identifier: Apache-2.0 */
/* limn-history-cell.h - one small picture of the history, with its star; it can be dragged out,
 * with the others that are selected where it is one of them. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

GtkWidget *limn_history_cell_new (GtkSelectionModel *selection); /* of GFile objects */

/* Reads the picture on another thread. */
void limn_history_cell_set_file (GtkWidget *cell, GFile *file);
/* What is shown on hover, and told in the place of the picture. */
void limn_history_cell_set_title (GtkWidget *cell, const char *title);
void limn_history_cell_set_starred (GtkWidget *cell, gboolean starred);

/* Borrowed; NULL for any other widget and before it was set. */
GFile *limn_history_cell_get_file (GtkWidget *cell);

G_END_DECLS
