/* SPDX-License-Identifier: Apache-2.0 */
/* While a picture is painted the desktop does not suspend, and afterwards it may again: what a
 * session manager on the private bus is told. It has a thread of its own, for GTK waits for its
 * answers. */
#include "fixture.h"

#define NAME "org.gnome.SessionManager"
#define COOKIE 77
#define SUSPEND 4u /* in the protocol of the session manager */

static const char interface_xml[]
    = "<node><interface name='" NAME "'>"
      "<method name='Inhibit'>"
      "<arg name='app_id' type='s' direction='in'/><arg name='xid' type='u' direction='in'/>"
      "<arg name='reason' type='s' direction='in'/><arg name='flags' type='u' direction='in'/>"
      "<arg name='cookie' type='u' direction='out'/></method>"
      "<method name='Uninhibit'><arg name='cookie' type='u' direction='in'/></method>"
      "</interface></node>";

static struct {
    GThread *thread;
    GMainLoop *loop;
    GMutex lock;
    GCond is_there;
    gboolean owned;
    guint n_inhibited, n_released, flags, released; /* under the lock, as all below */
    char *reason;
} manager;

static void call_cb(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
                    const char *method, GVariant *arguments, GDBusMethodInvocation *call,
                    gpointer data)
{
    (void)bus, (void)sender, (void)path, (void)interface, (void)data;
    g_mutex_lock(&manager.lock);
    if (g_str_equal(method, "Inhibit")) {
        manager.n_inhibited++;
        g_clear_pointer(&manager.reason, g_free);
        g_variant_get(arguments, "(susu)", NULL, NULL, &manager.reason, &manager.flags);
        g_dbus_method_invocation_return_value(call, g_variant_new("(u)", COOKIE));
    } else {
        manager.n_released++;
        g_variant_get(arguments, "(u)", &manager.released);
        g_dbus_method_invocation_return_value(call, NULL);
    }
    g_mutex_unlock(&manager.lock);
}

static void owned_cb(GDBusConnection *bus, const char *name, gpointer data)
{
    (void)bus, (void)name, (void)data;
    g_mutex_lock(&manager.lock);
    manager.owned = TRUE;
    g_cond_signal(&manager.is_there);
    g_mutex_unlock(&manager.lock);
}

static gpointer manage(gpointer data)
{
    static const GDBusInterfaceVTable methods = {.method_call = call_cb};
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GError) error = NULL;
    (void)data;
    g_main_context_push_thread_default(context);
    g_autofree char *address
        = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SESSION, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GDBusConnection) bus = g_dbus_connection_new_for_address_sync(
        address,
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
            | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
        NULL, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(interface_xml, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_dbus_connection_register_object(bus, "/org/gnome/SessionManager",
                                                       node->interfaces[0], &methods, NULL, NULL,
                                                       &error),
                     >, 0);
    guint owner = g_bus_own_name_on_connection(bus, NAME, G_BUS_NAME_OWNER_FLAGS_NONE, owned_cb, NULL,
                                               NULL, NULL);
    manager.loop = g_main_loop_new(context, FALSE);
    g_main_loop_run(manager.loop);
    g_bus_unown_name(owner);
    g_main_context_pop_thread_default(context);
    return NULL;
}

static void start_manager(void)
{
    g_mutex_init(&manager.lock);
    g_cond_init(&manager.is_there);
    manager.thread = g_thread_new("session manager", manage, NULL);
    g_mutex_lock(&manager.lock);
    while (!manager.owned)
        g_cond_wait(&manager.is_there, &manager.lock);
    g_mutex_unlock(&manager.lock);
}

static void require_told(guint n_inhibited, guint n_released)
{
    g_mutex_lock(&manager.lock);
    g_assert_cmpuint(manager.n_inhibited, ==, n_inhibited);
    g_assert_cmpuint(manager.n_released, ==, n_released);
    g_mutex_unlock(&manager.lock);
}

static guint get_n_released(void)
{
    g_mutex_lock(&manager.lock);
    guint n = manager.n_released;
    g_mutex_unlock(&manager.lock);
    return n;
}

static void test_run(struct fixture *f, gconstpointer data)
{
    (void)data;
    require_told(0, 0);
    g_object_set(f->window->settings, "steps", 1000, NULL);
    fixture_act(f, "win.generate");
    require_told(1, 0);
    g_mutex_lock(&manager.lock);
    g_assert_cmpuint(manager.flags, ==, SUSPEND);
    g_assert_cmpstr(manager.reason, ==, "A picture is being painted");
    g_mutex_unlock(&manager.lock);

    /* One that is paused may wait while the computer sleeps. */
    WAIT_UNTIL(limn_run_get_step(f->window->run) > 0);
    fixture_act(f, "win.pause");
    WAIT_UNTIL(get_n_released() == 1);
    fixture_act(f, "win.pause");
    WAIT_UNTIL(!limn_window_is_paused(f->window));
    require_told(2, 1);

    fixture_act(f, "win.stop");
    WAIT_UNTIL(!limn_run_is_active(f->window->run));
    WAIT_UNTIL(get_n_released() == 2);
    g_mutex_lock(&manager.lock);
    g_assert_cmpuint(manager.released, ==, COOKIE);
    g_mutex_unlock(&manager.lock);

    g_object_set(f->window->settings, "steps", 6, NULL);
    fixture_paint(f);
    WAIT_UNTIL(get_n_released() == 3);
    require_told(3, 3);
}

int main(int argc, char **argv)
{
    start_manager(); /* the application looks for it when it registers */
    fixture_init(&argc, &argv);
    g_test_add("/inhibit/run", struct fixture, NULL, fixture_open, test_run, fixture_close);
    int result = g_test_run();
    g_main_loop_quit(manager.loop);
    g_thread_join(manager.thread);
    g_main_loop_unref(manager.loop);
    g_free(manager.reason);
    return result;
}
