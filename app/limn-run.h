/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-run.h - one generation: its progress, and the picture that is shown of it.
 *
 * A run shows either its newest picture ("live") or one chosen step; both as prediction, state or
 * velocity. The picture is the property "texture"; until the decoder has answered it may be a
 * small thumbnail of the same step. Properties change on the main thread only.
 */
#pragma once

#include <fit/fit.h>
#include <gdk/gdk.h>

G_BEGIN_DECLS

#define LIMN_RUN_LIVE (-1)

#define LIMN_TYPE_RUN (limn_run_get_type ())
G_DECLARE_FINAL_TYPE (LimnRun, limn_run, LIMN, RUN, GObject)

/* Takes over the reference to the job. */
LimnRun *limn_run_new (struct fit_job *job);

/* The session tells what the engine told it. */
void limn_run_handle_event (LimnRun *self, enum fit_event_type type);

/* Whether the run is not over: it waits, moves or is paused. */
gboolean limn_run_is_active (LimnRun *self);
/* Whether it waits or moves. */
gboolean limn_run_is_moving (LimnRun *self);
enum fit_job_state limn_run_get_state (LimnRun *self);
int limn_run_get_step (LimnRun *self); /* finished steps */
int limn_run_get_n_steps (LimnRun *self);
double limn_run_get_elapsed (LimnRun *self);   /* seconds */
double limn_run_get_remaining (LimnRun *self); /* seconds, negative while unknown */
/* Why the run failed, or a step of it could not be shown: a sentence, or "". */
const char *limn_run_get_error (LimnRun *self);
/* The same as a GError of the session's domain, or NULL; transfer full. */
GError *limn_run_dup_error (LimnRun *self);

/* The model that it is painted with, which need not be the one in use. Borrowed. */
struct fit_model *limn_run_get_model (LimnRun *self);

/* The effective settings. */
const struct fit_generate_params *limn_run_get_params (LimnRun *self);

/* Makes `params` go on from the step that is shown, with the run's own noise, size and steps. */
void limn_run_go_on_from_shown (LimnRun *self, struct fit_generate_params *params);

/* Whether the run went on from another. */
gboolean limn_run_is_branch (LimnRun *self);

/* Stops between two operations; what was painted stays. */
void limn_run_stop (LimnRun *self);

/* Between two evaluations; afterwards it goes on as if nothing had been. */
void limn_run_pause (LimnRun *self);
void limn_run_resume (LimnRun *self);

/* A reference to the engine's side of the run. */
struct fit_job *limn_run_ref_job (LimnRun *self);

/* Shows a step (0 is the noise), or LIMN_RUN_LIVE, in a view. */
void limn_run_show (LimnRun *self, int step, enum fit_view view);
gboolean limn_run_is_live (LimnRun *self);
enum fit_view limn_run_get_view (LimnRun *self);

/* The step that is shown, or that was asked for and is on its way. */
int limn_run_get_shown_step (LimnRun *self);

/* The picture that is shown, or NULL before the first. Borrowed. */
GdkTexture *limn_run_get_texture (LimnRun *self);

/* The decoded picture that is shown: a reference, or NULL while there is none. */
struct fit_frame *limn_run_dup_frame (LimnRun *self);

/* The picture that the run ended with: a reference, or NULL before the end. */
struct fit_frame *limn_run_dup_end (LimnRun *self);

/* The settings as JSON, as pictures carry them. */
char *limn_run_dup_settings_json (LimnRun *self);

/* A small picture of the prediction at a finished step, or NULL. */
GdkTexture *limn_run_dup_thumbnail (LimnRun *self, int step);

G_END_DECLS
