/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "limn-class.h"

static int match(LimnClass *class, const char *text)
{
    g_autofree char *folded = limn_class_fold(text);
    return limn_class_match(class, folded);
}

static void test_order(void)
{
    g_autoptr(LimnClass) crane = limn_class_new(134, "Crane", "wading bird, 517", "Birds", "n02012849");
    g_autoptr(LimnClass) other = limn_class_new(517, "Tower crane", "machine, crab", "", "");

    /* Each way to match is better than the next. */
    g_assert_cmpint(match(other, "517"), >, match(crane, "crane"));
    g_assert_cmpint(match(crane, "crane"), >, match(crane, "517"));
    g_assert_cmpint(match(crane, "517"), >, match(crane, "cra"));
    g_assert_cmpint(match(crane, "cra"), >, match(other, "crane"));
    g_assert_cmpint(match(other, "cran"), >, match(other, "mach"));
    g_assert_cmpint(match(other, "mach"), >, match(crane, "bird"));
    g_assert_cmpint(match(crane, "bird"), >, match(crane, "rane"));
    g_assert_cmpint(match(crane, "rane"), >, match(other, "achi"));
    g_assert_cmpint(match(other, "achi"), >, match(crane, "birds"));
    g_assert_cmpint(match(crane, "birds"), >, 0);
    g_assert_cmpint(match(other, "birds"), ==, 0);
    g_assert_cmpint(match(crane, "N02012849"), ==, match(other, "517"));
    g_assert_cmpint(match(crane, "n020"), ==, 0);
    g_assert_cmpint(match(crane, "tower"), ==, 0);
    g_assert_cmpint(match(crane, "13"), ==, 0);
}

static void test_folding(void)
{
    g_autoptr(LimnClass) cafe = limn_class_new(0, "Café Crème", "", "", "");
    g_assert_cmpint(match(cafe, "CAFE"), >, 0);
    g_assert_cmpint(match(cafe, "crème"), >, 0);
    g_assert_cmpint(match(cafe, "the"), ==, 0);
}

static void test_marks(void)
{
    g_autoptr(LimnClass) class = limn_class_new(3, "Desert dunes", "sand, hot", "", "");
    g_autofree char *subtitle = NULL;
    g_object_get(class, "subtitle", &subtitle, NULL);
    g_assert_cmpstr(subtitle, ==, "3 · sand, hot");
    g_assert_false(limn_class_get_favourite(class));
    limn_class_set_favourite(class, TRUE);
    g_assert_true(limn_class_get_favourite(class));
    g_assert_cmpint(limn_class_get_recent(class), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/order", test_order);
    g_test_add_func("/search/folding", test_folding);
    g_test_add_func("/search/marks", test_marks);
    return g_test_run();
}
