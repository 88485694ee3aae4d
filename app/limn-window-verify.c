/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a picture is what its settings paint, here and with this model. */
#include "limn-window-private.h"

#include <glib/gi18n.h>

#include "limn-checkpoints.h"
#include "limn-difference.h"
#include "limn-export.h"

typedef struct
{
  LimnWindow *window; /* a reference */
  GFile *file;
  struct fit_settings settings; /* of the file */
  LimnRun *run;
  GdkTexture *saved;
} Verification;

static void
verification_free (Verification *v)
{
  if (v->run)
    g_signal_handlers_disconnect_by_data (v->run, v);
  g_clear_object (&v->run);
  g_clear_object (&v->saved);
  g_object_unref (v->file);
  g_object_unref (v->window);
  g_free (v);
}

static char *
dup_verdict (Verification *v, struct fit_frame *frame, gboolean *same)
{
  g_autofree char *name = g_file_get_basename (v->file);
  g_autofree guint8 *saved = NULL;
  LimnDifference d;

  *same = FALSE;
  if (fit_frame_width (frame) != gdk_texture_get_width (v->saved) ||
      fit_frame_height (frame) != gdk_texture_get_height (v->saved))
    return g_strdup_printf (_ ("“%s” has another size than its settings say"), name);
  saved = limn_export_dup_rgba (v->saved);
  d = limn_difference_measure (saved, fit_frame_pixels (frame),
                               (gsize) fit_frame_width (frame) * (gsize) fit_frame_height (frame));
  *same = d.most == 0;
  if (*same)
    return g_strdup_printf (_ ("“%s” is the same, pixel for pixel"), name);
  /* Translators: a file, the mean and the largest difference of 255 */
  return g_strdup_printf (_ ("“%s” differs: by %.2f on average and %d of 255 at most. It may come "
                             "from another model or another kind of processor."),
                          name, d.mean, d.most);
}

static void
tell (Verification *v)
{
  struct fit_frame *frame = limn_run_dup_end (v->run);
  gboolean same = FALSE;
  g_autofree char *verdict = NULL;

  if (frame)
    verdict = dup_verdict (v, frame, &same);
  else
    verdict = g_strdup (limn_run_get_error (v->run));
  fit_frame_unref (&frame);
  if (same)
    limn_window_toast (v->window, verdict);
  else
    limn_window_show_trouble (v->window, verdict, FALSE);
  verification_free (v);
}

static void
state_cb (Verification *v)
{
  if (!limn_run_is_active (v->run))
    tell (v);
}

static void
give_up (Verification *v, const char *reason)
{
  limn_window_show_trouble (v->window, reason, FALSE);
  verification_free (v);
}

/* The model NULL: the one in use. */
static void
paint_again (Verification *v, struct fit_model *model)
{
  LimnSession *session = v->window->session;
  g_autoptr (GError) error = NULL;

  v->run = model ? limn_session_start_on (session, model, &v->settings.params, &error)
                 : limn_session_start (session, &v->settings.params, &error);
  if (v->run)
    g_signal_connect_swapped (v->run, "notify::state", G_CALLBACK (state_cb), v);
  else
    give_up (v, error->message);
}

/* ---- the checkpoint that painted it ---- */

/* Checkpoints of one training share their name, and each has its weights. */
static gboolean
is_by_other_checkpoint (Verification *v)
{
  const struct fit_model_info *info = limn_session_get_info (v->window->session);

  return v->settings.checkpoint_step >= 0 && info &&
         !g_str_equal (info->sha256, v->settings.model_hash);
}

static gboolean
is_the_one (Verification *v, struct fit_model *model)
{
  struct fit_model_info info;

  fit_model_info (model, &info);
  return g_str_equal (info.sha256, v->settings.model_hash);
}

static void
checkpoint_cb (GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer data)
{
  Verification *v = data;
  g_autoptr (GError) error = NULL;
  struct fit_model *model = limn_checkpoint_open_finish (result, &error);
  g_autofree char *reason = NULL;
  char step[24]; /* translations know no macros */

  g_snprintf (step, sizeof step, "%" G_GINT64_FORMAT, v->settings.checkpoint_step);
  if (model && is_the_one (v, model))
    paint_again (v, model);
  else if (model || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      /* Translators: a step of the training, and the name of the model that was trained */
      reason = g_strdup_printf (_ ("It was painted by step %s of the training of “%s”, which is not "
                                   "beside the model in use, or not any more."),
                                step, v->settings.model_name);
      give_up (v, reason);
    }
  else
    give_up (v, error->message);
  fit_model_unref (&model);
}

static void
settings_cb (GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer data)
{
  Verification *v = data;
  g_autoptr (GError) error = NULL;

  if (!limn_export_read_finish (result, &v->settings, &error))
    give_up (v, error->message);
  else if (v->settings.n_origins > 0)
    give_up (v, _ ("The picture goes on from another run; “limn-cli verify” paints both again."));
  else if (is_by_other_checkpoint (v))
    limn_session_open_checkpoint_async (v->window->session, v->settings.checkpoint_step, NULL,
                                        checkpoint_cb, v);
  else
    paint_again (v, NULL);
}

static void
loaded_cb (GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer data)
{
  Verification *v = data;

  v->saved = limn_export_load_finish (result);
  if (v->saved)
    {
      limn_export_read_async (v->file, settings_cb, v);
      return;
    }
  give_up (v, _ ("The file is no picture."));
}

void
limn_window_verify (LimnWindow *self, GFile *file)
{
  Verification *v = g_new0 (Verification, 1);

  v->window = g_object_ref (self);
  v->file = g_object_ref (file);
  limn_window_hide_trouble (self);
  limn_export_load_async (file, NULL, loaded_cb, v);
}
