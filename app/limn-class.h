/* SPDX-License-Identifier: Apache-2.0 */
/* limn-class.h - one class of a model as an item of a list, and how well it answers a search. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define LIMN_TYPE_CLASS (limn_class_get_type ())
G_DECLARE_FINAL_TYPE (LimnClass, limn_class, LIMN, CLASS, GObject)

/* As fit.h describes a class; synonyms, group and code may be "". */
LimnClass *limn_class_new (int id, const char *name, const char *synonyms, const char *group,
                           const char *code);

int limn_class_get_id (LimnClass *self);

/* What the class is remembered by: its code, without case, or its name where it has none. */
const char *limn_class_get_key (LimnClass *self);
const char *limn_class_get_name (LimnClass *self);
const char *limn_class_get_synonyms (LimnClass *self);
const char *limn_class_get_group (LimnClass *self);

gboolean limn_class_get_favourite (LimnClass *self);
void limn_class_set_favourite (LimnClass *self, gboolean favourite);

/* 0 for the class used last, 1 for the one before; -1 when not used lately. */
int limn_class_get_recent (LimnClass *self);
void limn_class_set_recent (LimnClass *self, int recent);

/* A copy without case and accents, as searches compare it. */
char *limn_class_fold (const char *text);

/* What fit_class_match says of it. */
int limn_class_match (LimnClass *self, const char *folded);

/* What stands above the class in the list as it is now, "" for nothing. */
const char *limn_class_get_heading (LimnClass *self);
void limn_class_set_heading (LimnClass *self, const char *heading);

G_END_DECLS
