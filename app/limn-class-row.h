/* SPDX-License-Identifier: Apache-2.0 */
/* limn-class-row.h - a class in the list: name, number and synonyms, and a star. */
#pragma once

#include <gtk/gtk.h>

#include "limn-class.h"

G_BEGIN_DECLS

#define LIMN_TYPE_CLASS_ROW (limn_class_row_get_type ())
G_DECLARE_FINAL_TYPE (LimnClassRow, limn_class_row, LIMN, CLASS_ROW, GtkBox)

/* NULL when the row goes back to the pool. */
void limn_class_row_set_class (LimnClassRow *self, LimnClass *item);
LimnClass *limn_class_row_get_class (LimnClassRow *self);

/* "star-clicked": somebody wants the class of the row to be a favourite, or not any more. */

G_END_DECLS
