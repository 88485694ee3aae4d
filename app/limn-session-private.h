/* SPDX-License-Identifier: Apache-2.0 */
/* limn-session-private.h - what the files of the session share: limn-session.c keeps the runs and
 * hands them their events, limn-session-model.c brings models and devices. */
#pragma once

#include "limn-session.h"

G_BEGIN_DECLS

/* Behind the engine's wake-up. The engine holds one reference and each waiting source another, so
 * a source that fires after the session has gone finds NULL instead of freed memory. */
typedef struct
{
  gatomicrefcount refs;
  LimnSession *session; /* main thread only */
} LimnWaker;

struct _LimnSession
{
  GObject parent_instance;

  /* owned */
  struct fit_engine *engine;
  struct fit_model *model;
  LimnWaker *waker;
  GListStore *classes;
  LimnRecovery *recovery;
  GHashTable *runs; /* struct fit_job * -> LimnRun *, neither referenced */
  char *message;
  char *path; /* of the model in use, as it was asked for */

  struct fit_model_info info;
  LimnSessionState state;
  gboolean loading;
  double flops_per_second; /* of the last run, 0 before */
};

/* The engine's wake-up; on the worker. `data` is a LimnWaker. */
void limn_session_wake (void *data);

/* "state" is told even where it is the same: another model may be there. */
void limn_session_set_state (LimnSession *self, LimnSessionState state);

G_END_DECLS
