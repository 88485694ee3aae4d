/* SPDX-License-Identifier: Apache-2.0 */
/* limn-step-scrubber.h - walking through the steps of a run: play, strip, view. */
#pragma once

#include <gtk/gtk.h>

#include "limn-run.h"

G_BEGIN_DECLS

#define LIMN_TYPE_STEP_SCRUBBER (limn_step_scrubber_get_type ())
G_DECLARE_FINAL_TYPE (LimnStepScrubber, limn_step_scrubber, LIMN, STEP_SCRUBBER, GtkWidget)

void limn_step_scrubber_set_run (LimnStepScrubber *self, LimnRun *run);
void limn_step_scrubber_toggle_play (LimnStepScrubber *self);

/* Twice as fast (1) or half (-1), from an eighth to eight times. */
void limn_step_scrubber_change_speed (LimnStepScrubber *self, int direction);

/* Whether playing begins again at the end. */
void limn_step_scrubber_toggle_loop (LimnStepScrubber *self);

void limn_step_scrubber_set_view (LimnStepScrubber *self, enum fit_view view);

G_END_DECLS
