/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-history-order.h"

typedef struct
{
  LimnHistory *history;
  LimnHistoryIndex *index;
  GSettings *settings;
  LimnHistoryOrder order;
} Order;

static void
order_free (gpointer data)
{
  Order *order = data;

  g_object_unref (order->history);
  g_object_unref (order->index);
  g_object_unref (order->settings);
  g_free (order);
}

static int
compare_classes (Order *order, GFile *a, GFile *b)
{
  const struct fit_settings *first = limn_history_index_get_settings (order->index, a);
  const struct fit_settings *second = limn_history_index_get_settings (order->index, b);

  if (!first || !second)
    return (first == NULL) - (second == NULL);
  return g_utf8_collate (first->class_name, second->class_name);
}

static int
compare (gconstpointer first, gconstpointer second, gpointer data)
{
  Order *order = data;
  GFile *a = (GFile *) first, *b = (GFile *) second;
  int by_time = limn_history_compare_times (a, b), by_order = 0;

  if (order->order == LIMN_ORDER_OLDEST)
    return -by_time;
  if (order->order == LIMN_ORDER_CLASS)
    by_order = compare_classes (order, a, b);
  else if (order->order == LIMN_ORDER_STARRED)
    by_order = limn_history_is_starred (order->history, b)
               - limn_history_is_starred (order->history, a);
  return by_order ? by_order : by_time;
}

/* What the order goes by has changed. */
static void
sort_again_if (GtkSorter *sorter, LimnHistoryOrder by)
{
  const Order *order = g_object_get_data (G_OBJECT (sorter), "limn-order");

  if (order->order == by)
    gtk_sorter_changed (sorter, GTK_SORTER_CHANGE_DIFFERENT);
}

static void
starred_cb (GtkSorter *sorter)
{
  sort_again_if (sorter, LIMN_ORDER_STARRED);
}

static void
read_cb (GtkSorter *sorter)
{
  sort_again_if (sorter, LIMN_ORDER_CLASS);
}

static void
order_changed_cb (GtkSorter *sorter, const char *key, GSettings *settings)
{
  Order *order = g_object_get_data (G_OBJECT (sorter), "limn-order");

  order->order = (LimnHistoryOrder) g_settings_get_enum (settings, key);
  gtk_sorter_changed (sorter, GTK_SORTER_CHANGE_DIFFERENT);
}

GtkSorter *
limn_history_order_new (LimnHistory *history, LimnHistoryIndex *index, GSettings *settings)
{
  Order *order = g_new0 (Order, 1);
  GtkSorter *sorter = GTK_SORTER (gtk_custom_sorter_new (compare, order, order_free));

  order->history = g_object_ref (history);
  order->index = g_object_ref (index);
  order->settings = g_object_ref (settings);
  order->order = (LimnHistoryOrder) g_settings_get_enum (settings, "history-order");
  g_object_set_data (G_OBJECT (sorter), "limn-order", order);
  g_signal_connect_object (settings, "changed::history-order", G_CALLBACK (order_changed_cb),
                           sorter, G_CONNECT_SWAPPED);
  g_signal_connect_object (history, "starred", G_CALLBACK (starred_cb), sorter, G_CONNECT_SWAPPED);
  g_signal_connect_object (index, "read", G_CALLBACK (read_cb), sorter, G_CONNECT_SWAPPED);
  return sorter;
}
