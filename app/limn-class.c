/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-class.h"

#include <fit/fit.h>

struct _LimnClass
{
  GObject parent_instance;

  int id;
  char *name, *synonyms, *group;
  char *folded_name, *folded_synonyms, *folded_group, *folded_code;
  char *heading;
  gboolean favourite;
  int recent;
};

G_DEFINE_FINAL_TYPE (LimnClass, limn_class, G_TYPE_OBJECT)

enum
{
  PROP_NAME = 1,
  PROP_SUBTITLE,
  PROP_FAVOURITE,
  PROP_RECENT,
  PROP_HEADING,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

char *
limn_class_fold (const char *text)
{
  char *folded = g_strdup (text);

  fit_class_fold (folded);
  return folded;
}

int
limn_class_match (LimnClass *self, const char *folded)
{
  const struct fit_class_words words = { self->id, self->folded_name, self->folded_synonyms,
                                         self->folded_group, self->folded_code };

  return fit_class_match (&words, folded);
}

static void
limn_class_finalize (GObject *object)
{
  LimnClass *self = LIMN_CLASS (object);

  g_free (self->name);
  g_free (self->synonyms);
  g_free (self->group);
  g_free (self->folded_name);
  g_free (self->folded_synonyms);
  g_free (self->folded_group);
  g_free (self->folded_code);
  g_free (self->heading);
  G_OBJECT_CLASS (limn_class_parent_class)->finalize (object);
}

static char *
dup_subtitle (LimnClass *self)
{
  if (self->id < 0)
    return g_strdup (self->synonyms);
  if (*self->synonyms)
    return g_strdup_printf ("%d · %s", self->id, self->synonyms);
  return g_strdup_printf ("%d", self->id);
}

static void
limn_class_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  LimnClass *self = LIMN_CLASS (object);

  switch (id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_SUBTITLE:
      g_value_take_string (value, dup_subtitle (self));
      break;
    case PROP_FAVOURITE:
      g_value_set_boolean (value, self->favourite);
      break;
    case PROP_RECENT:
      g_value_set_int (value, self->recent);
      break;
    case PROP_HEADING:
      g_value_set_string (value, self->heading);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
limn_class_class_init (LimnClassClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = limn_class_finalize;
  object_class->get_property = limn_class_get_property;

  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_SUBTITLE] = g_param_spec_string ("subtitle", NULL, NULL, NULL, flags);
  properties[PROP_FAVOURITE] = g_param_spec_boolean ("favourite", NULL, NULL, FALSE, flags);
  properties[PROP_RECENT] = g_param_spec_int ("recent", NULL, NULL, -1, G_MAXINT, -1, flags);
  properties[PROP_HEADING] = g_param_spec_string ("heading", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
limn_class_init (LimnClass *self)
{
  self->recent = -1;
  self->heading = g_strdup ("");
}

LimnClass *
limn_class_new (int id, const char *name, const char *synonyms, const char *group,
                const char *code)
{
  LimnClass *self = g_object_new (LIMN_TYPE_CLASS, NULL);

  self->id = id;
  self->name = g_strdup (name);
  self->synonyms = g_strdup (synonyms);
  self->group = g_strdup (group);
  self->folded_name = limn_class_fold (name);
  self->folded_synonyms = limn_class_fold (synonyms);
  self->folded_group = limn_class_fold (group);
  self->folded_code = limn_class_fold (code);
  return self;
}

int
limn_class_get_id (LimnClass *self)
{
  return self->id;
}

const char *
limn_class_get_key (LimnClass *self)
{
  return *self->folded_code ? self->folded_code : self->name;
}

const char *
limn_class_get_name (LimnClass *self)
{
  return self->name;
}

const char *
limn_class_get_synonyms (LimnClass *self)
{
  return self->synonyms;
}

const char *
limn_class_get_group (LimnClass *self)
{
  return self->group;
}

gboolean
limn_class_get_favourite (LimnClass *self)
{
  return self->favourite;
}

void
limn_class_set_favourite (LimnClass *self, gboolean favourite)
{
  if (self->favourite == favourite)
    return;
  self->favourite = favourite;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FAVOURITE]);
}

int
limn_class_get_recent (LimnClass *self)
{
  return self->recent;
}

void
limn_class_set_recent (LimnClass *self, int recent)
{
  if (self->recent == recent)
    return;
  self->recent = recent;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_RECENT]);
}

const char *
limn_class_get_heading (LimnClass *self)
{
  return self->heading;
}

void
limn_class_set_heading (LimnClass *self, const char *heading)
{
  if (g_strcmp0 (self->heading, heading) == 0)
    return;
  g_free (self->heading);
  self->heading = g_strdup (heading);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HEADING]);
}
