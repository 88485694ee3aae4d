/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-report.h"

#include <adwaita.h>
#include <glib/gi18n.h>

char *
limn_report_dup_system (LimnSession *session)
{
  const struct fit_model_info *info = limn_session_get_info (session);
  const char *notice = limn_session_get_notice (session);
  g_autofree char *device = limn_session_dup_device (session);
  g_autofree char *system = g_get_os_info (G_OS_INFO_KEY_PRETTY_NAME);

  return g_strdup_printf ("Limn %s\nGTK %u.%u.%u, libadwaita %u.%u.%u\nSystem: %s\nDevice: %s\n"
                          "%s%s%sModel: %s\n",
                          FIT_VERSION_STRING, gtk_get_major_version (), gtk_get_minor_version (),
                          gtk_get_micro_version (), adw_get_major_version (),
                          adw_get_minor_version (), adw_get_micro_version (),
                          system ? system : "unknown", device, *notice ? "Notice: " : "", notice,
                          *notice ? "\n" : "", info ? info->name : "none");
}

char *
limn_report_dup (LimnSession *session, LimnRun *run, const char *sentence)
{
  g_autofree char *system = limn_report_dup_system (session);
  g_autofree char *settings = run ? limn_run_dup_settings_json (run) : NULL;

  if (!run)
    return g_strdup_printf ("What happened: %s\n%s", sentence, system);
  return g_strdup_printf ("What happened: %s\n%sStep: %d of %d\nSettings: %s\n", sentence, system,
                          limn_run_get_step (run), limn_run_get_n_steps (run), settings);
}

static GtkWidget *
text_widget (const char *report)
{
  GtkWidget *label = gtk_label_new (report), *scrolled = gtk_scrolled_window_new ();

  gtk_label_set_selectable (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_yalign (GTK_LABEL (label), 0);
  gtk_widget_add_css_class (label, "report");
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), label);
  gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (scrolled), 180);
  gtk_widget_add_css_class (scrolled, "card");
  return scrolled;
}

static void
copy_cb (GtkWindow *parent, const char *response, GObject *dialog)
{
  if (g_str_equal (response, "copy"))
    gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (parent)),
                            g_object_get_data (dialog, "report"));
}

void
limn_report_present (GtkWindow *parent, const char *report)
{
  GtkWidget *dialog = adw_message_dialog_new (
      parent, _ ("Details"), _ ("For whoever can help. Nothing is sent by itself."));
  AdwMessageDialog *message = ADW_MESSAGE_DIALOG (dialog);

  adw_message_dialog_set_extra_child (message, text_widget (report));
  adw_message_dialog_add_responses (message, "close", _ ("_Close"), "copy", _ ("_Copy Report"),
                                    NULL);
  adw_message_dialog_set_close_response (message, "close");
  adw_message_dialog_set_default_response (message, "copy");
  g_object_set_data_full (G_OBJECT (dialog), "report", g_strdup (report), g_free);
  g_signal_connect_object (dialog, "response", G_CALLBACK (copy_cb), parent, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}
