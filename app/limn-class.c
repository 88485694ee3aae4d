/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-class.h"

#include <string.h>

struct _LimnClass
{
  GObject parent_instance;

  int id;
  char *name, *synonyms, *group;
  char *folded_id, *folded_code, *folded_group;
  char **folded_names; /* the name, then every synonym */
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
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* How text can lie in a name, the better the higher. */
enum
{
  LIES_NOWHERE,
  LIES_INSIDE,
  LIES_AT_WORD,
  LIES_AT_START,
  LIES_WHOLE,
  N_LIES
};

char *
limn_class_fold (const char *text)
{
  g_autofree char *apart = g_utf8_normalize (text, -1, G_NORMALIZE_ALL);
  g_autoptr (GString) plain = g_string_new (NULL);

  for (const char *p = apart; p && *p; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (g_unichar_combining_class (c) == 0)
        g_string_append_unichar (plain, c);
    }
  return g_utf8_casefold (plain->str, (gssize) plain->len);
}

static int
lies_in (const char *name, const char *folded)
{
  const char *found = strstr (name, folded);
  int best = LIES_NOWHERE;

  for (; found; found = strstr (found + 1, folded))
    {
      int lies = LIES_INSIDE;

      if (found == name)
        lies = strlen (name) == strlen (folded) ? LIES_WHOLE : LIES_AT_START;
      else if (!g_ascii_isalnum (found[-1]))
        lies = LIES_AT_WORD;
      best = MAX (best, lies);
    }
  return best;
}

int
limn_class_match (LimnClass *self, const char *folded)
{
  /* A word of the name says more than the start of a synonym. */
  static const int of_name[N_LIES] = { 0, 3, 6, 7, 9 };
  static const int of_synonym[N_LIES] = { 0, 2, 4, 5, 8 };
  int best;

  if (!*folded)
    return 1;
  if (strcmp (self->folded_id, folded) == 0 || strcmp (self->folded_code, folded) == 0)
    return 10;
  best = of_name[lies_in (self->folded_names[0], folded)];
  for (char **synonym = self->folded_names + 1; *synonym; synonym++)
    best = MAX (best, of_synonym[lies_in (*synonym, folded)]);
  if (best == 0 && lies_in (self->folded_group, folded) > LIES_INSIDE)
    best = 1;
  return best;
}

static void
limn_class_finalize (GObject *object)
{
  LimnClass *self = LIMN_CLASS (object);

  g_free (self->name);
  g_free (self->synonyms);
  g_free (self->group);
  g_free (self->folded_id);
  g_free (self->folded_code);
  g_free (self->folded_group);
  g_strfreev (self->folded_names);
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
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
limn_class_init (LimnClass *self)
{
  self->recent = -1;
}

static char **
fold_names (const char *name, const char *synonyms)
{
  g_autoptr (GPtrArray) folded = g_ptr_array_new ();
  g_auto (GStrv) others = g_strsplit (synonyms, ",", -1);

  g_ptr_array_add (folded, limn_class_fold (name));
  for (char **other = others; *other; other++)
    if (*g_strstrip (*other))
      g_ptr_array_add (folded, limn_class_fold (*other));
  g_ptr_array_add (folded, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&folded), FALSE);
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
  self->folded_id = g_strdup_printf ("%d", id);
  self->folded_code = limn_class_fold (code);
  self->folded_group = limn_class_fold (group);
  self->folded_names = fold_names (name, synonyms);
  return self;
}

int
limn_class_get_id (LimnClass *self)
{
  return self->id;
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
