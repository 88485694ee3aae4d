/* SPDX-License-Identifier: Apache-2.0 */
/* limn-error.h - the engine's errors as GLib's: a domain of their own, the status being the
 * code. */
#pragma once

#include <fit/fit.h>
#include <glib.h>

G_BEGIN_DECLS

GQuark limn_fit_error_quark (void);
void limn_propagate_fit_error (GError **error, const struct fit_error *from);

G_END_DECLS
