/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-history-view-private.h"

#include "limn-history-cell.h"
#include "limn-history-order.h"

G_DEFINE_FINAL_TYPE (LimnHistoryView, limn_history_view, GTK_TYPE_WIDGET)

static guint chosen_signal;

/* Where a picture stands among those found, GTK_INVALID_LIST_POSITION if nowhere. */
static guint
position_of (LimnHistoryView *self, GFile *file)
{
  GListModel *found = G_LIST_MODEL (self->selection);

  for (guint i = 0; i < g_list_model_get_n_items (found); i++)
    {
      g_autoptr (GFile) item = g_list_model_get_item (found, i);

      if (file && g_file_equal (item, file))
        return i;
    }
  return GTK_INVALID_LIST_POSITION;
}

/* ---- the small pictures ---- */

/* A click shows a picture, or adds it to the others while several are being chosen. */
static void
pressed_cb (LimnHistoryView *self, int n_press, double x, double y, GtkGesture *gesture)
{
  GtkWidget *cell = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (gesture));
  guint position = position_of (self, limn_history_cell_get_file (cell));

  (void) n_press;
  (void) x;
  (void) y;
  if (!gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->several)))
    return;
  gtk_gesture_set_state (gesture, GTK_EVENT_SEQUENCE_CLAIMED);
  if (gtk_selection_model_is_selected (self->selection, position))
    gtk_selection_model_unselect_item (self->selection, position);
  else
    gtk_selection_model_select_item (self->selection, position, FALSE);
}

static void
released_cb (LimnHistoryView *self, int n_press, double x, double y, GtkGesture *gesture)
{
  GtkWidget *cell = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (gesture));
  GdkModifierType keys
      = gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (gesture));

  (void) n_press;
  (void) x;
  (void) y;
  /* With these keys the grid selects. */
  if (!(keys & (GDK_CONTROL_MASK | GDK_SHIFT_MASK)) &&
      !gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->several)))
    g_signal_emit (self, chosen_signal, 0, limn_history_cell_get_file (cell));
}

static void
setup_cb (LimnHistoryView *self, GtkListItem *item)
{
  GtkWidget *cell = limn_history_cell_new (self->selection);
  GtkGesture *click = gtk_gesture_click_new ();

  g_signal_connect_swapped (click, "pressed", G_CALLBACK (pressed_cb), self);
  g_signal_connect_swapped (click, "released", G_CALLBACK (released_cb), self);
  gtk_widget_add_controller (cell, GTK_EVENT_CONTROLLER (click));
  gtk_list_item_set_child (item, cell);
}

static void
bind_cb (LimnHistoryView *self, GtkListItem *item)
{
  GtkWidget *cell = gtk_list_item_get_child (item);
  GFile *file = gtk_list_item_get_item (item);
  g_autofree char *title = limn_history_view_dup_title (self, file);

  limn_history_cell_set_file (cell, file);
  limn_history_cell_set_title (cell, title);
  limn_history_cell_set_starred (cell, limn_history_is_starred (self->history, file));
}

/* ---- the focus, and choosing several ---- */

void
limn_history_view_focus_first (LimnHistoryView *self)
{
  GtkWidget *first;

  gtk_widget_activate_action (self->grid, "list.scroll-to-item", "u", 0);
  first = gtk_widget_get_first_child (self->grid);
  if (first)
    gtk_widget_grab_focus (first);
}

static void
several_toggled_cb (LimnHistoryView *self)
{
  if (!gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->several)))
    gtk_selection_model_unselect_all (self->selection);
  limn_history_view_refresh_bar (self);
}

/* ---- search ---- */

static gboolean
is_found (gpointer file, gpointer data)
{
  LimnHistoryView *self = data;

  return limn_history_index_matches (self->index, file, self->terms);
}

/* One of three pages: nothing was ever painted, nothing is found, pictures. */
static void
found_changed_cb (LimnHistoryView *self)
{
  gboolean some = g_list_model_get_n_items (G_LIST_MODEL (self->selection)) > 0;
  gboolean any = self->files && g_list_model_get_n_items (self->files) > 0;

  gtk_stack_set_visible_child_name (GTK_STACK (self->stack), some  ? "pictures"
                                                             : any ? "nothing-found"
                                                                   : "nothing");
  limn_history_view_refresh_bar (self);
}

static void
search_changed_cb (LimnHistoryView *self)
{
  g_strfreev (self->terms);
  self->terms = limn_history_index_dup_terms (gtk_editable_get_text (GTK_EDITABLE (self->search)));
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_DIFFERENT);
  found_changed_cb (self);
}

static void
search_activate_cb (LimnHistoryView *self)
{
  g_autoptr (GFile) first = NULL;

  /* The entry tells of changes a moment later; who types fast means what is typed. */
  search_changed_cb (self);
  first = g_list_model_get_item (G_LIST_MODEL (self->selection), 0);
  if (first)
    g_signal_emit (self, chosen_signal, 0, first);
}

static void
close_panel (LimnHistoryView *self)
{
  GtkWidget *popover = gtk_widget_get_ancestor (GTK_WIDGET (self), GTK_TYPE_POPOVER);

  if (popover)
    gtk_popover_popdown (GTK_POPOVER (popover));
}

/* Escape: first out of the search, then out of the panel. */
static void
search_stop_cb (LimnHistoryView *self)
{
  if (!*gtk_editable_get_text (GTK_EDITABLE (self->search)))
    {
      close_panel (self);
      return;
    }
  gtk_editable_set_text (GTK_EDITABLE (self->search), "");
  search_changed_cb (self);
  limn_history_view_focus_first (self);
}

static gboolean
search_key_cb (LimnHistoryView *self, guint keyval)
{
  if (keyval != GDK_KEY_Down)
    return GDK_EVENT_PROPAGATE;
  limn_history_view_focus_first (self);
  return GDK_EVENT_STOP;
}

void
limn_history_view_start_search (LimnHistoryView *self)
{
  g_return_if_fail (LIMN_IS_HISTORY_VIEW (self));

  gtk_widget_grab_focus (self->search);
}

/* ---- what people do ---- */

static void
activate_cb (LimnHistoryView *self, guint position)
{
  g_autoptr (GFile) file = g_list_model_get_item (G_LIST_MODEL (self->selection), position);

  if (file)
    g_signal_emit (self, chosen_signal, 0, file);
}

static void
origin_cb (LimnHistoryView *self)
{
  g_autoptr (GListModel) files = limn_history_view_dup_selected (self);
  g_autoptr (GFile) branch = g_list_model_get_item (files, 0);
  g_autoptr (GFile) origin
      = branch ? limn_history_index_dup_origin (self->index, branch) : NULL;
  guint position;

  if (!origin)
    return;
  /* A search that does not find it would hide it. */
  if (!limn_history_index_matches (self->index, origin, self->terms))
    {
      gtk_editable_set_text (GTK_EDITABLE (self->search), "");
      search_changed_cb (self);
    }
  position = position_of (self, origin);
  gtk_selection_model_select_item (self->selection, position, TRUE);
  gtk_widget_activate_action (self->grid, "list.scroll-to-item", "u", position);
}

/* Escape: first out of the selection of several, then out of the panel. */
static gboolean
leave_selection (LimnHistoryView *self)
{
  g_autoptr (GtkBitset) set = gtk_selection_model_get_selection (self->selection);

  if (gtk_bitset_get_size (set) < 2 &&
      !gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->several)))
    return GDK_EVENT_PROPAGATE;
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->several), FALSE);
  gtk_selection_model_unselect_all (self->selection);
  return GDK_EVENT_STOP;
}

/* Who types a word searches for it. */
static gboolean
search_for_key (LimnHistoryView *self, guint keyval, GdkModifierType state,
                GtkEventControllerKey *controller)
{
  GtkWidget *text = GTK_WIDGET (gtk_editable_get_delegate (GTK_EDITABLE (self->search)));

  if (!g_unichar_isgraph (gdk_keyval_to_unicode (keyval)) ||
      (state & (GDK_CONTROL_MASK | GDK_ALT_MASK | GDK_SUPER_MASK)))
    return GDK_EVENT_PROPAGATE;
  gtk_text_grab_focus_without_selecting (GTK_TEXT (text));
  return gtk_event_controller_key_forward (controller, text);
}

static gboolean
key_cb (LimnHistoryView *self, guint keyval, guint keycode, GdkModifierType state,
        GtkEventControllerKey *controller)
{
  (void) keycode;
  if (keyval == GDK_KEY_Escape)
    return leave_selection (self);
  if (keyval != GDK_KEY_Delete)
    return search_for_key (self, keyval, state, controller);
  limn_history_view_discard_meant (self);
  return GDK_EVENT_STOP;
}

/* The grid keeps the focus on the picture that was there first, which is the oldest; and nobody
 * remembers what was selected the last time. */
static void
map_cb (LimnHistoryView *self)
{
  gtk_selection_model_unselect_all (self->selection);
  limn_history_index_read (self->index);
  limn_history_view_focus_first (self);
}

/* ---- widget ---- */

/* The names of the pictures that are there already. */
static void
refresh_titles (LimnHistoryView *self)
{
  for (GtkWidget *item = gtk_widget_get_first_child (self->grid); item;
       item = gtk_widget_get_next_sibling (item))
    {
      GtkWidget *cell = gtk_widget_get_first_child (item);
      GFile *file = cell ? limn_history_cell_get_file (cell) : NULL;
      g_autofree char *title = file ? limn_history_view_dup_title (self, file) : NULL;

      if (title)
        limn_history_cell_set_title (cell, title);
    }
}

/* While the panel is shut, its pictures are not needed. */
static void
files_changed_cb (LimnHistoryView *self)
{
  if (gtk_widget_get_mapped (GTK_WIDGET (self)))
    limn_history_index_read (self->index);
}

static void
index_read_cb (LimnHistoryView *self)
{
  refresh_titles (self);
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_LESS_STRICT);
  found_changed_cb (self);
}

void
limn_history_view_set_history (LimnHistoryView *self, LimnHistory *history, GSettings *settings)
{
  g_autoptr (GSimpleActionGroup) actions = g_simple_action_group_new ();
  g_autoptr (GAction) order = g_settings_create_action (settings, "history-order");
  g_autoptr (GtkSortListModel) sorted = NULL;
  GListModel *found;

  g_return_if_fail (LIMN_IS_HISTORY_VIEW (self) && !self->files);

  self->history = g_object_ref (history);
  self->files = g_object_ref (limn_history_get_files (history));
  self->index = limn_history_index_new (self->files);
  g_signal_connect_object (self->history, "starred",
                           G_CALLBACK (limn_history_view_refresh_stars), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->files, "items-changed", G_CALLBACK (files_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->index, "read", G_CALLBACK (index_read_cb), self,
                           G_CONNECT_SWAPPED);
  g_action_map_add_action (G_ACTION_MAP (actions), order);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "history", G_ACTION_GROUP (actions));
  found = G_LIST_MODEL (
      gtk_filter_list_model_new (g_object_ref (self->files), g_object_ref (self->filter)));
  sorted = gtk_sort_list_model_new (found,
                                    limn_history_order_new (history, self->index, settings));
  gtk_multi_selection_set_model (GTK_MULTI_SELECTION (self->selection), G_LIST_MODEL (sorted));
  found_changed_cb (self);
}

static void
limn_history_view_dispose (GObject *object)
{
  LimnHistoryView *self = LIMN_HISTORY_VIEW (object);

  g_clear_object (&self->selection);
  g_clear_object (&self->filter);
  g_clear_object (&self->index);
  g_clear_object (&self->history);
  g_clear_object (&self->files);
  g_clear_pointer (&self->terms, g_strfreev);
  g_clear_pointer (&self->box, gtk_widget_unparent);
  G_OBJECT_CLASS (limn_history_view_parent_class)->dispose (object);
}

#define BIND(child) \
  gtk_widget_class_bind_template_child (widget_class, LimnHistoryView, child)

static void
limn_history_view_class_init (LimnHistoryViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_history_view_dispose;
  chosen_signal = g_signal_new ("chosen", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 1, G_TYPE_FILE);
  g_signal_new ("unwanted", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                G_TYPE_LIST_MODEL);
  g_signal_new ("wanted-elsewhere", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                G_TYPE_LIST_MODEL);
  g_signal_new ("compared", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                G_TYPE_LIST_MODEL);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-history-view.ui");
  BIND (box);
  BIND (search);
  BIND (several);
  BIND (stack);
  BIND (grid);
  BIND (bar);
  BIND (buttons);
  BIND (compare);
  BIND (star);
  BIND (about);
  BIND (origin);
  gtk_widget_class_bind_template_callback (widget_class, activate_cb);
  gtk_widget_class_bind_template_callback (widget_class, key_cb);
  gtk_widget_class_bind_template_callback (widget_class, map_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_activate_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_stop_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_key_cb);
  gtk_widget_class_bind_template_callback (widget_class, several_toggled_cb);
  gtk_widget_class_bind_template_callback (widget_class, limn_history_view_toggle_star);
  gtk_widget_class_bind_template_callback (widget_class, limn_history_view_discard_selected);
  gtk_widget_class_bind_template_callback (widget_class, limn_history_view_export_selected);
  gtk_widget_class_bind_template_callback (widget_class, limn_history_view_compare);
  gtk_widget_class_bind_template_callback (widget_class, origin_cb);
}

#undef BIND

static void
limn_history_view_init (LimnHistoryView *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_swapped (factory, "setup", G_CALLBACK (setup_cb), self);
  g_signal_connect_swapped (factory, "bind", G_CALLBACK (bind_cb), self);
  self->terms = limn_history_index_dup_terms ("");
  self->filter = GTK_FILTER (gtk_custom_filter_new (is_found, self, NULL));
  self->selection = GTK_SELECTION_MODEL (gtk_multi_selection_new (NULL));
  gtk_grid_view_set_factory (GTK_GRID_VIEW (self->grid), factory);
  gtk_grid_view_set_model (GTK_GRID_VIEW (self->grid), self->selection);
  g_signal_connect_object (self->selection, "items-changed", G_CALLBACK (found_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->selection, "selection-changed",
                           G_CALLBACK (limn_history_view_refresh_bar), self, G_CONNECT_SWAPPED);
}
