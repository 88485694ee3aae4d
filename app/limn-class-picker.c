/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-class-picker.h"

#include <glib/gi18n.h>

#include "limn-class-row.h"
#include "limn-class.h"

#define N_RECENT 12
#define MANY_CLASSES 60 /* that nobody scrolls through; fewer have headings enough */

struct _LimnClassPicker
{
  GtkBox parent_instance;

  /* owned */
  LimnSession *session;
  LimnSettings *settings;
  GSettings *memory;
  GListModel *classes;
  GListStore *shown; /* those of the group that the search finds, in order */
  GtkSingleSelection *selection;
  char *query; /* folded, "" without a search */
  char *group; /* that is listed alone, or NULL */
  GHashTable *group_order; /* group -> its place among them, from 1 */

  gboolean following; /* the selection follows the settings at this moment */
  guint scrolling;    /* the tick callback that waits to scroll, or 0 */
  guint scroll_target;

  GtkWidget *search, *groups, *list, *scroller, *stack;
};

G_DEFINE_FINAL_TYPE (LimnClassPicker, limn_class_picker, GTK_TYPE_BOX)

/* ---- order ---- */

typedef struct
{
  LimnClass *item; /* owned by the list of all */
  int match;       /* how well it answers the search */
} Found;

static int
group_place (LimnClassPicker *self, LimnClass *item)
{
  return GPOINTER_TO_INT (g_hash_table_lookup (self->group_order, limn_class_get_group (item)));
}

/* Lower comes first: favourites, recent classes, the rest, "no class". */
static int
shelf (LimnClass *item)
{
  if (limn_class_get_id (item) < 0)
    return G_MAXINT;
  if (limn_class_get_favourite (item))
    return 0;
  if (limn_class_get_recent (item) >= 0)
    return 1 + limn_class_get_recent (item);
  return 1 + N_RECENT;
}

static int
compare_cb (gconstpointer a, gconstpointer b, gpointer data)
{
  LimnClassPicker *self = data;
  const Found *first = a, *second = b;
  int difference = second->match - first->match;

  if (difference != 0)
    return difference;
  if (!*self->query && shelf (first->item) != shelf (second->item))
    return shelf (first->item) < shelf (second->item) ? -1 : 1;
  if (!*self->query)
    difference = group_place (self, first->item) - group_place (self, second->item);
  if (difference != 0)
    return difference;
  return limn_class_get_id (first->item) - limn_class_get_id (second->item);
}

/* In one change of the list: a view makes its rows anew at each. */
static void
list_found (LimnClassPicker *self)
{
  guint n = g_list_model_get_n_items (self->classes);
  g_autofree Found *found = g_new (Found, n);
  g_autofree gpointer *items = g_new (gpointer, n);
  guint n_found = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LimnClass) item = g_list_model_get_item (self->classes, i);
      int match = limn_class_match (item, self->query);

      if (match > 0 && (!self->group || g_str_equal (self->group, limn_class_get_group (item))))
        found[n_found++] = (Found){ item, match };
    }
  g_qsort_with_data (found, (int) n_found, sizeof *found, compare_cb, self);
  for (guint i = 0; i < n_found; i++)
    items[i] = found[i].item;
  g_list_store_splice (self->shown, 0, g_list_model_get_n_items (G_LIST_MODEL (self->shown)),
                       items, n_found);
}

/* "" where nothing stands above the classes of this kind. */
static const char *
heading_of (LimnClass *item)
{
  if (limn_class_get_id (item) < 0)
    return "";
  if (limn_class_get_favourite (item))
    return _ ("Favourites");
  if (limn_class_get_recent (item) >= 0)
    return _ ("Recent");
  if (*limn_class_get_group (item))
    return limn_class_get_group (item);
  return _ ("More Classes");
}

/* Each first of its kind gets the heading. What a search finds is one list, and so are classes of
 * which none stands out. */
static void
place_headings (LimnClassPicker *self)
{
  GListModel *model = G_LIST_MODEL (self->shown);
  gboolean plain = *self->query != '\0';
  const char *above = "";

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (LimnClass) item = g_list_model_get_item (model, i);
      const char *heading = heading_of (item);

      if (i == 0 && strcmp (heading, _ ("More Classes")) == 0)
        plain = TRUE;
      limn_class_set_heading (item, plain || strcmp (heading, above) == 0 ? "" : heading);
      above = heading;
    }
}

/* ---- selection ---- */

/* A list that has no size yet, as while the window opens, forgets where it was told to go. */
static gboolean
scroll_when_laid_out (GtkWidget *list, GdkFrameClock *clock G_GNUC_UNUSED, gpointer picker)
{
  LimnClassPicker *self = picker;
  GtkAdjustment *range = gtk_scrollable_get_vadjustment (GTK_SCROLLABLE (list));

  if (!gtk_widget_get_mapped (list) || gtk_adjustment_get_upper (range) == 0)
    return G_SOURCE_CONTINUE;
  gtk_widget_activate_action (list, "list.scroll-to-item", "u", self->scroll_target);
  self->scrolling = 0;
  return G_SOURCE_REMOVE;
}

static void
scroll_to (LimnClassPicker *self, guint position)
{
  self->scroll_target = position;
  if (!self->scrolling)
    self->scrolling
        = gtk_widget_add_tick_callback (self->list, scroll_when_laid_out, self, NULL);
}

static void
follow_settings (LimnClassPicker *self)
{
  GListModel *model = G_LIST_MODEL (self->selection);
  int class_id = limn_settings_get_class_id (self->settings);
  guint position = GTK_INVALID_LIST_POSITION;

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (LimnClass) item = g_list_model_get_item (model, i);

      if (limn_class_get_id (item) == class_id)
        position = i;
    }
  self->following = TRUE;
  gtk_single_selection_set_selected (self->selection, position);
  self->following = FALSE;
  if (position != GTK_INVALID_LIST_POSITION)
    scroll_to (self, position);
}

static void
selected_cb (LimnClassPicker *self)
{
  LimnClass *item = gtk_single_selection_get_selected_item (self->selection);

  if (!self->following && item)
    limn_settings_set_class_id (self->settings, limn_class_get_id (item));
}

static void
resort (LimnClassPicker *self)
{
  self->following = TRUE;
  list_found (self);
  self->following = FALSE;
  place_headings (self);
  gtk_stack_set_visible_child_name (
      GTK_STACK (self->stack),
      *self->query && !g_list_model_get_n_items (G_LIST_MODEL (self->selection)) ? "nothing"
                                                                                 : "list");
  follow_settings (self);
}

/* ---- search ---- */

static void
search_changed_cb (LimnClassPicker *self)
{
  g_autofree char *text
      = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->search))));

  g_free (self->query);
  self->query = limn_class_fold (text);
  resort (self);
  if (*self->query)
    scroll_to (self, 0);
}

static void
search_activate_cb (LimnClassPicker *self)
{
  g_autoptr (LimnClass) best = NULL;

  /* The entry tells of changes in the next turn of the loop; who types fast means what is typed. */
  search_changed_cb (self);
  if (!*self->query)
    {
      gtk_widget_grab_focus (self->list);
      return;
    }
  best = g_list_model_get_item (G_LIST_MODEL (self->shown), 0);
  if (!best)
    return;
  limn_settings_set_class_id (self->settings, limn_class_get_id (best));
  gtk_editable_set_text (GTK_EDITABLE (self->search), "");
  gtk_widget_grab_focus (self->list);
}

static void
search_stop_cb (LimnClassPicker *self)
{
  gtk_editable_set_text (GTK_EDITABLE (self->search), "");
}

/* Down goes to the class that is chosen, or to the first that is found when it is not among
 * them. */
static gboolean
search_key_cb (LimnClassPicker *self, guint keyval)
{
  if (keyval != GDK_KEY_Down)
    return GDK_EVENT_PROPAGATE;
  if (gtk_single_selection_get_selected (self->selection) == GTK_INVALID_LIST_POSITION)
    gtk_single_selection_set_selected (self->selection, 0);
  gtk_widget_grab_focus (self->list);
  return GDK_EVENT_STOP;
}

void
limn_class_picker_start_search (LimnClassPicker *self)
{
  gtk_widget_grab_focus (self->search);
  gtk_editable_select_region (GTK_EDITABLE (self->search), 0, -1);
}

/* ---- groups ---- */

static void
group_selected_cb (LimnClassPicker *self)
{
  GtkDropDown *groups = GTK_DROP_DOWN (self->groups);
  GtkStringObject *chosen = gtk_drop_down_get_selected_item (groups);

  if (!self->selection)
    return; /* while the template is built */
  g_clear_pointer (&self->group, g_free);
  if (chosen && gtk_drop_down_get_selected (groups) > 0)
    self->group = g_strdup (gtk_string_object_get_string (chosen));
  resort (self);
}

/* All of them, then the model's in the order of its classes. */
static void
list_groups (LimnClassPicker *self)
{
  g_autoptr (GtkStringList) list = gtk_string_list_new (NULL);

  g_hash_table_remove_all (self->group_order);
  gtk_string_list_append (list, _ ("All Groups"));
  for (guint i = 0; i < g_list_model_get_n_items (self->classes); i++)
    {
      g_autoptr (LimnClass) item = g_list_model_get_item (self->classes, i);
      const char *group = limn_class_get_group (item);

      if (*group && !g_hash_table_contains (self->group_order, group))
        {
          gtk_string_list_append (list, group);
          g_hash_table_insert (self->group_order, g_strdup (group),
                               GUINT_TO_POINTER (g_hash_table_size (self->group_order) + 1));
        }
    }
  gtk_drop_down_set_model (GTK_DROP_DOWN (self->groups), G_LIST_MODEL (list));
  gtk_widget_set_visible (self->groups,
                          g_hash_table_size (self->group_order) > 1 &&
                              g_list_model_get_n_items (self->classes) > MANY_CLASSES);
}

/* ---- favourites and recent classes ---- */

/* The keys of the classes that are marked for the model in use: to be freed. A number means another
 * class to another model, and maybe to the next version of this one. */
static GStrv
dup_marks (LimnClassPicker *self, const char *setting)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);
  g_autoptr (GVariant) all = g_settings_get_value (self->memory, setting);
  GStrv marks = NULL;

  if (info)
    g_variant_lookup (all, info->name, "^as", &marks);
  return marks ? marks : g_new0 (char *, 1);
}

static int
place_of (char *const *marks, const char *key)
{
  for (int i = 0; marks[i]; i++)
    if (g_str_equal (marks[i], key))
      return i;
  return -1;
}

static void
read_marks (LimnClassPicker *self)
{
  g_auto (GStrv) favourites = dup_marks (self, "favourite-classes");
  g_auto (GStrv) recent = dup_marks (self, "recent-classes");

  for (guint i = 0; i < g_list_model_get_n_items (self->classes); i++)
    {
      g_autoptr (LimnClass) item = g_list_model_get_item (self->classes, i);
      const char *key = limn_class_get_key (item);

      limn_class_set_favourite (item, place_of (favourites, key) >= 0);
      limn_class_set_recent (item, place_of (recent, key));
    }
}

/* The marks of the model without that class, after putting it in front when asked to. */
static GVariant *
change_marks (char *const *marks, const char *key, gboolean in_front, int most)
{
  GVariantBuilder builder;
  int count = in_front ? 1 : 0;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("as"));
  if (in_front)
    g_variant_builder_add (&builder, "s", key);
  for (; *marks && count < most; marks++)
    if (!g_str_equal (*marks, key))
      {
        g_variant_builder_add (&builder, "s", *marks);
        count++;
      }
  return g_variant_builder_end (&builder);
}

static void
write_marks (LimnClassPicker *self, const char *setting, const char *key, gboolean in_front,
             int most)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);
  g_autoptr (GVariant) all = g_settings_get_value (self->memory, setting);
  g_auto (GStrv) marks = dup_marks (self, setting);
  GVariantDict models;

  if (!info)
    return;
  g_variant_dict_init (&models, all);
  g_variant_dict_insert_value (&models, info->name, change_marks (marks, key, in_front, most));
  g_settings_set_value (self->memory, setting, g_variant_dict_end (&models));
}

static void
toggle_favourite (LimnClassPicker *self, LimnClass *item)
{
  if (limn_class_get_id (item) < 0)
    return;
  write_marks (self, "favourite-classes", limn_class_get_key (item),
               !limn_class_get_favourite (item), G_MAXINT);
  read_marks (self);
  resort (self);
}

/* The class that is chosen: a reference, or NULL where no class is. */
static LimnClass *
dup_chosen (LimnClassPicker *self)
{
  int class_id = limn_settings_get_class_id (self->settings);

  for (guint i = 0; class_id >= 0 && i < g_list_model_get_n_items (self->classes); i++)
    {
      LimnClass *item = g_list_model_get_item (self->classes, i);

      if (limn_class_get_id (item) == class_id)
        return item;
      g_object_unref (item);
    }
  return NULL;
}

void
limn_class_picker_toggle_favourite (LimnClassPicker *self)
{
  g_autoptr (LimnClass) chosen = dup_chosen (self);

  if (chosen)
    toggle_favourite (self, chosen);
}

void
limn_class_picker_remember (LimnClassPicker *self)
{
  g_autoptr (LimnClass) chosen = dup_chosen (self);

  if (!chosen)
    return;
  write_marks (self, "recent-classes", limn_class_get_key (chosen), TRUE, N_RECENT);
  /* The list keeps its order while it is looked at; the marks alone change. */
  read_marks (self);
}

/* ---- rows ---- */

static void
star_clicked_cb (LimnClassPicker *self, LimnClassRow *row)
{
  LimnClass *item = limn_class_row_get_class (row);

  if (item)
    toggle_favourite (self, item);
}

static void
setup_cb (LimnClassPicker *self, GtkListItem *item)
{
  GtkWidget *row = g_object_new (LIMN_TYPE_CLASS_ROW, NULL);

  g_signal_connect_swapped (row, "star-clicked", G_CALLBACK (star_clicked_cb), self);
  gtk_list_item_set_child (item, row);
}

static void
bind_cb (LimnClassPicker *self, GtkListItem *item)
{
  (void) self;
  limn_class_row_set_class (LIMN_CLASS_ROW (gtk_list_item_get_child (item)),
                            gtk_list_item_get_item (item));
}

static void
unbind_cb (LimnClassPicker *self, GtkListItem *item)
{
  (void) self;
  limn_class_row_set_class (LIMN_CLASS_ROW (gtk_list_item_get_child (item)), NULL);
}

/* ---- widget ---- */

static void
classes_changed_cb (LimnClassPicker *self)
{
  list_groups (self);
  read_marks (self);
  resort (self);
}

void
limn_class_picker_set_session (LimnClassPicker *self, LimnSession *session, LimnSettings *settings,
                               GSettings *memory)
{
  g_return_if_fail (LIMN_IS_CLASS_PICKER (self) && !self->classes);

  self->session = g_object_ref (session);
  self->settings = g_object_ref (settings);
  self->memory = g_object_ref (memory);
  self->classes = g_object_ref (limn_session_get_classes (session));
  self->selection = gtk_single_selection_new (NULL);
  gtk_single_selection_set_autoselect (self->selection, FALSE);
  gtk_single_selection_set_can_unselect (self->selection, TRUE);
  gtk_single_selection_set_model (self->selection, G_LIST_MODEL (self->shown));
  gtk_list_view_set_model (GTK_LIST_VIEW (self->list), GTK_SELECTION_MODEL (self->selection));

  g_signal_connect_object (self->selection, "notify::selected-item", G_CALLBACK (selected_cb),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->classes, "items-changed", G_CALLBACK (classes_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::class-id", G_CALLBACK (follow_settings), self,
                           G_CONNECT_SWAPPED);
  classes_changed_cb (self);
}

static void
limn_class_picker_dispose (GObject *object)
{
  LimnClassPicker *self = LIMN_CLASS_PICKER (object);

  g_clear_object (&self->session);
  g_clear_object (&self->settings);
  g_clear_object (&self->memory);
  g_clear_object (&self->classes);
  g_clear_object (&self->selection);
  g_clear_object (&self->shown);
  g_clear_pointer (&self->query, g_free);
  g_clear_pointer (&self->group, g_free);
  g_clear_pointer (&self->group_order, g_hash_table_unref);
  G_OBJECT_CLASS (limn_class_picker_parent_class)->dispose (object);
}

static void
limn_class_picker_class_init (LimnClassPickerClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_class_picker_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-class-picker.ui");
  gtk_widget_class_bind_template_child (widget_class, LimnClassPicker, search);
  gtk_widget_class_bind_template_child (widget_class, LimnClassPicker, list);
  gtk_widget_class_bind_template_child (widget_class, LimnClassPicker, groups);
  gtk_widget_class_bind_template_child (widget_class, LimnClassPicker, scroller);
  gtk_widget_class_bind_template_child (widget_class, LimnClassPicker, stack);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_activate_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_stop_cb);
  gtk_widget_class_bind_template_callback (widget_class, group_selected_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_key_cb);
}

static void
limn_class_picker_init (LimnClassPicker *self)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();

  self->query = g_strdup ("");
  self->group_order = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_swapped (factory, "setup", G_CALLBACK (setup_cb), self);
  g_signal_connect_swapped (factory, "bind", G_CALLBACK (bind_cb), self);
  g_signal_connect_swapped (factory, "unbind", G_CALLBACK (unbind_cb), self);
  gtk_list_view_set_factory (GTK_LIST_VIEW (self->list), factory);
  g_object_unref (factory);
  self->shown = g_list_store_new (LIMN_TYPE_CLASS);
}
