/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of one training run side by side: the models that the panes paint with. A model is
 * open as long as a run or the session has it, so that no more of them are than are on show. */
#include "limn-compare-view-private.h"

#include <glib/gi18n.h>

char *
limn_compare_view_dup_step_name (gint64 step)
{
  char number[24]; /* translations know no macros */

  g_snprintf (number, sizeof number, "%" G_GINT64_FORMAT, step);
  /* Translators: a step of the training, as the name of what the model was then */
  return g_strdup_printf (_ ("Step %s"), number);
}

/* ---- which there are ---- */

gboolean
limn_compare_view_has_checkpoints (LimnCompareView *self)
{
  return self->checkpoints && limn_checkpoints_get_n (self->checkpoints) >= 2;
}

static int
by_step (gconstpointer a, gconstpointer b)
{
  gint64 left = *(const gint64 *) a, right = *(const gint64 *) b;

  return (left > right) - (left < right);
}

static gboolean
is_listed (LimnCompareView *self, gint64 step, guint *position)
{
  return g_array_binary_search (self->listed, &step, by_step, position);
}

/* What is there, and what a pane shows that has gone since. */
static void
collect_steps (LimnCompareView *self)
{
  guint n = limn_checkpoints_get_n (self->checkpoints);

  g_array_set_size (self->listed, 0);
  for (guint i = 0; i < n; i++)
    {
      gint64 step = limn_checkpoints_get_step (self->checkpoints, i);

      g_array_append_val (self->listed, step);
    }
  for (int i = 0; i < self->n; i++)
    if (!is_listed (self, self->variants[i].step, NULL))
      {
        g_array_append_val (self->listed, self->variants[i].step);
        g_array_sort (self->listed, by_step);
      }
}

static char *
dup_entry (LimnCompareView *self, gint64 step)
{
  guint n = limn_checkpoints_get_n (self->checkpoints);
  g_autofree char *name = limn_compare_view_dup_step_name (step);

  if (!limn_checkpoints_has (self->checkpoints, step))
    /* Translators: of a step of the training, whose files have been removed since */
    return g_strdup_printf (_ ("%s (removed)"), name);
  if (step == limn_checkpoints_get_step (self->checkpoints, n - 1))
    /* Translators: of a step of the training, the last one so far */
    return g_strdup_printf (_ ("%s (newest)"), name);
  return g_steal_pointer (&name);
}

void
limn_compare_view_list_steps (LimnCompareView *self)
{
  g_autoptr (GtkStringList) names = NULL;
  guint position;

  if (self->chosen_axis != LIMN_AXIS_CHECKPOINT || self->n == 0 ||
      limn_compare_view_is_of_kept (self))
    return;
  collect_steps (self);
  names = gtk_string_list_new (NULL);
  for (guint i = 0; i < self->listed->len; i++)
    gtk_string_list_take (names, dup_entry (self, g_array_index (self->listed, gint64, i)));
  for (int i = 0; i < self->n; i++)
    if (is_listed (self, self->variants[i].step, &position))
      limn_compare_pane_set_choice (LIMN_COMPARE_PANE (self->variants[i].pane),
                                    G_LIST_MODEL (names), position);
}

int
limn_compare_view_pick_steps (LimnCompareView *self, gint64 out[LIMN_MOST_VARIANTS])
{
  guint n = limn_checkpoints_get_n (self->checkpoints);
  int places[LIMN_MOST_VARIANTS], shown;

  if (self->n > 0 && self->chosen_axis == LIMN_AXIS_CHECKPOINT &&
      !limn_compare_view_is_of_kept (self))
    {
      for (int i = 0; i < self->n; i++)
        out[i] = self->variants[i].step;
      return self->n;
    }
  shown = limn_spread ((int) n, 4, places);
  for (int i = 0; i < shown; i++)
    out[i] = limn_checkpoints_get_step (self->checkpoints, (guint) places[i]);
  return shown;
}

static void
checkpoints_changed_cb (LimnCompareView *self)
{
  limn_compare_view_refresh_axes (self);
  limn_compare_view_list_steps (self);
  limn_compare_view_tell_activity (self);
}

static void
session_state_cb (LimnCompareView *self)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);

  if (limn_session_get_state (self->session) != LIMN_SESSION_LOADING)
    limn_checkpoints_follow (self->checkpoints, info ? info->path : NULL);
}

void
limn_compare_view_set_up_checkpoints (LimnCompareView *self)
{
  self->listed = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->checkpoints = limn_checkpoints_new ();
  g_signal_connect_object (self->checkpoints, "changed", G_CALLBACK (checkpoints_changed_cb), self,
                           G_CONNECT_SWAPPED);
}

void
limn_compare_view_follow_session (LimnCompareView *self)
{
  g_signal_connect_object (self->session, "notify::state", G_CALLBACK (session_state_cb), self,
                           G_CONNECT_SWAPPED);
  session_state_cb (self);
}

/* ---- painting with one ---- */

static struct fit_model *
model_at_step (LimnRun *run, gint64 step)
{
  struct fit_model *model = run ? limn_run_get_model (run) : NULL;
  struct fit_model_info info;

  if (!model)
    return NULL;
  fit_model_info (model, &info);
  return info.checkpoint_step == step ? model : NULL;
}

/* One that another pane paints with, or that was painted with before. Borrowed. */
static struct fit_model *
find_open (LimnCompareView *self, gint64 step, GPtrArray *before)
{
  struct fit_model *found = NULL;

  for (int i = 0; i < self->n && !found; i++)
    found = model_at_step (self->variants[i].run, step);
  for (guint i = 0; before && i < before->len && !found; i++)
    found = model_at_step (before->pdata[i], step);
  return found;
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LimnCompareView *self = data;
  GCancellable *opening = g_task_get_cancellable (G_TASK (result));
  g_autoptr (GError) error = NULL;
  struct fit_model *model = limn_checkpoint_open_finish (result, &error);

  (void) source;
  /* Whoever cancels does not look at this any more, or is gone. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  for (int i = 0; i < self->n; i++)
    if (self->variants[i].opening == opening)
      {
        if (model)
          limn_compare_view_begin (self, i, model);
        else
          {
            limn_compare_view_end (self, i);
            self->variants[i].trouble = g_strdup (error->message);
          }
      }
  fit_model_unref (&model);
  limn_compare_view_tell_activity (self);
}

void
limn_compare_view_open_step (LimnCompareView *self, int i, gint64 step, GPtrArray *before)
{
  LimnVariant *v = &self->variants[i];
  struct fit_model *model = find_open (self, step, before);

  v->step = step;
  g_free (v->title);
  v->title = limn_compare_view_dup_step_name (step);
  if (model)
    {
      /* It may be this pane's own, whose run ends. */
      model = fit_model_ref (model);
      limn_compare_view_begin (self, i, model);
      fit_model_unref (&model);
      return;
    }
  limn_compare_view_end (self, i);
  v->opening = g_cancellable_new ();
  limn_session_open_checkpoint_async (self->session, step, v->opening, opened_cb, self);
}

/* ---- choosing one ---- */

void
limn_compare_view_set_step (LimnCompareView *self, int pane, gint64 step)
{
  g_return_if_fail (pane >= 0 && pane < self->n);
  g_return_if_fail (self->chosen_axis == LIMN_AXIS_CHECKPOINT);

  limn_compare_view_open_step (self, pane, step, NULL);
  limn_compare_view_list_steps (self);
  limn_compare_view_tell_activity (self);
}

gint64
limn_compare_view_get_step (LimnCompareView *self, int pane)
{
  return pane >= 0 && pane < self->n ? self->variants[pane].step : -1;
}

void
limn_compare_view_pick (LimnCompareView *self, guint position, GtkWidget *pane)
{
  gint64 step;

  if (position >= self->listed->len)
    return;
  step = g_array_index (self->listed, gint64, position);
  for (int i = 0; i < self->n; i++)
    if (self->variants[i].pane == pane && self->variants[i].step != step)
      {
        /* The lists stay as they are, this one being in the middle of telling. */
        limn_compare_view_open_step (self, i, step, NULL);
        limn_compare_view_tell_activity (self);
      }
}
