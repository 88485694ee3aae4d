/* SPDX-License-Identifier: Apache-2.0 */
/* Hands on the window: handles, keys, entries, files, and what assistive technology is told. */
#include "fixture.h"

#include <glib/gstdio.h>

#include "limn-class.h"
#include "limn-step-strip.h"

static int width(struct fixture *f)
{
    return limn_settings_get_width(f->window->settings);
}

static int height(struct fixture *f)
{
    return limn_settings_get_height(f->window->settings);
}

static void test_drag(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkWidget *canvas = GTK_WIDGET(f->window->canvas);
    gpointer drag = fixture_controller(canvas, GTK_TYPE_GESTURE_DRAG);
    LimnRect rect = limn_canvas_place(f->window->canvas);
    double scale = limn_canvas_get_scale(f->window->canvas), x, y;

    limn_geometry_handle_center(&rect, LIMN_HANDLE_EAST, &x, &y);
    g_signal_emit_by_name(drag, "drag-begin", x, y);
    g_signal_emit_by_name(drag, "drag-update", 16 * scale, 40.0);
    g_assert_cmpint(width(f), ==, 96);
    g_assert_cmpint(height(f), ==, 48);
    g_signal_emit_by_name(drag, "drag-end", 16 * scale, 40.0);

    /* Beside the handles nothing changes. */
    rect = limn_canvas_place(f->window->canvas);
    x = rect.x + rect.width / 4;
    y = rect.y + rect.height / 4;
    if (limn_geometry_hit(&rect, x, y, 16) == LIMN_HANDLE_NONE) {
        g_signal_emit_by_name(drag, "drag-begin", x, y);
        g_signal_emit_by_name(drag, "drag-update", 50.0, 50.0);
        g_signal_emit_by_name(drag, "drag-end", 50.0, 50.0);
        g_assert_cmpint(width(f), ==, 96);
    }
}

static gboolean press(GtkWidget *widget, guint key, GdkModifierType state)
{
    gboolean handled = FALSE;
    gpointer keys = fixture_controller(widget, GTK_TYPE_EVENT_CONTROLLER_KEY);
    g_signal_emit_by_name(keys, "key-pressed", key, 0u, state, &handled);
    return handled;
}

static void test_canvas_keys(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkWidget *canvas = GTK_WIDGET(f->window->canvas);
    g_assert_true(press(canvas, GDK_KEY_Right, 0));
    g_assert_cmpint(width(f), ==, 80);
    g_assert_true(press(canvas, GDK_KEY_Up, GDK_SHIFT_MASK));
    g_assert_cmpint(height(f), ==, 112);
    fixture_act(f, "win.swap");
    g_assert_cmpint(width(f), ==, 112);
    g_assert_cmpint(height(f), ==, 80);
    g_assert_false(press(canvas, GDK_KEY_a, 0));
}

static void test_keep_ratio(struct fixture *f, gconstpointer data)
{
    (void)data;
    limn_settings_set_size(f->window->settings, 128, 64);
    fixture_act(f, "win.keep-ratio");
    limn_settings_set_width(f->window->settings, 256);
    g_assert_cmpint(height(f), ==, 128);
    fixture_act(f, "win.swap");
    g_assert_cmpint(width(f), ==, 128);
    limn_settings_set_width(f->window->settings, 64);
    g_assert_cmpint(height(f), ==, 128);
}

static GtkWidget *labelled(GtkWidget *widget, GType type, const char *name)
{
    if (G_TYPE_CHECK_INSTANCE_TYPE(widget, type) &&
        g_strcmp0(gtk_buildable_get_buildable_id(GTK_BUILDABLE(widget)), name) == 0)
        return widget;
    /* The child of a closed expander is not in the tree. */
    if (GTK_IS_EXPANDER(widget))
        return labelled(gtk_expander_get_child(GTK_EXPANDER(widget)), type, name);
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child)) {
        GtkWidget *found = labelled(child, type, name);
        if (found)
            return found;
    }
    return NULL;
}

static GtkWidget *type_into(struct fixture *f, const char *name, const char *text)
{
    GtkWidget *entry = labelled(GTK_WIDGET(f->window->shape), GTK_TYPE_ENTRY, name);
    gtk_editable_set_text(GTK_EDITABLE(entry), text);
    g_signal_emit_by_name(entry, "activate");
    return entry;
}

static void test_entries(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkWidget *reason = labelled(GTK_WIDGET(f->window->shape), GTK_TYPE_LABEL, "reason");
    GtkWidget *entry = type_into(f, "width", "12p");
    g_assert_cmpint(width(f), ==, 192);
    g_assert_cmpstr(gtk_editable_get_text(GTK_EDITABLE(entry)), ==, "192");
    type_into(f, "width", "50%");
    g_assert_cmpint(width(f), ==, 96);

    type_into(f, "width", "wide");
    g_assert_cmpint(width(f), ==, 96);
    g_assert_true(gtk_widget_has_css_class(entry, "error"));
    g_assert_cmpstr(gtk_editable_get_text(GTK_EDITABLE(entry)), ==, "wide");
    g_assert_true(gtk_widget_get_mapped(reason));
    g_assert_true(g_str_has_prefix(gtk_label_get_text(GTK_LABEL(reason)), "Not a length."));
    g_assert_true(press(entry, GDK_KEY_Escape, 0));
    g_assert_false(gtk_widget_has_css_class(entry, "error"));
    g_assert_false(gtk_widget_get_visible(reason));
    g_assert_cmpstr(gtk_editable_get_text(GTK_EDITABLE(entry)), ==, "96");

    entry = labelled(GTK_WIDGET(f->window->quality), GTK_TYPE_ENTRY, "seed");
    gtk_editable_set_text(GTK_EDITABLE(entry), "18446744073709551615");
    g_signal_emit_by_name(entry, "activate");
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), ==, G_MAXUINT64);
}

static void test_ratio_entry(struct fixture *f, gconstpointer data)
{
    (void)data;
    int wide, high;
    GtkWidget *entry = type_into(f, "ratio", "2:1");
    limn_session_fit_ratio(f->session, 2, 0, &wide, &high);
    g_assert_cmpint(width(f), ==, wide);
    g_assert_cmpint(height(f), ==, high);
    g_assert_cmpint(wide, ==, 2 * high);
    g_assert_cmpstr(gtk_editable_get_text(GTK_EDITABLE(entry)), ==, "2:1");
    /* Paper lies as the canvas does. */
    type_into(f, "ratio", "A4");
    g_assert_cmpint(width(f), >, height(f));
    fixture_act(f, "win.swap");
    type_into(f, "ratio", "A4");
    g_assert_cmpint(width(f), <, height(f));

    wide = width(f);
    type_into(f, "ratio", "2:0");
    g_assert_true(gtk_widget_has_css_class(entry, "error"));
    g_assert_cmpint(width(f), ==, wide);
    /* The next size takes the bad text away. */
    type_into(f, "width", "10p");
    g_assert_false(gtk_widget_has_css_class(entry, "error"));
}

static void test_keep_area(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkWidget *area = labelled(GTK_WIDGET(f->window->shape), GTK_TYPE_TOGGLE_BUTTON, "keep_area");
    limn_settings_set_size(f->window->settings, 128, 128);
    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(area), TRUE);
    g_assert_cmpint(limn_settings_get_keep(f->window->settings), ==, LIMN_KEEP_AREA);
    type_into(f, "width", "256");
    g_assert_cmpint(height(f), ==, 64);
    type_into(f, "height", "5p");
    g_assert_cmpint(width(f), ==, 192); /* 12 of 12.8 columns */
    type_into(f, "ratio", "1:1");
    g_assert_cmpint(width(f), ==, 128);
    g_assert_cmpint(height(f), ==, 128);
    /* Longer than the area allows: a row of its tokens. */
    type_into(f, "width", "4096");
    g_assert_cmpint(width(f), ==, 1024);
    g_assert_cmpint(height(f), ==, 16);

    fixture_act(f, "win.keep-ratio");
    g_assert_false(gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(area)));
    g_assert_cmpint(limn_settings_get_keep(f->window->settings), ==, LIMN_KEEP_RATIO);
}

static void drop(struct fixture *f, GFile *file)
{
    gpointer target = fixture_controller(f->window->content, GTK_TYPE_DROP_TARGET);
    GSList *files = g_slist_append(NULL, file);
    GValue value = G_VALUE_INIT;
    gboolean taken = FALSE;
    g_value_init(&value, GDK_TYPE_FILE_LIST);
    g_value_set_boxed(&value, files);
    g_signal_emit_by_name(target, "drop", &value, 10.0, 10.0, &taken);
    g_assert_true(taken);
    g_value_unset(&value);
    g_slist_free(files);
}

static GdkTexture *canvas_texture(struct fixture *f)
{
    return limn_canvas_get_texture(f->window->canvas);
}

/* Any size in pixels: painted larger, cropped, saved, restored. */
static void test_exact(struct fixture *f, gconstpointer data)
{
    (void)data;
    LimnSettings *settings = f->window->settings;
    GtkWidget *crop = labelled(GTK_WIDGET(f->window->shape), GTK_TYPE_LABEL, "crop");
    GtkWidget *check = labelled(GTK_WIDGET(f->window->quality), GTK_TYPE_CHECK_BUTTON, "exact");
    g_autofree char *folder = g_dir_make_tmp("limn-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "picture.png", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    type_into(f, "width", "60");
    g_assert_cmpint(width(f), ==, 64);
    g_assert_false(gtk_widget_get_visible(crop));
    gtk_check_button_set_active(GTK_CHECK_BUTTON(check), TRUE);
    type_into(f, "width", "60");
    type_into(f, "height", "41");
    g_assert_cmpint(width(f), ==, 60);
    g_assert_cmpint(height(f), ==, 41);
    g_assert_true(gtk_widget_get_visible(crop));
    g_assert_cmpstr(gtk_label_get_text(GTK_LABEL(crop)), ==, "Painted at 64 × 48 and cropped");

    fixture_paint(f);
    const struct fit_generate_params *painted = limn_run_get_params(f->window->run);
    g_assert_cmpint(painted->width, ==, 64);
    g_assert_cmpint(gdk_texture_get_width(canvas_texture(f)), ==, 60);
    g_assert_cmpint(gdk_texture_get_height(canvas_texture(f)), ==, 41);
    g_assert_true(limn_window_would_repeat(f->window));
    limn_window_save_to(f->window, file);
    WAIT_UNTIL(f->window->saved != NULL);

    gtk_check_button_set_active(GTK_CHECK_BUTTON(check), FALSE);
    g_assert_cmpint(width(f), ==, 64);
    limn_settings_set_seed(settings, 5);
    drop(f, file);
    WAIT_UNTIL(fixture_find_sheet());
    limn_restore_sheet_choose(fixture_find_sheet(), LIMN_RESTORE_APPLY);
    g_assert_cmpint(limn_settings_get_seed(settings), !=, 5);
    g_assert_cmpint(width(f), ==, 60);
    g_assert_cmpint(height(f), ==, 41);
    g_assert_true(limn_window_would_repeat(f->window));
    fixture_act(f, "win.swap");
    g_assert_cmpint(width(f), ==, 41);
    /* The next window begins with what this one ends with. */
    g_object_set(settings, "exact", FALSE, "method", FIT_METHOD_AUTO, NULL);
    g_remove(path);
    g_rmdir(folder);
}

static void test_method_names(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkWidget *list = labelled(GTK_WIDGET(f->window->quality), GTK_TYPE_DROP_DOWN, "method");
    GtkStringObject *chosen = gtk_drop_down_get_selected_item(GTK_DROP_DOWN(list));
    g_assert_true(g_str_has_prefix(gtk_string_object_get_string(chosen), "Automatic ("));
    gtk_drop_down_set_selected(GTK_DROP_DOWN(list), FIT_METHOD_VISION_NTK);
    g_assert_cmpint(limn_settings_get_method(f->window->settings), ==, FIT_METHOD_VISION_NTK);
    limn_settings_set_size(f->window->settings, 1024, 256);
    g_assert_cmpint(limn_settings_get_method(f->window->settings), ==, FIT_METHOD_VISION_NTK);
}

static void test_search(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkWidget *search = labelled(GTK_WIDGET(f->window->classes), GTK_TYPE_SEARCH_ENTRY, "search");
    GtkWidget *list = labelled(GTK_WIDGET(f->window->classes), GTK_TYPE_LIST_VIEW, "list");
    GtkSelectionModel *model = gtk_list_view_get_model(GTK_LIST_VIEW(list));
    guint all = g_list_model_get_n_items(G_LIST_MODEL(model));
    /* Typed and confirmed at once, before the entry has told of the text. */
    gtk_editable_set_text(GTK_EDITABLE(search), "2");
    g_signal_emit_by_name(search, "activate");
    g_assert_cmpint(limn_settings_get_class_id(f->window->settings), ==, 2);

    gtk_editable_set_text(GTK_EDITABLE(search), "1");
    WAIT_UNTIL(g_list_model_get_n_items(G_LIST_MODEL(model)) < all);
    g_signal_emit_by_name(search, "activate");
    g_assert_cmpint(limn_settings_get_class_id(f->window->settings), ==, 1);
    WAIT_UNTIL(g_list_model_get_n_items(G_LIST_MODEL(model)) == all);

    /* A favourite goes to the top. */
    fixture_act(f, "win.favourite");
    g_autoptr(LimnClass) first = g_list_model_get_item(G_LIST_MODEL(model), 0);
    g_assert_cmpint(limn_class_get_id(first), ==, 1);
    g_assert_true(limn_class_get_favourite(first));
    g_autoptr(LimnClass) second = g_list_model_get_item(G_LIST_MODEL(model), 1);
    g_assert_cmpstr(limn_class_get_heading(first), ==, "Favourites");
    g_assert_cmpstr(limn_class_get_heading(second), ==, "More Classes");
    /* Remembered by what the class is called, for this model. */
    g_autoptr(GVariant) kept = g_settings_get_value(f->window->memory, "favourite-classes");
    g_auto(GStrv) keys = NULL;
    g_assert_true(g_variant_lookup(kept, limn_session_get_info(f->session)->name, "^as", &keys));
    g_assert_cmpint(g_strv_length(keys), ==, 1);
    g_assert_cmpstr(keys[0], ==, limn_class_get_key(first));
    fixture_act(f, "win.favourite");
    g_assert_false(limn_class_get_favourite(first));
    g_assert_cmpstr(limn_class_get_heading(first), ==, "");
}

static void test_save_and_drop(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autofree char *folder = g_dir_make_tmp("limn-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "picture.png", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    limn_settings_set_seed(f->window->settings, 77);
    limn_settings_set_class_id(f->window->settings, 2);
    fixture_paint(f);
    limn_window_save_to(f->window, file);
    WAIT_UNTIL(f->window->saved != NULL);
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));

    limn_settings_set_seed(f->window->settings, 5);
    limn_settings_set_size(f->window->settings, 128, 128);
    limn_settings_set_class_id(f->window->settings, 0);
    drop(f, file);
    WAIT_UNTIL(fixture_find_sheet());
    limn_restore_sheet_choose(fixture_find_sheet(), LIMN_RESTORE_APPLY);
    g_assert_cmpint(limn_settings_get_seed(f->window->settings), ==, 77);
    g_assert_cmpint(width(f), ==, 64);
    g_assert_cmpint(limn_settings_get_class_id(f->window->settings), ==, 2);
    fixture_act(f, "win.undo");
    g_assert_cmpuint(limn_settings_get_seed(f->window->settings), ==, 5);
    g_assert_cmpint(width(f), ==, 128);
    g_remove(path);
    g_rmdir(folder);
}

static void test_save_fails(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autoptr(GFile) file = g_file_new_for_path("/nonexistent/folder/picture.png");
    fixture_paint(f);
    limn_window_save_to(f->window, file);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->trouble));
    g_assert_true(gtk_widget_get_visible(GTK_WIDGET(f->window->trouble_elsewhere)));
    struct fit_frame *frame = limn_run_dup_frame(f->window->run);
    g_assert_nonnull(frame);
    fit_frame_unref(&frame);
}

static void test_drop_of_no_picture(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autofree char *path = NULL;
    int descriptor = g_file_open_tmp("limn-test-XXXXXX.png", &path, NULL);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    g_close(descriptor, NULL);
    drop(f, file);
    WAIT_UNTIL(gtk_info_bar_get_revealed(f->window->trouble));
    g_assert_cmpint(width(f), ==, 64);
    g_remove(path);
}

static gboolean tells_trouble(struct fixture *f, const char *words)
{
    return gtk_info_bar_get_revealed(f->window->import_bar) &&
           strstr(gtk_label_get_text(f->window->import_text), words) != NULL;
}

/* Weights that cannot become a model say why, and the model in use stays. */
static void test_drop_of_weights(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_autofree char *folder = g_dir_make_tmp("limn-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "weights.safetensors", NULL);
    g_autofree char *part = g_build_filename(g_getenv("LIMN_MODEL"), "autoencoder.safetensors", NULL);
    g_autofree char *bytes = NULL;
    gsize n_bytes;
    g_autoptr(GFile) file = g_file_new_for_path(path);
    g_autoptr(GFile) empty = g_file_new_for_path(folder);
    g_autoptr(GFile) in_model = g_file_new_for_path(part);

    drop(f, empty);
    WAIT_UNTIL(tells_trouble(f, "holds neither a model"));
    limn_window_close_import(f->window);
    g_assert_false(gtk_info_bar_get_revealed(f->window->import_bar));

    g_assert_true(g_file_get_contents(part, &bytes, &n_bytes, NULL));
    g_assert_true(g_file_set_contents(path, bytes, (gssize)n_bytes, NULL));
    drop(f, file);
    WAIT_UNTIL(tells_trouble(f, "it looks like an autoencoder"));
    g_assert_true(g_file_set_contents(path, bytes, 100, NULL));
    drop(f, file);
    WAIT_UNTIL(!f->window->import && !tells_trouble(f, "it looks like"));
    g_assert_true(gtk_info_bar_get_revealed(f->window->import_bar));
    g_assert_nonnull(limn_session_get_info(f->session));

    /* A part of a model stands for the model. */
    limn_window_close_import(f->window);
    drop(f, in_model);
    g_assert_null(f->window->import);
    WAIT_UNTIL(limn_session_get_state(f->session) == LIMN_SESSION_READY);
    g_assert_cmpstr(limn_session_get_message(f->session), ==, "");
    g_remove(path);
    g_rmdir(folder);
}

static void test_import_words(void)
{
    static const struct {
        guint64 done, total;
        gint64 elapsed_us;
        const char *words;
    } cases[] = {
        {0, 4000000000, 5000000, "0 bytes of 4.0 GB"},
        {100000000, 4000000000, 400000, "100.0 MB of 4.0 GB"},
        {1000000000, 4000000000, 5000000, "1.0 GB of 4.0 GB · 200.0 MB/s · 0:15 left"},
        {1000000, 4000000000, 1000000, "1.0 MB of 4.0 GB · 1.0 MB/s · 66:39 left"},
        {4000000000, 4000000000, 20000000, "4.0 GB of 4.0 GB · 200.0 MB/s · 0:00 left"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *words
            = limn_window_describe_import(cases[i].done, cases[i].total, cases[i].elapsed_us);
        g_autofree char *plain = g_strdup(words);
        /* GLib puts a no-break space before units. */
        for (char *at; (at = strstr(plain, "\302\240"));) {
            *at = ' ';
            memmove(at + 1, at + 2, strlen(at + 2) + 1);
        }
        g_assert_cmpstr(plain, ==, cases[i].words);
    }
}

static void copy_part(const char *name, const char *folder, const char *as)
{
    g_autofree char *from = g_build_filename(g_getenv("LIMN_MODEL"), name, NULL);
    g_autofree char *to = g_build_filename(folder, as, NULL), *bytes = NULL;
    gsize n_bytes;
    g_assert_true(g_file_get_contents(from, &bytes, &n_bytes, NULL));
    g_assert_true(g_file_set_contents(to, bytes, (gssize)n_bytes, NULL));
}

static void remove_all(const char *folder)
{
    g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(names));) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_remove(path);
    }
    g_rmdir(folder);
}

/* Weights with their autoencoder and configuration beside them become the model in use. */
static void test_drop_of_a_model(struct fixture *f, gconstpointer data)
{
    (void)data;
    static const char config[] =
        "params: {context_size: 64, patch_size: 2, in_channels: 8, hidden_size: 64, depth: 2,\n"
        "  num_heads: 2, mlp_ratio: 4.0, num_classes: 4, learn_sigma: false, use_sit: true,\n"
        "  use_swiglu: true, q_norm: layernorm, k_norm: layernorm, adaln_type: lora,\n"
        "  adaln_lora_dim: 16, ori_max_pe_len: 8}\n";
    g_autofree char *folder = g_dir_make_tmp("limn-test-XXXXXX", NULL);
    g_autofree char *weights = g_build_filename(folder, "small.safetensors", NULL);
    g_autofree char *yaml = g_build_filename(folder, "small.yaml", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(weights);
    g_autoptr(LimnClass) before = g_list_model_get_item(limn_session_get_classes(f->session), 0);
    limn_settings_set_class_id(f->window->settings, 0);
    fixture_act(f, "win.favourite");
    g_assert_true(limn_class_get_favourite(before));
    g_assert_true(g_file_set_contents(yaml, config, -1, NULL));
    copy_part("transformer.safetensors", folder, "small.safetensors");
    drop(f, file);
    WAIT_UNTIL(tells_trouble(f, "its autoencoder is missing"));

    copy_part("autoencoder.safetensors", folder, "VAE.safetensors");
    drop(f, file);
    g_assert_nonnull(f->window->import);
    WAIT_UNTIL(!f->window->import);
    g_assert_false(gtk_info_bar_get_revealed(f->window->import_bar));
    WAIT_UNTIL(limn_session_get_state(f->session) == LIMN_SESSION_READY);
    g_autofree char *made = g_strdup(limn_session_get_info(f->session)->path);
    g_assert_true(g_str_has_prefix(made, g_get_user_data_dir()));
    g_assert_cmpstr(limn_session_get_info(f->session)->name, ==, "small");
    /* Another model has its own favourites. */
    g_autoptr(LimnClass) first_now = g_list_model_get_item(limn_session_get_classes(f->session), 0);
    g_assert_false(limn_class_get_favourite(first_now));
    fixture_paint(f);
    g_assert_cmpint(limn_run_get_state(f->window->run), ==, FIT_JOB_DONE);

    drop(f, file);
    limn_window_close_import(f->window);
    WAIT_UNTIL(!f->window->import);
    g_assert_false(gtk_info_bar_get_revealed(f->window->import_bar));
    remove_all(folder);
    remove_all(made);
}

static void test_accessible(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkWidget *strip = labelled(GTK_WIDGET(f->window->scrubber), LIMN_TYPE_STEP_STRIP, "strip");
    GtkWidget **axes = f->window->canvas->axes;
    fixture_paint(f);
    gtk_test_accessible_assert_role(axes[0], GTK_ACCESSIBLE_ROLE_SLIDER);
    gtk_test_accessible_assert_property(axes[0], GTK_ACCESSIBLE_PROPERTY_VALUE_NOW, 64.0);
    gtk_test_accessible_assert_property(axes[0], GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT,
                                        "64 pixels, 4 patches");
    gtk_test_accessible_assert_role(strip, GTK_ACCESSIBLE_ROLE_SLIDER);
    gtk_test_accessible_assert_property(strip, GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT,
                                        "step 6 of 6, prediction");
    gtk_test_accessible_assert_role(f->window->canvas->picture, GTK_ACCESSIBLE_ROLE_IMG);
    limn_run_show(f->window->run, 3, FIT_VIEW_STATE);
    gtk_test_accessible_assert_property(strip, GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT,
                                        "step 3 of 6, state");
    gtk_range_set_value(GTK_RANGE(strip), 1);
    g_assert_cmpint(limn_run_get_shown_step(f->window->run), ==, 1);
    g_signal_emit_by_name(strip, "move-slider", GTK_SCROLL_STEP_RIGHT);
    g_assert_cmpint(limn_run_get_shown_step(f->window->run), ==, 2);
    gtk_range_set_value(GTK_RANGE(strip), 6);
    g_assert_true(limn_run_is_live(f->window->run));
    gtk_range_set_value(GTK_RANGE(axes[1]), 80);
    g_assert_cmpint(height(f), ==, 80);
}

/* Adds the actions that the shortcuts window shows below a widget. */
static void collect(GtkWidget *widget, GHashTable *shown)
{
    if (GTK_IS_SHORTCUTS_SHORTCUT(widget)) {
        g_autofree char *action = NULL;
        g_object_get(widget, "action-name", &action, NULL);
        /* The window has a copy of each for its search. */
        if (action)
            g_hash_table_add(shown, g_steal_pointer(&action));
    }
    for (GtkWidget *child = gtk_widget_get_first_child(widget); child;
         child = gtk_widget_get_next_sibling(child))
        collect(child, shown);
}

/* Every accelerator is in the shortcuts window, and the window promises no other. */
static void test_shortcuts(struct fixture *f, gconstpointer data)
{
    (void)data;
    GtkApplication *application = fixture_application();
    g_auto(GStrv) actions = gtk_application_list_action_descriptions(application);
    g_autoptr(GHashTable) shown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GtkBuilder) builder =
        gtk_builder_new_from_resource("/io/github/limn/Limn/gtk/help-overlay.ui");
    GtkWidget *window = GTK_WIDGET(gtk_builder_get_object(builder, "help_overlay"));
    collect(window, shown);
    for (char **action = actions; *action; action++) {
        g_auto(GStrv) keys = gtk_application_get_accels_for_action(application, *action);
        if (!g_hash_table_remove(shown, *action))
            g_error("%s is not in the shortcuts window", *action);
        for (char **key = keys; *key; key++)
            if (!g_hash_table_add(taken, g_strdup(*key)))
                g_error("%s is taken twice", *key);
    }
    g_assert_cmpint(g_hash_table_size(shown), ==, 0);
    gtk_window_destroy(GTK_WINDOW(window));
    (void)f;
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
#define ADD(name, function) \
    g_test_add("/input/" name, struct fixture, NULL, fixture_open, function, fixture_close)
    ADD("drag", test_drag);
    ADD("canvas-keys", test_canvas_keys);
    ADD("keep-ratio", test_keep_ratio);
    ADD("entries", test_entries);
    ADD("ratio-entry", test_ratio_entry);
    ADD("keep-area", test_keep_area);
    ADD("method-names", test_method_names);
    ADD("search", test_search);
    ADD("save-and-drop", test_save_and_drop);
    ADD("save-fails", test_save_fails);
    ADD("drop-of-no-picture", test_drop_of_no_picture);
    ADD("drop-of-weights", test_drop_of_weights);
    ADD("drop-of-a-model", test_drop_of_a_model);
    ADD("exact", test_exact);
    ADD("accessible", test_accessible);
    ADD("shortcuts", test_shortcuts);
    g_test_add_func("/input/import-words", test_import_words);
    return g_test_run();
}
