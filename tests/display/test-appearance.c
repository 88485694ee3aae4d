/* SPDX-License-Identifier: Apache-2.0 */
/* The window written from right to left, with letters of twice the size, and in high contrast. */
#include "fixture.h"

static void get_place(struct fixture *f, GtkWidget *widget, graphene_rect_t *place)
{
    g_assert_true(gtk_widget_compute_bounds(widget, GTK_WIDGET(f->window), place));
}

static void open_and_paint(struct fixture *f)
{
    fixture_open(f, NULL);
    fixture_paint(f);
    fixture_settle(f);
}

static void test_right_to_left(void)
{
    struct fixture f;
    graphene_rect_t classes, canvas;
    gtk_widget_set_default_direction(GTK_TEXT_DIR_RTL);
    open_and_paint(&f);
    get_place(&f, GTK_WIDGET(f.window->classes), &classes);
    get_place(&f, GTK_WIDGET(f.window->canvas), &canvas);
    g_assert_cmpfloat(classes.origin.x, >, canvas.origin.x);
    fixture_picture(&f, NULL, "right-to-left");
    fixture_close(&f, NULL);
    gtk_widget_set_default_direction(GTK_TEXT_DIR_LTR);
}

static void test_large_letters(void)
{
    struct fixture f;
    GtkSettings *settings = gtk_settings_get_default();
    int dpi, least;
    g_object_get(settings, "gtk-xft-dpi", &dpi, NULL);
    g_object_set(settings, "gtk-xft-dpi", 2 * dpi, NULL);
    open_and_paint(&f);
    gtk_widget_measure(GTK_WIDGET(f.window->toasts), GTK_ORIENTATION_HORIZONTAL, -1, &least, NULL,
                       NULL, NULL);
    g_assert_cmpint(least, <=, 2 * 360);
    fixture_picture(&f, NULL, "large-letters");
    fixture_close(&f, NULL);
    g_object_set(settings, "gtk-xft-dpi", dpi, NULL);
}

static void test_high_contrast(void)
{
    struct fixture f;
    g_object_set(gtk_settings_get_default(), "gtk-theme-name", "HighContrast", NULL);
    open_and_paint(&f);
    fixture_picture(&f, NULL, "high-contrast");
    fixture_close(&f, NULL);
}

int main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    g_test_add_func("/appearance/right-to-left", test_right_to_left);
    g_test_add_func("/appearance/large-letters", test_large_letters);
    g_test_add_func("/appearance/high-contrast", test_high_contrast);
    return g_test_run();
}
