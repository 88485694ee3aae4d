/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static GtkApplication *application;

void fixture_init(int *argc, char ***argv)
{
    const char *model = g_getenv("LIMN_MODEL");
    if (!model || !g_file_test(model, G_FILE_TEST_IS_DIR)) {
        g_printerr("LIMN_MODEL names no folder\n");
        exit(77);
    }
    g_setenv("GSETTINGS_BACKEND", "memory", TRUE);
    /* What one test program interrupts is not offered to another. */
    g_autofree char *state = g_dir_make_tmp("limn-state-XXXXXX", NULL);
    if (!g_getenv("XDG_STATE_HOME"))
        g_setenv("XDG_STATE_HOME", state, TRUE);
    /* Nor does one see the pictures of another. */
    g_autofree char *home = g_dir_make_tmp("limn-data-XXXXXX", NULL);
    g_setenv("XDG_DATA_HOME", home, TRUE);
    gtk_test_init(argc, argv);
    application = GTK_APPLICATION(limn_application_new());
    g_application_set_flags(G_APPLICATION(application),
                            G_APPLICATION_HANDLES_OPEN | G_APPLICATION_NON_UNIQUE);
    g_assert_true(g_application_register(G_APPLICATION(application), NULL, NULL));
    /* Sizes that a test asks for shall be there at once. */
    g_object_set(gtk_settings_get_default(), "gtk-enable-animations", FALSE, NULL);
}

GtkApplication *fixture_application(void)
{
    return application;
}

static gboolean wake_up(gpointer data)
{
    gboolean *woken = data;
    *woken = TRUE;
    return G_SOURCE_REMOVE;
}

void fixture_turn(void)
{
    gboolean woken = FALSE;
    g_timeout_add(5, wake_up, &woken);
    while (!woken)
        g_main_context_iteration(NULL, TRUE);
}

void fixture_settle(struct fixture *fixture)
{
    (void)fixture;
    for (int i = 0; i < 20; i++)
        fixture_turn();
}

void fixture_open(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->session = limn_session_new();
    fixture->window = limn_window_new(application, fixture->session);
    /* Pictures of one test would come into the folder while another looks at it. */
    g_settings_set_boolean(fixture->window->memory, "keep-history", FALSE);
    gtk_window_present(GTK_WINDOW(fixture->window));
    limn_session_load(fixture->session, g_getenv("LIMN_MODEL"));
    WAIT_UNTIL(limn_session_get_state(fixture->session) != LIMN_SESSION_LOADING);
    g_assert_cmpstr(limn_session_get_message(fixture->session), ==, "");
    limn_settings_set_size(fixture->window->settings, 64, 48);
    g_object_set(fixture->window->settings, "steps", 6, NULL);
    fixture_settle(fixture);
}

void fixture_close(struct fixture *fixture, gconstpointer data)
{
    (void)data;
    if (fixture->window) {
        g_object_add_weak_pointer(G_OBJECT(fixture->window), (gpointer *)&fixture->window);
        gtk_window_close(GTK_WINDOW(fixture->window));
        WAIT_UNTIL(fixture->window == NULL);
    }
    limn_session_close(fixture->session);
    g_assert_finalize_object(fixture->session);
}

void fixture_act(struct fixture *fixture, const char *action)
{
    g_assert_true(gtk_widget_activate_action(GTK_WIDGET(fixture->window), action, NULL));
}

void fixture_paint(struct fixture *fixture)
{
    fixture_act(fixture, "win.generate");
    g_assert_nonnull(fixture->window->run);
    WAIT_UNTIL(!limn_run_is_active(fixture->window->run));
}

AdwToast *fixture_discard(struct fixture *fixture, GFile *file)
{
    g_autoptr(GListStore) files = g_list_store_new(G_TYPE_FILE);
    g_list_store_append(files, file);
    return limn_window_discard(fixture->window, G_LIST_MODEL(files));
}

GtkWidget *fixture_find(GtkWidget *widget, const char *id)
{
    if (g_strcmp0(gtk_buildable_get_buildable_id(GTK_BUILDABLE(widget)), id) == 0)
        return widget;
    GtkWidget *found = NULL;
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child && !found;
         child = gtk_widget_get_next_sibling(child))
        found = fixture_find(child, id);
    return found;
}

gpointer fixture_controller(GtkWidget *widget, GType type)
{
    GListModel *controllers = gtk_widget_observe_controllers(widget);
    gpointer found = NULL;
    for (guint i = 0; !found && i < g_list_model_get_n_items(controllers); i++) {
        gpointer controller = g_list_model_get_item(controllers, i);
        if (G_TYPE_CHECK_INSTANCE_TYPE(controller, type))
            found = controller;
        g_object_unref(controller);
    }
    g_object_unref(controllers);
    g_assert_nonnull(found);
    return found;
}

void fixture_write_window(GtkWidget *window, const char *path)
{
    g_autoptr(GdkPaintable) paintable = gtk_widget_paintable_new(window);
    g_autoptr(GtkSnapshot) snapshot = gtk_snapshot_new();
    int width = gtk_widget_get_width(window), height = gtk_widget_get_height(window);
    gdk_paintable_snapshot(paintable, snapshot, width, height);
    g_autoptr(GskRenderNode) node = gtk_snapshot_to_node(snapshot);
    GskRenderer *renderer = gtk_native_get_renderer(GTK_NATIVE(window));
    const graphene_rect_t all = GRAPHENE_RECT_INIT(0, 0, (float)width, (float)height);
    g_autoptr(GdkTexture) texture = gsk_renderer_render_texture(renderer, node, &all);
    g_assert_true(gdk_texture_save_to_png(texture, path));
}

void fixture_picture(struct fixture *fixture, GtkWindow *window, const char *name)
{
    static const struct {
        const char *name;
        AdwColorScheme scheme;
    } styles[] = {{"light", ADW_COLOR_SCHEME_FORCE_LIGHT}, {"dark", ADW_COLOR_SCHEME_FORCE_DARK}};
    static int number;
    const char *folder = g_getenv("LIMN_TEST_SCREENSHOTS");
    if (!folder)
        return;
    number++;
    for (guint i = 0; i < G_N_ELEMENTS(styles); i++) {
        g_autofree char *program = g_path_get_basename(g_get_prgname());
        g_autofree char *file
            = g_strdup_printf("%s-%02d-%s-%s.png", program, number, name, styles[i].name);
        g_autofree char *path = g_build_filename(folder, file, NULL);
        adw_style_manager_set_color_scheme(adw_style_manager_get_default(), styles[i].scheme);
        fixture_settle(fixture);
        fixture_write_window(GTK_WIDGET(window ? window : GTK_WINDOW(fixture->window)), path);
    }
    adw_style_manager_set_color_scheme(adw_style_manager_get_default(), ADW_COLOR_SCHEME_DEFAULT);
}

LimnRestoreSheet *fixture_find_sheet(void)
{
    GListModel *windows = gtk_window_get_toplevels();
    for (guint i = 0; i < g_list_model_get_n_items(windows); i++) {
        g_autoptr(GObject) window = g_list_model_get_item(windows, i);
        if (LIMN_IS_RESTORE_SHEET(window))
            return LIMN_RESTORE_SHEET(window);
    }
    return NULL;
}

GtkWidget *fixture_find_label(GtkWidget *below, const char *text)
{
    GtkWidget *found = NULL;
    if (GTK_IS_LABEL(below) && strstr(gtk_label_get_text(GTK_LABEL(below)), text))
        return below;
    for (GtkWidget *child = gtk_widget_get_first_child(below); child && !found;
         child = gtk_widget_get_next_sibling(child))
        found = fixture_find_label(child, text);
    return found;
}

const char *fixture_trouble(struct fixture *fixture)
{
    return gtk_label_get_text(fixture->window->trouble_text);
}

gboolean fixture_is_shown(GtkButton *button)
{
    return gtk_widget_get_visible(GTK_WIDGET(button));
}

void fixture_require_words(const char *text, const char *words)
{
    if (!strstr(text, words))
        g_error("expected words about \"%s\", found \"%s\"", words, text);
}

void fixture_require_outlined(struct fixture *fixture, const char *id, gboolean outlined)
{
    GtkWidget *control = fixture_find(GTK_WIDGET(fixture->window), id);
    g_assert_nonnull(control);
    g_assert_cmpint(gtk_widget_has_css_class(control, "error"), ==, outlined);
}
