/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-application.h"

#include <string.h>

#include <glib/gi18n.h>

#include "limn-icons.h"
#include "limn-report.h"
#include "limn-resources.h"
#include "limn-session.h"
#include "limn-window.h"

#define DEMO_MODEL "limn-demo"

struct _LimnApplication
{
  AdwApplication parent_instance;

  LimnSession *session;
  GSettings *memory;
  char *model_path;
  gboolean reopening; /* the model of before, which may have gone */
  char *trouble;      /* that the window has not been told of, or NULL */
  gboolean exit_after_startup;
};

G_DEFINE_FINAL_TYPE (LimnApplication, limn_application, ADW_TYPE_APPLICATION)

/* ---- appearance ---- */

/* The key's values follow AdwColorScheme loosely: follow, light, dark. */
static void
appearance_changed_cb (LimnApplication *self)
{
  static const AdwColorScheme schemes[]
      = { ADW_COLOR_SCHEME_DEFAULT, ADW_COLOR_SCHEME_FORCE_LIGHT, ADW_COLOR_SCHEME_FORCE_DARK };
  int appearance = g_settings_get_enum (self->memory, "appearance");

  adw_style_manager_set_color_scheme (adw_style_manager_get_default (), schemes[appearance]);
}

/* ---- actions ---- */

static void
quit_action (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  GList *windows = g_list_copy (gtk_application_get_windows (GTK_APPLICATION (data)));

  (void) action;
  (void) parameter;
  /* Closing stores the settings and stops the run; the program ends with its last window. */
  for (GList *window = windows; window; window = window->next)
    gtk_window_close (window->data);
  g_list_free (windows);
}

static char *
dup_comments (LimnApplication *self)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);

  if (!info)
    return g_strdup (_ ("Paint pictures of any shape, step by step."));
  /* Translators: the name of the model in use, and a sentence about it */
  return g_strdup_printf (_ ("Paint pictures of any shape, step by step.\n\nModel: %s. %s"),
                          info->name, info->description);
}

static void
about_action (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  LimnApplication *self = data;
  g_autofree char *details = limn_report_dup_system (self->session);
  g_autofree char *comments = dup_comments (self);

  (void) action;
  (void) parameter;
  adw_show_about_window (gtk_application_get_active_window (GTK_APPLICATION (self)),
                         "application-name", _ ("Limn"),
                         "application-icon", "io.github.limn.Limn",
                         "developer-name", _ ("The Limn maintainers"),
                         "version", FIT_VERSION_STRING,
                         "license-type", GTK_LICENSE_APACHE_2_0,
                         "comments", comments,
                         "debug-info", details,
                         "debug-info-filename", "limn-details.txt",
                         "translator-credits", _ ("translator-credits"),
                         NULL);
}

static void
appearance_selected_cb (LimnApplication *self, GParamSpec *pspec, AdwComboRow *row)
{
  (void) pspec;
  g_settings_set_enum (self->memory, "appearance", (int) adw_combo_row_get_selected (row));
}

static void
preferences_action (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  LimnApplication *self = data;
  g_autoptr (GtkBuilder) builder
      = gtk_builder_new_from_resource ("/io/github/limn/Limn/limn-preferences.ui");
  GtkWindow *window = GTK_WINDOW (gtk_builder_get_object (builder, "preferences"));
  GObject *appearance = gtk_builder_get_object (builder, "appearance");
  const char *const names[] = { _ ("Follow the Desktop"), _ ("Light"), _ ("Dark"), NULL };
  g_autoptr (GtkStringList) list = gtk_string_list_new (names);

  (void) action;
  (void) parameter;
  adw_combo_row_set_model (ADW_COMBO_ROW (appearance), G_LIST_MODEL (list));
  adw_combo_row_set_selected (ADW_COMBO_ROW (appearance),
                              (guint) g_settings_get_enum (self->memory, "appearance"));
  g_signal_connect_object (appearance, "notify::selected", G_CALLBACK (appearance_selected_cb),
                           self, G_CONNECT_SWAPPED);
  g_settings_bind (self->memory, "keep-history", gtk_builder_get_object (builder, "keep_history"),
                   "active", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (self->memory, "history-megabytes",
                   gtk_builder_get_object (builder, "history_megabytes"), "value",
                   G_SETTINGS_BIND_DEFAULT);
  gtk_window_set_transient_for (window,
                                gtk_application_get_active_window (GTK_APPLICATION (self)));
  gtk_window_present (window);
}

static const GActionEntry actions[] = {
  { .name = "quit", .activate = quit_action },
  { .name = "about", .activate = about_action },
  { .name = "preferences", .activate = preferences_action },
};

static void
add_accelerators (GtkApplication *application)
{
  static const struct
  {
    const char *action;
    const char *accelerators[4];
  } table[] = {
    { "win.generate", { "<Control>Return", "<Control>KP_Enter" } },
    { "win.stop", { "Escape" } },
    { "win.pause", { "<Control>space" } },
    { "win.finish-from-here", { "<Control>b" } },
    { "win.search", { "<Control>f" } },
    { "win.favourite", { "<Control>d" } },
    { "win.live", { "<Control>l" } },
    { "win.random-seed", { "<Control>r" } },
    { "win.random-class", { "<Control><Shift>r" } },
    { "win.zoom-in", { "<Control>plus", "<Control>equal", "<Control>KP_Add" } },
    { "win.zoom-out", { "<Control>minus", "<Control>KP_Subtract" } },
    { "win.zoom-fit", { "<Control>0" } },
    { "win.zoom-100", { "<Control>1" } },
    { "win.zoom-200", { "<Control>2" } },
    { "win.save", { "<Control>s" } },
    { "win.open", { "<Control>o" } },
    { "win.copy", { "<Control>c" } },
    { "win.paste", { "<Control>v" } },
    { "win.history", { "<Control>h" } },
    { "win.copy-command", { "<Control><Shift>c" } },
    { "win.compare", { "<Control>e" } },
    { "win.compare-methods", { "<Control><Shift>e" } },
    { "win.compare-checkpoints", { "<Control>k" } },
    { "win.undo", { "<Control>z" } },
    { "win.redo", { "<Control><Shift>z", "<Control>y" } },
    { "win.sidebar", { "F9" } },
    { "win.fullscreen", { "F11" } },
    { "window.close", { "<Control>w" } },
    { "app.preferences", { "<Control>comma" } },
    { "app.quit", { "<Control>q" } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    gtk_application_set_accels_for_action (application, table[i].action, table[i].accelerators);
}

/* ---- life ---- */

/* A model that comes with the program, by the name of its folder: installed, or in the source
 * tree. */
static char *
dup_bundled_path (const char *name)
{
  g_autofree char *installed = g_build_filename (LIMN_MODELS_INSTALLED, name, NULL);

  if (g_file_test (installed, G_FILE_TEST_IS_DIR))
    return g_steal_pointer (&installed);
  return g_build_filename (LIMN_MODELS_SOURCE, name, NULL);
}

/* A folder, or the name of a bundled model. */
static char *
dup_named_path (const char *named)
{
  g_autofree char *bundled = NULL;

  if (strchr (named, '/') || g_file_test (named, G_FILE_TEST_IS_DIR))
    return g_strdup (named);
  bundled = dup_bundled_path (named);
  return g_file_test (bundled, G_FILE_TEST_IS_DIR) ? g_steal_pointer (&bundled) : g_strdup (named);
}

/* The model that the user named, the one that was opened last, or the bundled demo model. */
static void
load_first_model (LimnApplication *self)
{
  const char *named = self->model_path ? self->model_path : g_getenv ("LIMN_MODEL");
  g_autoptr (GVariant) last = g_settings_get_value (self->memory, "last-model");
  g_autofree char *path = NULL;

  self->reopening = (!named || !*named) && *g_variant_get_bytestring (last);
  if (named && *named)
    path = dup_named_path (named);
  else if (self->reopening)
    path = g_variant_dup_bytestring (last, NULL);
  else
    path = dup_bundled_path (DEMO_MODEL);
  limn_session_load (self->session, path);
}

/* By a path that means the same wherever the next start happens. The bundled model is no path: the
 * next version of the program may have it elsewhere. */
static void
remember_model (LimnApplication *self)
{
  g_autofree char *bundled = dup_bundled_path (DEMO_MODEL);
  g_autofree char *path = g_canonicalize_filename (limn_session_get_path (self->session), NULL);

  g_settings_set_value (self->memory, "last-model",
                        g_variant_new_bytestring (g_str_equal (path, bundled) ? "" : path));
}

static void
tell_trouble (LimnApplication *self)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (self));

  if (!self->trouble || !LIMN_IS_WINDOW (window))
    return;
  limn_window_tell (LIMN_WINDOW (window), self->trouble);
  g_clear_pointer (&self->trouble, g_free);
}

static void
session_state_cb (LimnApplication *self)
{
  LimnSessionState state = limn_session_get_state (self->session);
  const char *message = limn_session_get_message (self->session);

  if (state == LIMN_SESSION_LOADING)
    return;
  if (state == LIMN_SESSION_READY && !*message)
    remember_model (self);
  if (state == LIMN_SESSION_NO_MODEL && self->reopening)
    {
      g_autofree char *bundled = dup_bundled_path (DEMO_MODEL);

      self->reopening = FALSE;
      /* Translators: why, as a sentence of its own */
      self->trouble = g_strdup_printf (
          _ ("The model opened last cannot be used, so this is the bundled one: %s"),
          message);
      limn_session_load (self->session, bundled);
      tell_trouble (self);
    }
}

static void
limn_application_startup (GApplication *application)
{
  LimnApplication *self = LIMN_APPLICATION (application);
  g_autoptr (GAction) appearance = NULL;

  g_resources_register (limn_resources_get_resource ());
  g_resources_register (limn_icons_get_resource ());
  G_APPLICATION_CLASS (limn_application_parent_class)->startup (application);
  gtk_window_set_default_icon_name ("io.github.limn.Limn");

  self->memory = g_settings_new ("io.github.limn.Limn");
  g_signal_connect_object (self->memory, "changed::appearance",
                           G_CALLBACK (appearance_changed_cb), self, G_CONNECT_SWAPPED);
  appearance_changed_cb (self);
  g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);
  appearance = g_settings_create_action (self->memory, "appearance");
  g_action_map_add_action (G_ACTION_MAP (self), appearance);
  add_accelerators (GTK_APPLICATION (self));

  self->session = limn_session_new ();
  g_signal_connect_object (self->session, "notify::state", G_CALLBACK (session_state_cb), self,
                           G_CONNECT_SWAPPED);
  load_first_model (self);
}

static gboolean
quit_cb (gpointer data)
{
  LimnApplication *self = data;

  /* A load that is under way ends first, so that nothing is torn from under its thread. */
  if (limn_session_get_state (self->session) == LIMN_SESSION_LOADING)
    return G_SOURCE_CONTINUE;
  g_action_group_activate_action (G_ACTION_GROUP (self), "quit", NULL);
  return G_SOURCE_REMOVE;
}

static void
mapped_cb (LimnApplication *self)
{
  g_timeout_add_full (G_PRIORITY_LOW, 20, quit_cb, g_object_ref (self), g_object_unref);
}

static LimnWindow *
present_window (LimnApplication *self)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (self));

  if (!window)
    {
      window = GTK_WINDOW (limn_window_new (GTK_APPLICATION (self), self->session));
      if (self->exit_after_startup)
        g_signal_connect_object (window, "map", G_CALLBACK (mapped_cb), self, G_CONNECT_SWAPPED);
    }
  gtk_window_present (window);
  tell_trouble (self);
  return LIMN_IS_WINDOW (window) ? LIMN_WINDOW (window) : NULL;
}

static void
limn_application_activate (GApplication *application)
{
  present_window (LIMN_APPLICATION (application));
}

static void
limn_application_open (GApplication *application, GFile **files, int n_files, const char *hint)
{
  LimnWindow *window = present_window (LIMN_APPLICATION (application));

  (void) hint;
  if (window && n_files > 0)
    limn_window_open (window, files[0]);
}

static int
limn_application_handle_local_options (GApplication *application, GVariantDict *options)
{
  LimnApplication *self = LIMN_APPLICATION (application);

  if (g_variant_dict_contains (options, "version"))
    {
      g_print ("Limn %s\n", FIT_VERSION_STRING);
      return EXIT_SUCCESS;
    }
  if (!gtk_init_check ())
    {
      g_printerr ("%s\n", _ ("limn: there is no display to open a window on; "
                             "“limn-cli generate” paints without one"));
      return EXIT_FAILURE;
    }
  self->exit_after_startup = g_variant_dict_contains (options, "exit-after-startup");
  g_variant_dict_lookup (options, "model", "^ay", &self->model_path);
  return -1;
}

static void
limn_application_shutdown (GApplication *application)
{
  LimnApplication *self = LIMN_APPLICATION (application);

  G_APPLICATION_CLASS (limn_application_parent_class)->shutdown (application);
  limn_session_close (self->session);
  g_clear_object (&self->session);
  g_clear_object (&self->memory);
}

static void
limn_application_finalize (GObject *object)
{
  g_free (LIMN_APPLICATION (object)->model_path);
  g_free (LIMN_APPLICATION (object)->trouble);
  G_OBJECT_CLASS (limn_application_parent_class)->finalize (object);
}

static void
limn_application_class_init (LimnApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = limn_application_finalize;
  application_class->startup = limn_application_startup;
  application_class->activate = limn_application_activate;
  application_class->open = limn_application_open;
  application_class->handle_local_options = limn_application_handle_local_options;
  application_class->shutdown = limn_application_shutdown;
}

static void
limn_application_init (LimnApplication *self)
{
  const GOptionEntry options[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, NULL, _ ("Folder of the model to paint with"),
      _ ("FOLDER") },
    { "version", 0, 0, G_OPTION_ARG_NONE, NULL, _ ("Print the version and leave"), NULL },
    { "exit-after-startup", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, NULL, NULL, NULL },
    { NULL },
  };

  g_application_add_main_option_entries (G_APPLICATION (self), options);
  g_application_set_option_context_parameter_string (G_APPLICATION (self), _ ("[PICTURE]"));
}

LimnApplication *
limn_application_new (void)
{
  return g_object_new (LIMN_TYPE_APPLICATION,
                       "application-id", "io.github.limn.Limn",
                       "flags", G_APPLICATION_HANDLES_OPEN,
                       "resource-base-path", "/io/github/limn/Limn",
                       NULL);
}
