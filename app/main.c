/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the window. Some libraries read their environment before main() runs, so what Limn wants
 * of it is set once and the program starts itself again. */
#include <glib/gi18n.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "limn-application.h"

/* Returns whether something was missing. */
static gboolean
set_if_unset (const char *name, const char *value)
{
  if (g_getenv (name))
    return FALSE;
  return g_setenv (name, value, FALSE);
}

/* Whether this is the program in its build folder, without an installation. */
static gboolean
is_uninstalled (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);

  return self && g_str_equal (self, LIMN_BUILD_DIR "/app/limn");
}

static gboolean
prepare_environment (void)
{
  gboolean changed = FALSE;

  /* Threads that wait for work must not take the window's share of the processor. */
  changed |= set_if_unset ("GOMP_SPINCOUNT", "1000");
  /* Without a graphics device OpenGL is emulated, and cairo draws faster than that. */
  if (!g_file_test ("/dev/dri", G_FILE_TEST_EXISTS) &&
      !g_file_test ("/dev/nvidiactl", G_FILE_TEST_EXISTS))
    changed |= set_if_unset ("GSK_RENDERER", "cairo");
  if (is_uninstalled ())
    {
      changed |= set_if_unset ("GSETTINGS_SCHEMA_DIR", LIMN_BUILD_DIR "/data");
      changed |= set_if_unset ("LIMN_LOCALE_DIR", LIMN_BUILD_DIR "/po");
    }
  return changed;
}

static void
set_language (void)
{
  const char *folder = g_getenv ("LIMN_LOCALE_DIR");

  setlocale (LC_ALL, "");
  bindtextdomain ("limn", folder ? folder : LIMN_LOCALE_DIR);
  bind_textdomain_codeset ("limn", "UTF-8");
  textdomain ("limn");
}

int
main (int argc, char *argv[])
{
  g_autoptr (LimnApplication) application = NULL;

  if (prepare_environment ())
    execv ("/proc/self/exe", argv);

  set_language ();
  application = limn_application_new ();
  return g_application_run (G_APPLICATION (application), argc, argv);
}
