/* SPDX-License-Identifier: Apache-2.0 */
/* limn-class-picker.h - the searchable list of what the model can paint. Without a search,
 * favourites come first and then the classes used lately. */
#pragma once

#include <gtk/gtk.h>

#include "limn-session.h"

G_BEGIN_DECLS

#define LIMN_TYPE_CLASS_PICKER (limn_class_picker_get_type ())
G_DECLARE_FINAL_TYPE (LimnClassPicker, limn_class_picker, LIMN, CLASS_PICKER, GtkBox)

void limn_class_picker_set_session (LimnClassPicker *self, LimnSession *session,
                                    LimnSettings *settings, GSettings *memory);

void limn_class_picker_start_search (LimnClassPicker *self);

/* Stars the chosen class, or takes the star away. */
void limn_class_picker_toggle_favourite (LimnClassPicker *self);

/* The chosen class was painted just now. */
void limn_class_picker_remember (LimnClassPicker *self);

G_END_DECLS
