/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a window over a session with the test model, and ways to wait for it. */
#pragma once

#include "limn-application.h"
#include "limn-canvas-private.h"
#include "limn-window-private.h"
#include "limn-restore-sheet.h"

struct fixture {
    LimnSession *session;
    LimnWindow *window; /* owned by GTK */
};

/* Registers the one application of the test program; exits with 77 when no model is there. */
void fixture_init(int *argc, char ***argv);

/* For g_test_add: a window whose model is ready. */
void fixture_open(struct fixture *fixture, gconstpointer data);
void fixture_close(struct fixture *fixture, gconstpointer data);

GtkApplication *fixture_application(void);

/* Runs the main loop until the condition holds; three minutes without it fail the test. */
#define WAIT_UNTIL(condition)                                                                      \
    do {                                                                                           \
        gint64 patience = g_get_monotonic_time() + 180 * G_USEC_PER_SEC;                           \
        while (!(condition)) {                                                                     \
            if (g_get_monotonic_time() > patience)                                                 \
                g_error("%s:%d: waited in vain for %s", __FILE__, __LINE__, #condition);           \
            fixture_turn();                                                                        \
        }                                                                                          \
    } while (0)

/* One turn of the main loop, which something wakes soon. */
void fixture_turn(void);

/* A few frames, so that sizes are allocated and animations have moved on. */
void fixture_settle(struct fixture *fixture);

void fixture_act(struct fixture *fixture, const char *action);

/* Presses Generate and waits for the end of the run. */
void fixture_paint(struct fixture *fixture);

/* Throws one picture of the history away. */
AdwToast *fixture_discard(struct fixture *fixture, GFile *file);

/* Writes what a window draws itself to a PNG file: popovers are windows of their own. */
void fixture_write_window(GtkWidget *window, const char *path);

/* Writes numbered pictures of a window (NULL: the test's) into the folder that
 * LIMN_TEST_SCREENSHOTS names, PROGRAM-NN-NAME-light.png and -dark.png; without that variable it
 * does nothing. */
void fixture_picture(struct fixture *fixture, GtkWindow *window, const char *name);

/* The open sheet that asks what to restore, or NULL. */
LimnRestoreSheet *fixture_find_sheet(void);

/* The first widget of that id in the template, below or at `widget`; NULL when none. */
GtkWidget *fixture_find(GtkWidget *widget, const char *id);

/* The label with that text somewhere below a widget, or NULL. */
GtkWidget *fixture_find_label(GtkWidget *below, const char *text);

/* The sentence of the bar that tells what went wrong; whether a button of it is to be seen. */
const char *fixture_trouble(struct fixture *fixture);
gboolean fixture_is_shown(GtkButton *button);

/* That some words are in a text, and that the control of that id in the window is outlined, or
 * not. */
void fixture_require_words(const char *text, const char *words);
void fixture_require_outlined(struct fixture *fixture, const char *id, gboolean outlined);

/* The first controller of a type on a widget. */
gpointer fixture_controller(GtkWidget *widget, GType type);
