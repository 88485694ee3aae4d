/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure-window: how quick the window is, on the bundled model, and how quick its list of classes
 * is with 1000 of them (LIMN_MODEL_1000). It asserts nothing; it prints milliseconds (of several
 * runs: median and worst) and megabytes. Frames are measured at rest, while painting, and while
 * painting beside a process that never rests.
 *
 *     meson test -C build --benchmark --verbose window
 */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 9, FRAMES_S = 5, MOST_FRAMES = 60 * FRAMES_S * 2 };

/* The time between two polls is what one iteration of the main loop kept everyone else waiting. */
static gint64 poll_left_us, longest_us;

static int timed_poll(GPollFD *fds, guint n, int timeout)
{
    if (poll_left_us)
        longest_us = MAX(longest_us, g_get_monotonic_time() - poll_left_us);
    int ready = g_poll(fds, n, timeout);
    poll_left_us = g_get_monotonic_time();
    return ready;
}

static double ms_since(gint64 begun_us)
{
    return (double)(g_get_monotonic_time() - begun_us) / 1000;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *what, double *values)
{
    qsort(values, RUNS, sizeof *values, ascending);
    printf("%-52s median %7.1f ms   worst %7.1f ms\n", what, values[RUNS / 2], values[RUNS - 1]);
}

/* Resident memory in MB: now ("VmRSS") or at its highest ("VmHWM"). */
static double memory_mb(const char *key)
{
    g_autofree char *text = NULL;
    g_file_get_contents("/proc/self/status", &text, NULL, NULL);
    const char *line = text ? strstr(text, key) : NULL;
    return line ? g_ascii_strtod(line + strlen(key) + 1, NULL) / 1024 : 0;
}

static gboolean has_full_picture(LimnRun *run)
{
    GdkTexture *texture = limn_run_get_texture(run);
    return texture && gdk_texture_get_width(texture) == limn_run_get_params(run)->width;
}

/* Turns the loop without a timer of its own, so that waiting costs nothing. */
static void until_picture(struct fixture *f)
{
    while (limn_run_is_active(f->window->run) && !has_full_picture(f->window->run))
        g_main_context_iteration(NULL, TRUE);
}

static void until_end(struct fixture *f)
{
    while (limn_run_is_active(f->window->run))
        g_main_context_iteration(NULL, TRUE);
}

static void measure_size(struct fixture *f, int side)
{
    double first[RUNS], whole[RUNS], worst[RUNS];
    g_autofree char *what = NULL;
    limn_settings_set_size(f->window->settings, side, side);
    g_object_set(f->window->settings, "steps", 20, NULL);
    fixture_paint(f); /* what is compiled and reserved once */
    fixture_settle(f);
    for (int i = 0; i < RUNS; i++) {
        longest_us = 0;
        gint64 begun = g_get_monotonic_time();
        fixture_act(f, "win.generate");
        until_picture(f);
        first[i] = ms_since(begun);
        until_end(f);
        whole[i] = ms_since(begun);
        worst[i] = (double)longest_us / 1000;
        fixture_settle(f);
    }
    printf("%d x %d, 20 Euler steps with guidance\n", side, side);
    report("  Generate to the first prediction", first);
    report("  Generate to the end", whole);
    report("  longest iteration of the main loop", worst);
}

static void measure_stop(struct fixture *f)
{
    double pressed[RUNS], stopped[RUNS];
    limn_settings_set_size(f->window->settings, 256, 256);
    g_object_set(f->window->settings, "steps", 1000, NULL);
    for (int i = 0; i < RUNS; i++) {
        fixture_act(f, "win.generate");
        until_picture(f);
        gint64 begun = g_get_monotonic_time();
        fixture_act(f, "win.stop");
        pressed[i] = ms_since(begun);
        until_end(f);
        stopped[i] = ms_since(begun);
        fixture_settle(f);
    }
    printf("Stop at 256 x 256\n");
    report("  Stop to its acknowledgement", pressed);
    report("  Stop to the end of the run", stopped);
}

/* A size after the other, as a hand that rests on each. */
static void measure_live(struct fixture *f)
{
    double first[RUNS], whole[RUNS];
    limn_settings_set_size(f->window->settings, 192, 192);
    limn_live_begin(f->window->live);
    for (int i = 0; i < RUNS; i++) {
        GdkTexture *before = limn_live_get_texture(f->window->live);
        int width = 208 + 16 * (i % 3);
        gint64 begun = g_get_monotonic_time();
        limn_settings_set_size(f->window->settings, width, 192);
        while (limn_live_get_texture(f->window->live) == before)
            g_main_context_iteration(NULL, TRUE);
        first[i] = ms_since(begun);
        while (limn_live_is_painting(f->window->live))
            g_main_context_iteration(NULL, TRUE);
        whole[i] = ms_since(begun);
        fixture_settle(f);
    }
    limn_live_end(f->window->live);
    printf("live reshape at 208 to 240 x 192\n");
    report("  new size to its first picture", first);
    report("  new size to its last picture", whole);
}

/* Memory that is given back while nobody paints, and what taking it again costs. */
static void measure_rest(struct fixture *f)
{
    double warm[RUNS], rested[RUNS], painting_mb = 0, resting_mb = 0;
    limn_settings_set_size(f->window->settings, 256, 256);
    g_object_set(f->window->settings, "steps", 20, NULL);
    fixture_paint(f);
    for (int i = 0; i < RUNS; i++) {
        gint64 begun = g_get_monotonic_time();
        fixture_act(f, "win.generate");
        until_picture(f);
        warm[i] = ms_since(begun);
        until_end(f);
        fixture_settle(f);
        painting_mb = memory_mb("VmRSS:");
        limn_session_rest(f->session);
        for (int settle = 0; settle < 3; settle++)
            fixture_settle(f);
        resting_mb = memory_mb("VmRSS:");
        begun = g_get_monotonic_time();
        fixture_act(f, "win.generate");
        until_picture(f);
        rested[i] = ms_since(begun);
        until_end(f);
        fixture_settle(f);
    }
    printf("at rest: %.0f MB instead of %.0f MB\n", resting_mb, painting_mb);
    report("  Generate to the first prediction", warm);
    report("  the same after a rest", rested);
}

/* With a run under way, which is kept to be gone on with. */
static void measure_quit(struct fixture *f)
{
    g_object_set(f->window->settings, "steps", 1000, NULL);
    fixture_act(f, "win.generate");
    until_picture(f);
    for (int settle = 0; settle < 20; settle++)
        fixture_settle(f);
    gint64 begun = g_get_monotonic_time();
    fixture_close(f, NULL);
    printf("%-52s        %7.1f ms\n", "quit during a run, which is kept", ms_since(begun));
}

/* ---- classes ---- */

struct listing {
    GListModel *shown;
    guint before;   /* how many were shown when the key was pressed */
    gboolean drawn; /* a frame has come with others */
};

static void after_paint_cb(struct listing *listing)
{
    listing->drawn |= g_list_model_get_n_items(listing->shown) != listing->before;
}

/* From a letter, or from clearing the search when NULL, to the end of the frame that shows what is
 * found. */
static double measure_key(struct fixture *f, const char *letter)
{
    GtkWidget *search = fixture_find(GTK_WIDGET(f->window->classes), "search");
    GtkWidget *list = fixture_find(GTK_WIDGET(f->window->classes), "list");
    GdkFrameClock *clock = gtk_widget_get_frame_clock(list);
    struct listing listing = {G_LIST_MODEL(gtk_list_view_get_model(GTK_LIST_VIEW(list))), 0, FALSE};
    listing.before = g_list_model_get_n_items(listing.shown);
    gulong id = g_signal_connect_swapped(clock, "after-paint", G_CALLBACK(after_paint_cb), &listing);
    gint64 begun = g_get_monotonic_time();
    int end = (int)g_utf8_strlen(gtk_editable_get_text(GTK_EDITABLE(search)), -1);
    if (letter)
        gtk_editable_insert_text(GTK_EDITABLE(search), letter, -1, &end);
    else
        gtk_editable_delete_text(GTK_EDITABLE(search), 0, -1);
    while (!listing.drawn)
        g_main_context_iteration(NULL, TRUE);
    double ms = ms_since(begun);
    g_signal_handler_disconnect(clock, id);
    return ms;
}

static void measure_classes(struct fixture *f)
{
    double load[RUNS], first[RUNS], second[RUNS], none[RUNS];
    for (int i = 0; i < RUNS; i++) {
        longest_us = 0;
        limn_session_load(f->session, g_getenv("LIMN_MODEL_1000"));
        while (limn_session_get_state(f->session) == LIMN_SESSION_LOADING)
            g_main_context_iteration(NULL, TRUE);
        fixture_settle(f);
        load[i] = (double)longest_us / 1000;
        first[i] = measure_key(f, "s");
        second[i] = measure_key(f, "h");
        none[i] = measure_key(f, NULL);
        fixture_settle(f);
    }
    printf("1000 classes\n");
    report("  filling the list: longest iteration", load);
    report("  first letter to the frame with what it finds", first);
    report("  second letter to that frame", second);
    report("  search cleared to the frame with all classes", none);
}

/* ---- frames ------------------------------------------------------------------------------- */

struct frames {
    gint64 last_us;
    int n;
    double ms[MOST_FRAMES]; /* from one frame to the next */
};

/* Draws all of the window in every frame, as while something moves. */
static gboolean count_frame(GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
    struct frames *frames = data;
    gint64 now_us = g_get_monotonic_time();
    (void)clock;
    if (frames->last_us && frames->n < MOST_FRAMES)
        frames->ms[frames->n++] = (double)(now_us - frames->last_us) / 1000;
    frames->last_us = now_us;
    gtk_widget_queue_draw(widget);
    return G_SOURCE_CONTINUE;
}

static gboolean time_is_over(gpointer over)
{
    *(gboolean *)over = TRUE;
    return G_SOURCE_REMOVE;
}

static void measure_frames(struct fixture *f, const char *what)
{
    struct frames *frames = g_new0(struct frames, 1);
    gboolean over = FALSE;
    guint tick = gtk_widget_add_tick_callback(GTK_WIDGET(f->window), count_frame, frames, NULL);
    g_timeout_add_seconds(FRAMES_S, time_is_over, &over);
    while (!over)
        g_main_context_iteration(NULL, TRUE);
    gtk_widget_remove_tick_callback(GTK_WIDGET(f->window), tick);
    int n = MAX(frames->n, 1);
    qsort(frames->ms, (size_t)n, sizeof *frames->ms, ascending);
    printf("%-52s median %7.1f ms   p99 %7.1f ms   worst %7.1f ms   of %d\n", what,
           frames->ms[n / 2], frames->ms[n * 99 / 100], frames->ms[n - 1], frames->n);
    fflush(stdout);
    g_free(frames);
}

static GPid busy_start(void)
{
    char *argv[] = {"/bin/sh", "-c", "while :; do :; done", NULL};
    GPid pid = 0;
    g_autoptr(GError) error = NULL;
    if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &pid, &error))
        g_printerr("no busy process: %s\n", error->message);
    return pid;
}

static void measure_all_frames(struct fixture *f)
{
    printf("frame to frame, the whole window drawn in each\n");
    measure_frames(f, "  at rest");
    limn_settings_set_size(f->window->settings, 256, 256);
    g_object_set(f->window->settings, "steps", 1000, NULL);
    fixture_act(f, "win.generate");
    until_picture(f);
    measure_frames(f, "  painting 256 x 256");
    GPid pid = busy_start();
    measure_frames(f, "  painting beside a busy process");
    if (pid)
        kill(pid, SIGKILL);
    if (!limn_run_is_active(f->window->run))
        printf("  (the run ended before its frames were counted)\n");
    fixture_act(f, "win.stop");
    until_end(f);
    fixture_settle(f);
}

int main(int argc, char **argv)
{
    struct fixture f = {0};
    gint64 begun = g_get_monotonic_time();
    fixture_init(&argc, &argv);
    f.session = limn_session_new();
    f.window = limn_window_new(fixture_application(), f.session);
    gtk_window_present(GTK_WINDOW(f.window));
    while (!gtk_widget_get_mapped(GTK_WIDGET(f.window)))
        g_main_context_iteration(NULL, TRUE);
    printf("window on screen after %.0f ms\n", ms_since(begun));
    limn_session_load(f.session, g_getenv("LIMN_MODEL"));
    WAIT_UNTIL(limn_session_get_state(f.session) == LIMN_SESSION_READY);
    printf("model ready after %.0f ms\n", ms_since(begun));
    fixture_settle(&f);

    double idle = memory_mb("VmRSS:");
    g_main_context_set_poll_func(NULL, timed_poll);
    measure_size(&f, 128);
    measure_size(&f, 256);
    printf("memory: %.0f MB idle, %.0f MB at most\n", idle, memory_mb("VmHWM:"));
    measure_rest(&f);
    measure_stop(&f);
    measure_live(&f);
    measure_all_frames(&f);
    measure_classes(&f);
    limn_session_load(f.session, g_getenv("LIMN_MODEL"));
    WAIT_UNTIL(limn_session_get_state(f.session) == LIMN_SESSION_READY);
    measure_quit(&f);
    return 0;
}
