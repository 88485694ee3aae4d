/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-recovery.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "limn-error.h"

#define INTERVAL_US G_USEC_PER_SEC /* what a crash may cost */
#define MOST_SHARE 0.05            /* of the time may go into writing */

struct _LimnRecovery
{
  GObject parent_instance;

  char *path;
  LimnRun *run;          /* the one that is watched, or NULL */
  gboolean writing;      /* on the other thread */
  gboolean write_again;  /* the run came to rest meanwhile */
  gboolean discarded;    /* the file is to go when the write has ended */
  gint64 next_write_us;  /* monotonic; not before */
};

G_DEFINE_FINAL_TYPE (LimnRecovery, limn_recovery, G_TYPE_OBJECT)

/* ---- writing ---- */

typedef struct
{
  struct fit_job *job;
  char *path;
  gint64 took_us;
} Write;

static void
write_free (gpointer data)
{
  Write *write = data;

  fit_job_unref (&write->job);
  g_free (write->path);
  g_free (write);
}

static gboolean
write_now (struct fit_job *job, const char *path, GError **error)
{
  struct fit_error failure = { 0 };
  g_autofree char *folder = g_path_get_dirname (path);

  if (g_mkdir_with_parents (folder, 0700))
    {
      g_set_error_literal (error, G_IO_ERROR, (int) g_io_error_from_errno (errno),
                           g_strerror (errno));
      return FALSE;
    }
  if (fit_job_write (job, path, &failure))
    return TRUE;
  limn_propagate_fit_error (error, &failure);
  return FALSE;
}

static void
write_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Write *write = data;
  GError *error = NULL;
  gint64 begun = g_get_monotonic_time ();

  (void) source;
  (void) cancellable;
  if (write_now (write->job, write->path, &error))
    {
      write->took_us = g_get_monotonic_time () - begun;
      g_task_return_boolean (task, TRUE);
    }
  else
    g_task_return_error (task, error);
}

static void begin_write (LimnRecovery *self);

static void
written_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LimnRecovery *self = LIMN_RECOVERY (source);
  Write *write = g_task_get_task_data (G_TASK (result));
  gint64 pause_us;

  (void) data;
  self->writing = FALSE;
  if (self->discarded)
    g_unlink (self->path);
  self->discarded = FALSE;
  /* A disk that is full costs no picture; the next write tries again. */
  g_task_propagate_boolean (G_TASK (result), NULL);
  pause_us = MAX (INTERVAL_US, (gint64) ((double) write->took_us / MOST_SHARE));
  self->next_write_us = g_get_monotonic_time () + pause_us;
  if (self->write_again)
    begin_write (self);
}

static void
begin_write (LimnRecovery *self)
{
  g_autoptr (GTask) task = NULL;
  Write *write;

  if (!self->run)
    return;
  if (self->writing)
    {
      self->write_again = TRUE;
      return;
    }
  self->writing = TRUE;
  self->write_again = FALSE;
  write = g_new0 (Write, 1);
  write->job = limn_run_ref_job (self->run);
  write->path = g_strdup (self->path);
  task = g_task_new (self, NULL, written_cb, NULL);
  g_task_set_source_tag (task, begin_write);
  g_task_set_task_data (task, write, write_free);
  g_task_run_in_thread (task, write_thread);
}

/* ---- the run ---- */

static void
step_cb (LimnRecovery *self)
{
  if (!self->writing && g_get_monotonic_time () >= self->next_write_us)
    begin_write (self);
}

static void
state_cb (LimnRecovery *self)
{
  enum fit_job_state state = limn_run_get_state (self->run);

  if (state == FIT_JOB_DONE)
    {
      limn_recovery_watch (self, NULL);
      limn_recovery_discard (self);
    }
  else if (!limn_run_is_moving (self->run))
    begin_write (self);
}

void
limn_recovery_watch (LimnRecovery *self, LimnRun *run)
{
  g_return_if_fail (LIMN_IS_RECOVERY (self));

  if (self->run)
    g_signal_handlers_disconnect_by_data (self->run, self);
  g_set_object (&self->run, run);
  self->write_again = FALSE;
  if (!run)
    return;
  self->next_write_us = g_get_monotonic_time () + INTERVAL_US;
  g_signal_connect_object (run, "notify::step", G_CALLBACK (step_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (run, "notify::state", G_CALLBACK (state_cb), self, G_CONNECT_SWAPPED);
}

void
limn_recovery_discard (LimnRecovery *self)
{
  g_return_if_fail (LIMN_IS_RECOVERY (self));

  self->discarded = self->writing;
  g_unlink (self->path);
}

void
limn_recovery_set_aside (LimnRecovery *self)
{
  g_autofree char *aside = g_strconcat (self->path, ".damaged", NULL);

  g_return_if_fail (LIMN_IS_RECOVERY (self));

  g_rename (self->path, aside);
}

void
limn_recovery_finish (LimnRecovery *self)
{
  g_autoptr (LimnRun) run = NULL;

  g_return_if_fail (LIMN_IS_RECOVERY (self));

  run = self->run ? g_object_ref (self->run) : NULL;
  limn_recovery_watch (self, NULL);
  while (self->writing)
    g_main_context_iteration (NULL, TRUE);
  if (run)
    {
      struct fit_job *job = limn_run_ref_job (run);
      struct fit_progress progress;

      fit_job_progress (job, &progress);
      if (progress.state == FIT_JOB_DONE)
        g_unlink (self->path);
      else
        write_now (job, self->path, NULL);
      fit_job_unref (&job);
    }
}

/* ---- reading ---- */

typedef struct
{
  char *path;
  struct fit_settings settings;
  struct fit_progress progress;
} Look;

static void
look_free (gpointer data)
{
  Look *look = data;

  g_free (look->path);
  g_free (look);
}

static void
look_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Look *look = data;
  struct fit_error failure = { 0 };
  GError *error = NULL;

  (void) source;
  (void) cancellable;
  if (!g_file_test (look->path, G_FILE_TEST_EXISTS))
    g_task_return_boolean (task, FALSE);
  else if (fit_settings_read_run (look->path, &look->settings, &look->progress, &failure))
    g_task_return_boolean (task, TRUE);
  else
    {
      limn_propagate_fit_error (&error, &failure);
      g_task_return_error (task, error);
    }
}

void
limn_recovery_look_async (LimnRecovery *self, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  Look *look = g_new0 (Look, 1);

  g_return_if_fail (LIMN_IS_RECOVERY (self));

  look->path = g_strdup (self->path);
  g_task_set_source_tag (task, limn_recovery_look_async);
  g_task_set_task_data (task, look, look_free);
  g_task_run_in_thread (task, look_thread);
}

gboolean
limn_recovery_look_finish (GAsyncResult *result, struct fit_settings *settings,
                           struct fit_progress *progress, GError **error)
{
  Look *look = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  *settings = look->settings;
  *progress = look->progress;
  return TRUE;
}

/* ---- object ---- */

static void
limn_recovery_finalize (GObject *object)
{
  LimnRecovery *self = LIMN_RECOVERY (object);

  g_clear_object (&self->run);
  g_free (self->path);
  G_OBJECT_CLASS (limn_recovery_parent_class)->finalize (object);
}

static void
limn_recovery_class_init (LimnRecoveryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = limn_recovery_finalize;
}

static void
limn_recovery_init (LimnRecovery *self)
{
  (void) self;
}

LimnRecovery *
limn_recovery_new (const char *path)
{
  LimnRecovery *self = g_object_new (LIMN_TYPE_RECOVERY, NULL);

  self->path = path ? g_strdup (path)
                    : g_build_filename (g_get_user_state_dir (), "limn",
                                        "interrupted.safetensors", NULL);
  return self;
}

const char *
limn_recovery_get_path (LimnRecovery *self)
{
  return self->path;
}
