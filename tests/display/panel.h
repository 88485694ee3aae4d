/* SPDX-License-Identifier: Apache-2.0 */
/* panel.h - the panel of earlier pictures, worked as a user does. */
#ifndef TEST_PANEL_H
#define TEST_PANEL_H

#include "fixture.h"

GListModel *panel_files(struct fixture *f);
guint panel_n_files(struct fixture *f);
/* Every test begins with an empty folder, and a window that keeps what it paints. */
void panel_open_empty(struct fixture *f, gconstpointer data);
void panel_paint(struct fixture *f, guint64 seed, int width, int height);
/* A child of the template, by its id. */
gpointer panel_part(struct fixture *f, GType type, const char *name);
GtkSelectionModel *panel_found(struct fixture *f);
guint panel_n_found(struct fixture *f);
guint panel_n_selected(struct fixture *f);
void panel_search(struct fixture *f, const char *text);
gboolean panel_press(struct fixture *f, guint key);
/* Opens the panel and waits until its pictures are read. */
void panel_open(struct fixture *f, const char *known);

#endif
