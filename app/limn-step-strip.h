/* SPDX-License-Identifier: Apache-2.0 */
/* limn-step-strip.h - a slider over the steps of a run, drawn as a strip of small pictures.
 *
 * It is a GtkScale, so that keys, pointers and assistive technology find what they know; its
 * slider is the playhead, and its value cannot pass the finished steps. */
#pragma once

#include <gtk/gtk.h>

#include "limn-run.h"

G_BEGIN_DECLS

#define LIMN_TYPE_STEP_STRIP (limn_step_strip_get_type ())
G_DECLARE_FINAL_TYPE (LimnStepStrip, limn_step_strip, LIMN, STEP_STRIP, GtkScale)

void limn_step_strip_set_run (LimnStepStrip *self, LimnRun *run);

/* Shows the step that is `steps` away from the one shown, inside what is finished. */
void limn_step_strip_move (LimnStepStrip *self, int steps);

G_END_DECLS
