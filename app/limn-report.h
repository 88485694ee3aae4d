/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-report.h - what somebody who looks into a failure wants to know, as text.
 *
 * The report is in English whatever the language of the window: it is for those who make the
 * program.
 */
#pragma once

#include <gtk/gtk.h>

#include "limn-session.h"

G_BEGIN_DECLS

/* Versions, device and model. */
char *limn_report_dup_system (LimnSession *session);

/* The same with what happened, and how far a run (or NULL) had come with which settings. */
char *limn_report_dup (LimnSession *session, LimnRun *run, const char *sentence);

/* Shows a report over a window, to be copied. */
void limn_report_present (GtkWindow *parent, const char *report);

G_END_DECLS
