/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing among the thousand classes of ImageNet. */
#include "fixture.h"

#include "limn-class.h"

struct picker {
    GtkWidget *search, *groups, *list;
    GListModel *shown;
};

static struct picker find_picker(struct fixture *f)
{
    GtkWidget *classes = GTK_WIDGET(f->window->classes);
    struct picker p = {fixture_find(classes, "search"), fixture_find(classes, "groups"),
                       fixture_find(classes, "list"), NULL};
    p.shown = G_LIST_MODEL(gtk_list_view_get_model(GTK_LIST_VIEW(p.list)));
    return p;
}

static void type(const struct picker *p, const char *text)
{
    gtk_editable_set_text(GTK_EDITABLE(p->search), text);
}

static int class_at(const struct picker *p, guint position)
{
    g_autoptr(LimnClass) class = g_list_model_get_item(p->shown, position);
    g_assert_nonnull(class);
    return limn_class_get_id(class);
}

static int chosen(struct fixture *f)
{
    return limn_settings_get_class_id(f->window->settings);
}

static gboolean has_focus_within(struct fixture *f, GtkWidget *widget)
{
    GtkWidget *focused = gtk_root_get_focus(GTK_ROOT(f->window));
    return focused && (focused == widget || gtk_widget_is_ancestor(focused, widget));
}

/* All are there, with "no class" last, and a list of groups that fits as many. */
static void test_all(struct fixture *f, gconstpointer data)
{
    (void)data;
    struct picker p = find_picker(f);
    g_assert_cmpuint(g_list_model_get_n_items(p.shown), ==, 1001);
    g_assert_cmpint(class_at(&p, 1000), ==, FIT_CLASS_NONE);
    g_assert_true(gtk_widget_get_mapped(p.groups));
    gtk_drop_down_set_selected(GTK_DROP_DOWN(p.groups), 1);
    g_assert_cmpuint(g_list_model_get_n_items(p.shown), <, 1000);
    g_assert_cmpint(class_at(&p, 0), ==, 0);
    gtk_drop_down_set_selected(GTK_DROP_DOWN(p.groups), 0);
    g_assert_cmpuint(g_list_model_get_n_items(p.shown), ==, 1001);
}

/* Letter by letter, the list follows in the next turn of the loop. */
static void test_typing(struct fixture *f, gconstpointer data)
{
    static const char *const typed[] = {"g", "gr", "great w", "great white s"};
    struct picker p = find_picker(f);
    (void)data;
    for (size_t i = 0, before = 1001; i < G_N_ELEMENTS(typed); i++) {
        type(&p, typed[i]);
        fixture_turn();
        g_assert_cmpuint(g_list_model_get_n_items(p.shown), <, before);
        before = g_list_model_get_n_items(p.shown);
    }
    g_assert_cmpint(class_at(&p, 0), ==, 2);
    type(&p, "no such thing");
    fixture_turn();
    g_assert_cmpuint(g_list_model_get_n_items(p.shown), ==, 0);
    g_signal_emit_by_name(p.search, "stop-search");
    fixture_turn();
    g_assert_cmpuint(g_list_model_get_n_items(p.shown), ==, 1001);
}

/* What Return takes is what stands first once the list has followed. */
static void test_return(struct fixture *f, gconstpointer data)
{
    static const char *const typed[] = {"shark", "crane", "tabby", "517", "n02012849", "dog"};
    struct picker p = find_picker(f);
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(typed); i++) {
        type(&p, typed[i]);
        fixture_turn();
        int first = class_at(&p, 0);
        type(&p, "");
        fixture_turn();
        limn_settings_set_class_id(f->window->settings, 999);

        type(&p, typed[i]);
        g_signal_emit_by_name(p.search, "activate");
        g_assert_cmpint(chosen(f), ==, first);
        g_assert_cmpstr(gtk_editable_get_text(GTK_EDITABLE(p.search)), ==, "");
        g_assert_true(has_focus_within(f, p.list));
    }
}

/* Return without a search chooses nothing: it goes to the list, where the class is. */
static void test_return_alone(struct fixture *f, gconstpointer data)
{
    (void)data;
    struct picker p = find_picker(f);
    limn_settings_set_class_id(f->window->settings, 207);
    fixture_act(f, "win.search");
    g_assert_true(has_focus_within(f, p.search));
    g_signal_emit_by_name(p.search, "activate");
    g_assert_cmpint(chosen(f), ==, 207);
    g_assert_true(has_focus_within(f, p.list));

    type(&p, "no such thing");
    g_signal_emit_by_name(p.search, "activate");
    g_assert_cmpint(chosen(f), ==, 207);
    g_assert_cmpstr(gtk_editable_get_text(GTK_EDITABLE(p.search)), ==, "no such thing");
}

static void press_down(GtkWidget *search)
{
    gboolean handled = FALSE;
    gpointer keys = fixture_controller(search, GTK_TYPE_EVENT_CONTROLLER_KEY);
    g_signal_emit_by_name(keys, "key-pressed", GDK_KEY_Down, 0u, 0, &handled);
    g_assert_true(handled);
}

static void test_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    struct picker p = find_picker(f);
    limn_settings_set_class_id(f->window->settings, 207);
    fixture_act(f, "win.search");
    press_down(p.search);
    g_assert_cmpint(chosen(f), ==, 207);
    g_assert_true(has_focus_within(f, p.list));

    fixture_act(f, "win.search");
    type(&p, "great white");
    fixture_turn();
    press_down(p.search);
    g_assert_cmpint(chosen(f), ==, 2);
    g_assert_true(has_focus_within(f, p.list));

    fixture_act(f, "win.search");
    type(&p, "no such thing");
    fixture_turn();
    press_down(p.search);
    g_assert_cmpint(chosen(f), ==, 2);
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
#define ADD(name, function)                                                                        \
    g_test_add("/picker/" name, struct fixture, NULL, fixture_open, function, fixture_close)
    ADD("all", test_all);
    ADD("typing", test_typing);
    ADD("return", test_return);
    ADD("return-alone", test_return_alone);
    ADD("down", test_down);
    return g_test_run();
}
