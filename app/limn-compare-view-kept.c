/* SPDX-License-Identifier: Apache-2.0 */
/* Earlier pictures side by side: they come from their files, have no steps, and each is named by
 * what it differs in. */
#include "limn-compare-view-private.h"

#include <glib/gi18n.h>

#include "limn-export.h"
#include "limn-options.h"

gboolean
limn_compare_view_is_of_kept (LimnCompareView *self)
{
  return self->n > 0 && self->variants[0].file;
}

GFile *
limn_compare_view_get_file (LimnCompareView *self, int pane)
{
  return pane >= 0 && pane < self->n ? self->variants[pane].file : NULL;
}

void
limn_compare_view_forget_kept (LimnVariant *v)
{
  g_clear_object (&v->file);
  g_clear_object (&v->texture);
  g_clear_pointer (&v->rgba, g_free);
  g_clear_pointer (&v->settings, g_free);
}

void
limn_compare_view_refresh_tools (LimnCompareView *self)
{
  gboolean kept = limn_compare_view_is_of_kept (self);

  gtk_widget_set_visible (self->axis, !kept);
  gtk_widget_set_visible (self->time, !kept);
  gtk_widget_set_hexpand (self->status, kept);
  gtk_widget_set_tooltip_text (self->export,
                               kept ? _ ("Earlier pictures are saved in their panel (Ctrl+H)")
                                    : NULL);
}

/* ---- names ---- */

enum
{
  PART_CLASS,
  PART_SIZE,
  PART_SEED,
  PART_STEPS,
  PART_GUIDANCE,
  PART_METHOD,
  PART_SOLVER,
  PART_OPTIONS,
  PART_MODEL,
  PART_CHECKPOINT,
  PART_ORIGIN,
  PART_BACKEND,
  N_PARTS
};

static char *
dup_size (const struct fit_generate_params *params)
{
  int width, height;

  limn_settings_get_shown_size (params, &width, &height);
  return g_strdup_printf ("%d × %d", width, height);
}

static char *
dup_origin (const struct fit_settings *s)
{
  char seed[24]; /* translations know no macros */

  if (s->n_origins == 0)
    return g_strdup ("");
  g_snprintf (seed, sizeof seed, "%" G_GUINT64_FORMAT, s->origin.seed);
  /* Translators: the seed and the step of the run that a picture goes on from */
  return g_strdup_printf (_ ("From seed %s, step %d"), seed, s->params.from_step);
}

/* One thing of a picture's settings, "" where it has none of it. */
static char *
dup_part (const struct fit_settings *s, int part)
{
  switch (part)
    {
    case PART_CLASS:
      return g_strdup (s->class_name);
    case PART_SIZE:
      return dup_size (&s->params);
    case PART_SEED:
      return limn_compare_view_dup_setting (LIMN_AXIS_SEED, &s->params);
    case PART_STEPS:
      return limn_compare_view_dup_setting (LIMN_AXIS_STEPS, &s->params);
    case PART_GUIDANCE:
      return limn_compare_view_dup_setting (LIMN_AXIS_GUIDANCE, &s->params);
    case PART_METHOD:
      return limn_compare_view_dup_setting (LIMN_AXIS_METHOD, &s->params);
    case PART_SOLVER:
      return limn_compare_view_dup_setting (LIMN_AXIS_SOLVER, &s->params);
    case PART_OPTIONS:
      return limn_options_dup_text (&s->params, 0);
    case PART_MODEL:
      return g_strdup (s->model_name);
    case PART_CHECKPOINT:
      return s->checkpoint_step < 0 ? g_strdup ("")
                                    : limn_compare_view_dup_step_name (s->checkpoint_step);
    case PART_ORIGIN:
      return dup_origin (s);
    case PART_BACKEND:
    default:
      return g_strdup (s->backend);
    }
}

static gboolean
is_common (LimnCompareView *self, int part, const char *text)
{
  for (int i = 0; i < self->n; i++)
    {
      const struct fit_settings *settings = self->variants[i].settings;
      g_autofree char *other = settings ? dup_part (settings, part) : NULL;

      if (other && !g_str_equal (other, text))
        return FALSE;
    }
  return TRUE;
}

static void
append_part (GString *name, const char *text)
{
  if (*text)
    g_string_append_printf (name, "%s%s", name->len ? " · " : "", text);
}

/* What not all of the pictures have in common; of equals what leads to them, which is the same for
 * all. One without settings has its file's name. */
static char *
dup_kept_title (LimnCompareView *self, int i)
{
  const LimnVariant *v = &self->variants[i];
  g_autoptr (GString) name = g_string_new (NULL);

  if (!v->settings)
    return g_file_get_basename (v->file);
  for (int part = 0; part < N_PARTS; part++)
    {
      g_autofree char *text = dup_part (v->settings, part);

      if (!is_common (self, part, text))
        append_part (name, text);
    }
  for (int part = PART_CLASS; name->len == 0 && part <= PART_SEED; part++)
    {
      g_autofree char *text = dup_part (v->settings, part);

      append_part (name, text);
    }
  return g_string_free (g_steal_pointer (&name), FALSE);
}

static void
name_all (LimnCompareView *self)
{
  for (int i = 0; i < self->n; i++)
    {
      g_free (self->variants[i].title);
      self->variants[i].title = dup_kept_title (self, i);
    }
}

/* ---- from the files ---- */

/* A window that closes does not wait for its files. */
static GWeakRef *
weak_ref_new (LimnCompareView *self)
{
  GWeakRef *weak = g_new0 (GWeakRef, 1);

  g_weak_ref_init (weak, self);
  return weak;
}

/* The view that wanted a file, or NULL where it has gone. */
static LimnCompareView *
take_view (GWeakRef *weak)
{
  LimnCompareView *self = g_weak_ref_get (weak);

  g_weak_ref_clear (weak);
  g_free (weak);
  return self;
}

static LimnVariant *
find_variant (LimnCompareView *self, GAsyncResult *result)
{
  GFile *file = g_task_get_task_data (G_TASK (result));

  for (int i = 0; self && i < self->n; i++)
    if (self->variants[i].file == file)
      return &self->variants[i];
  return NULL; /* something else is compared by now */
}

static void
settings_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnCompareView) self = take_view (data);
  LimnVariant *v = find_variant (self, result);
  g_autofree struct fit_settings *settings = g_new0 (struct fit_settings, 1);

  (void) source;
  if (!v || !limn_export_read_finish (result, settings, NULL))
    return;
  g_free (v->settings);
  v->settings = g_steal_pointer (&settings);
  name_all (self);
  limn_compare_view_refresh (self);
}

static void
texture_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LimnCompareView) self = take_view (data);
  LimnVariant *v = find_variant (self, result);
  g_autoptr (GdkTexture) texture = limn_export_load_finish (result);
  g_autofree char *name = NULL;

  (void) source;
  if (!v || v->texture)
    return;
  if (texture)
    {
      v->width = gdk_texture_get_width (texture);
      v->height = gdk_texture_get_height (texture);
      v->rgba = limn_export_dup_rgba (texture);
      v->texture = g_steal_pointer (&texture);
    }
  else
    {
      name = g_file_get_basename (v->file);
      g_free (v->trouble);
      v->trouble = g_strdup_printf (_ ("“%s” cannot be read."), name);
    }
  limn_compare_view_refresh (self);
}

void
limn_compare_view_show_kept (LimnCompareView *self, GListModel *files)
{
  int n = (int) g_list_model_get_n_items (files);

  g_return_if_fail (LIMN_IS_COMPARE_VIEW (self) && n > 0 && n <= LIMN_MOST_VARIANTS);

  limn_compare_view_clear (self);
  limn_compare_view_look_at_all (self);
  for (int i = 0; i < n; i++)
    {
      LimnVariant *v = &self->variants[i];

      v->file = g_list_model_get_item (files, (guint) i);
      v->width = v->height = 1; /* until it is there */
      limn_compare_view_add_pane (self, i);
      self->n = i + 1;
      limn_export_read_async (v->file, settings_cb, weak_ref_new (self));
      limn_export_load_async (v->file, NULL, texture_cb, weak_ref_new (self));
    }
  name_all (self);
  self->chosen = n > 1 ? 1 : 0;
  limn_compare_view_set_mode (self, self->mode);
}
