/* SPDX-License-Identifier: Apache-2.0 */
/* A window that nobody paints in for a while gives memory back, as people leave programs open. */
#include "limn-window-private.h"

static gboolean
rest_cb (gpointer data)
{
  LimnWindow *self = data;

  self->rest_source = 0;
  limn_session_rest (self->session);
  return G_SOURCE_REMOVE;
}

void
limn_window_put_off_rest (LimnWindow *self)
{
  guint after_s = g_settings_get_uint (self->memory, "rest-after");

  g_clear_handle_id (&self->rest_source, g_source_remove);
  if (after_s > 0 && limn_session_get_info (self->session) && !limn_window_is_busy (self))
    self->rest_source = g_timeout_add_seconds (after_s, rest_cb, self);
}
