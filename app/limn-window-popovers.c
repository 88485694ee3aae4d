/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the window within its popovers. GTK ends the way of a key at the popover that is
 * open, so each gets a controller of ours. */
#include "limn-window-private.h"

/* What the panel of earlier pictures is worked in with; it stays open for these. */
static const char *const panel_actions[]
    = { "win.search", "win.favourite", "win.undo", "win.history", "win.compare", NULL };

static gboolean
has_accelerator (GtkApplication *application, const char *action, GdkEvent *event)
{
  g_auto (GStrv) accelerators = gtk_application_get_accels_for_action (application, action);

  for (char **accelerator = accelerators; *accelerator; accelerator++)
    {
      g_autoptr (GtkShortcutTrigger) trigger = gtk_shortcut_trigger_parse_string (*accelerator);

      if (trigger && gtk_shortcut_trigger_trigger (trigger, event, FALSE) == GDK_KEY_MATCH_EXACT)
        return TRUE;
    }
  return FALSE;
}

/* The action that a key stands for anywhere in the window, or NULL. */
static char *
dup_action (LimnWindow *self, GdkEvent *event)
{
  GtkApplication *application = gtk_window_get_application (GTK_WINDOW (self));
  g_auto (GStrv) actions = gtk_application_list_action_descriptions (application);

  for (char **action = actions; *action; action++)
    if (has_accelerator (application, *action, event))
      return g_strdup (*action);
  return NULL;
}

/* A menu has done its service with the key. Escape is the popover's own. */
static gboolean
key_cb (GtkEventControllerKey *controller, guint keyval, guint keycode, GdkModifierType state,
        LimnWindow *self)
{
  GdkEvent *event = gtk_event_controller_get_current_event (GTK_EVENT_CONTROLLER (controller));
  GtkWidget *popover = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (controller));
  gboolean is_panel = gtk_widget_is_ancestor (GTK_WIDGET (self->history_view), popover);
  g_autofree char *action = keyval == GDK_KEY_Escape ? NULL : dup_action (self, event);

  (void) keycode;
  (void) state;
  if (!action)
    return GDK_EVENT_PROPAGATE;
  if (!is_panel || !g_strv_contains (panel_actions, action))
    gtk_popover_popdown (GTK_POPOVER (popover));
  gtk_widget_activate_action (GTK_WIDGET (self), action, NULL);
  return GDK_EVENT_STOP;
}

static void
add_keys (LimnWindow *self, GtkWidget *popover)
{
  static const char *const mark = "limn-keys";
  GtkEventController *keys;

  if (g_object_get_data (G_OBJECT (popover), mark))
    return;
  keys = gtk_event_controller_key_new ();
  g_object_set_data (G_OBJECT (popover), mark, keys);
  g_signal_connect_object (keys, "key-pressed", G_CALLBACK (key_cb), self, 0);
  gtk_widget_add_controller (popover, keys);
}

static void
add_keys_below (LimnWindow *self, GtkWidget *widget)
{
  if (GTK_IS_POPOVER (widget))
    add_keys (self, widget);
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
       child = gtk_widget_get_next_sibling (child))
    add_keys_below (self, child);
}

/* What was not in the tree at first: within a closed expander, in the panes of a comparison. */
static void
focus_cb (LimnWindow *self)
{
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (self));
  GtkWidget *popover = focus ? gtk_widget_get_ancestor (focus, GTK_TYPE_POPOVER) : NULL;

  if (popover)
    add_keys (self, popover);
}

void
limn_window_reach_into_popovers (LimnWindow *self)
{
  add_keys_below (self, GTK_WIDGET (self));
  g_signal_connect (self, "notify::focus-widget", G_CALLBACK (focus_cb), NULL);
}
